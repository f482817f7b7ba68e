"""How ratings are meant: said, or evident; never guessed from few."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from recsys.errors import SourceError
from recsys.sources.scales import (
    HUNDREDTHS,
    STARS,
    TENTHS,
    THUMBS,
    Scale,
    evident_scale,
    scale_of,
    stars_of,
)


@pytest.mark.parametrize(
    ("text", "scale"),
    [("1:10", Scale(1, 10)), ("10", TENTHS), ("0:100", HUNDREDTHS), ("like", THUMBS)],
)
def test_a_scale_is_said(text: str, scale: Scale) -> None:
    assert scale_of(text) == scale


@pytest.mark.parametrize("text", ["", "ten", "5:1", "1:1", "0", "1:inf", "nan"])
def test_what_is_no_scale(text: str) -> None:
    with pytest.raises(SourceError, match="no scale"):
        scale_of(text)


@pytest.mark.parametrize(
    ("scale", "values", "stars"),
    [
        (STARS, [0.5, 3, 5], [0.5, 3, 5]),
        (TENTHS, [0, 1, 9, 10], [0.5, 0.5, 4.5, 5]),
        (Scale(1, 10), [1, 7], [0.5, 3.5]),
        (HUNDREDTHS, [0, 80, 100], [0.5, 4, 5]),
        (Scale(-10, 10), [-10, 0, 10], [0.5, 2.75, 5]),
        (THUMBS, [0, 1], [1, 5]),
    ],
)
def test_stars_of_a_scale(scale: Scale, values: list[float], stars: list[float]) -> None:
    assert stars_of(scale, np.array(values, dtype=np.float64)).tolist() == stars


def test_words_and_decimal_commas() -> None:
    words = pd.Series(["Like", "dislike", "1", "0", "up", "meh"], dtype="str")
    assert THUMBS.read(words).fillna(-1).tolist() == [1, 0, 1, 0, 1, -1]
    assert STARS.read(pd.Series(["4,5", " 3,0 "], dtype="str")).tolist() == [4.5, 3.0]
    parts = pd.Series(["8/10", "80%", "★★★★", "★★★½☆", "½", "0/0", "x"], dtype="str")
    assert STARS.read(parts).fillna(-1).tolist() == [4, 4, 4, 3.5, 0.5, -1, -1]
    assert TENTHS.read(parts[:3]).tolist() == [8, 8, 8]


@pytest.mark.parametrize(
    ("sample", "scale"),
    [
        (["4", "3.5", "5"] * 10, STARS),
        (["9", "7", "6", "3"] * 10, TENTHS),
        (["80", "55", "9", "71"] * 10, HUNDREDTHS),
        (["9", "7"] * 4, STARS),  # too few
        (["4"] * 11 + ["45"], STARS),  # a slip of the hand
        (["4"] * 8 + ["7"] * 4, STARS),
        (["like", "dislike"] * 6, THUMBS),
    ],
)
def test_an_evident_scale(sample: list[str], scale: Scale) -> None:
    assert evident_scale(sample)[0] == scale


def test_thumbs_are_refused_and_ones_are_told() -> None:
    with pytest.raises(SourceError, match="--scale like"):
        evident_scale(["0", "1", "1"] * 5)
    assert "--scale like" in evident_scale(["1"] * 12)[1]
