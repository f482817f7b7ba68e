"""A factorization by several processes gives the vectors of one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from recsys.learning.als import Factors, fit
from tests.helpers.factorized import PARAMETERS, SHAPE, begin_at, pairs


@pytest.mark.parametrize(
    ("processes", "begins"), [(2, True), pytest.param(3, False, marks=pytest.mark.slow)]
)
def test_processes_learn_what_one_learns(processes: int, begins: bool, tmp_path: Path) -> None:
    path = tmp_path / "learned"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", str(processes), "-m", "tests.helpers.factorized", str(path)),
            *(["begin"] if begins else []),
        ],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    together = Factors(*torch.load(path))
    alone = fit(*pairs(), SHAPE, PARAMETERS, begin_at=begin_at() if begins else None)
    assert together.loss == pytest.approx(alone.loss, rel=1e-5)
    torch.testing.assert_close(together.users, alone.users, rtol=0, atol=1e-4)
    torch.testing.assert_close(together.items, alone.items, rtol=0, atol=1e-4)
