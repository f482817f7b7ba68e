"""The clock was set back: what is in the tables happens tomorrow, and all works go on."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from recsys.database.retention import delete_impressions
from recsys.database.views import refresh
from recsys.loading.load import load
from recsys.models.lists import recommend_all
from recsys.models.versions import activate_model, active_model
from recsys.parameters import Parameters
from recsys.sources import open_source
from recsys.training.train import train
from tests.helpers.clock import TOMORROW


@pytest.mark.slow
def test_all_works_go_on(sample_engine: Engine) -> None:
    refresh(sample_engine)
    with sample_engine.begin() as connection:
        connection.exec_driver_sql(TOMORROW, execution_options={"no_parameters": True})
        first = active_model(connection)
        assert first is not None
    assert load(sample_engine, open_source("sample")).total.rejected == 0
    for again in (True, False):
        made = train(sample_engine, Parameters(16), device="cpu", from_scratch=again)
        with sample_engine.connect() as connection:
            assert active_model(connection) == made
    with sample_engine.begin() as connection:
        activate_model(connection, first)
        assert active_model(connection) == first
    assert recommend_all(sample_engine, 3) > 0
    assert refresh(sample_engine)
    delete_impressions(sample_engine, "1 day")
