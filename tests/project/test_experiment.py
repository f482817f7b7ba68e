"""The experiment of the documentation: its simulated viewers tell the better model."""

from __future__ import annotations

import experiment
import pytest
from sqlalchemy import Engine


@pytest.mark.slow
def test_the_better_model_is_found(engine: Engine) -> None:
    results, days = experiment.simulate(engine, experiment.train_both(engine))
    assert [row["variant"] for row in results] == ["a", "b"]
    assert results[1]["verdict"] == "better than a"
    assert days[-1]["lift_low"] > 0
