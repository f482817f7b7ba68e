"""How the progress of long work is drawn."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from recsys.cli import output
from recsys.progress import Progress

WORDS = {"reading": "Reading the files", "training": "Training", "never": "Never"}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Return the bars that were left on the screen, a line each, without the bar itself."""
    screen = io.StringIO()
    monkeypatch.setattr(output, "errors", Console(file=screen, width=120))

    def lines() -> list[str]:
        return [" ".join(line.replace("━", "").split()) for line in screen.getvalue().splitlines()]

    return lines


def test_each_step_has_a_bar_that_ends_full(drawn: Callable[[], list[str]]) -> None:
    with output.progress_bar(WORDS) as progress:
        progress("reading", 0)
        progress("reading", 0, None, "films.csv")
        progress("training", 0, 20)
        progress("training", 7, 20, "loss 0.5")  # and no more: it ended early
        progress("other", 3)
        progress("none", 0, 0)
        progress("training", 20, 20)
    reading, training, other, none, again = drawn()
    assert reading.startswith("Reading the files 1/1 films.csv 0:00:0")
    assert training.startswith("Training 20/20 loss 0.5")
    assert other.startswith("other 3/3")
    assert none.startswith("none 0/0")
    assert again.startswith("Training 20/20 0:00:0")


@pytest.mark.parametrize(("unit", "shown"), [("percent", "100%"), ("bytes", "2.0/2.0 MB")])
def test_units(drawn: Callable[[], list[str]], unit: str, shown: str) -> None:
    with output.progress_bar(WORDS, unit) as progress:  # type: ignore[arg-type]
        progress("reading", 1_000_000, 2_000_000)
    assert shown in drawn()[0]


def test_no_step_draws_nothing_and_an_error_leaves_the_bar(
    drawn: Callable[[], list[str]],
) -> None:
    def fails(progress: Progress) -> None:
        progress("training", 7, 20)
        raise KeyError

    with output.progress_bar(WORDS):
        pass
    assert "".join(drawn()) == ""
    with pytest.raises(KeyError), output.progress_bar(WORDS) as progress:
        fails(progress)
    assert "Training 7/20" in drawn()[-1]
