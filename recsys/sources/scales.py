"""How ratings are meant: stars, of ten, of a hundred, or likes; said, or evident from the file."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from recsys.arrays import Mask, Values
from recsys.errors import SourceError

LOWEST, HIGHEST = 0.5, 5.0  # stars
ENOUGH = 10  # ratings, to judge a file by
LIKES = {
    **dict.fromkeys(("1", "like", "liked", "likes", "up", "thumbs up", "true", "yes", "love"), 5.0),
    **dict.fromkeys(("0", "-1", "dislike", "disliked", "down", "thumbs down", "false", "no"), 1.0),
}


@dataclass(frozen=True)
class Scale:
    """Ratings from `low` to `high`, and the stars that they stand for.

    From 0 or 1 on they are in proportion, so that 9 of 10 is 4.5 stars, and at least 0.5; from any
    other `low` on it stands for 0.5 and `high` for 5. `likes` has words in place of numbers.
    """

    low: float
    high: float
    likes: bool = False

    def __str__(self) -> str:
        return "likes" if self.likes else f"from {self.low:g} to {self.high:g}"

    def takes(self, values: Values) -> Mask:
        """Return which of the ratings are on the scale."""
        within: Mask = (values >= self.low) & (values <= self.high)
        return within

    def stars(self, values: Values) -> Values:
        """Return the stars of ratings on the scale."""
        if (self.low, self.high) == (LOWEST, HIGHEST):
            return values
        if self.low in (0, 0.5, 1):
            scaled = values * (HIGHEST / self.high)
        else:
            share = (values - self.low) / (self.high - self.low)
            scaled = LOWEST + share * (HIGHEST - LOWEST)
        stars: Values = np.maximum(scaled, LOWEST)
        return stars

    def read(self, text: pd.Series[str]) -> pd.Series[float]:
        """Return numbers on the scale, or of likes 1 and 0; NaN for what is none.

        A decimal comma is a point; 8/10, 80% and ★★★½ are parts of the whole scale.
        """
        if self.likes:
            words = text.str.strip().str.lower().str.removesuffix(".0")
            return words.map(LIKES).astype("float64").map({5.0: 1.0, 1.0: 0.0})
        plain = text.str.replace(r"^\s*(\d+),(\d+)\s*$", r"\1.\2", regex=True)
        values = pd.to_numeric(plain, errors="coerce").astype("float64")
        other = values.isna() & (plain.str.strip() != "")
        return values.fillna(plain[other].map(_share) * self.high) if other.any() else values


def _share(text: str) -> float:
    """Return the part of a whole that a text names, NaN if none."""
    if found := re.fullmatch(r"\s*([0-9.]+)\s*(?:/\s*([0-9.]+)|%)\s*", text):
        try:
            return float(found[1]) / float(found[2] or 100)
        except (ValueError, ZeroDivisionError):
            return math.nan
    if found := re.fullmatch("\\s*(★*)☆*(½?)☆*\\s*", text):
        return (len(found[1]) + len(found[2]) / 2) / HIGHEST
    return math.nan


STARS = Scale(LOWEST, HIGHEST)
TENTHS = Scale(0, 10)
HUNDREDTHS = Scale(0, 100)
THUMBS = Scale(0, 1, likes=True)


def scale_of(text: str) -> Scale:
    """Return the scale that is written as ``1:10``, ``10``, ``100`` or ``like``.

    Raises
    ------
    SourceError
        It is none.
    """
    if text.lower() in ("like", "likes", "thumbs"):
        return THUMBS
    found = re.fullmatch(r"(?:(-?[0-9.]+):)?([0-9.]+)", text.strip())
    try:
        low, high = float(found[1] or 0), float(found[2])  # type: ignore[index]
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not low < high < math.inf:
        raise SourceError(f"no scale of ratings: {text!r}; write 1:10, 1:100 or like")
    return Scale(low, high)


def stars_of(scale: Scale, values: Values) -> Values:
    """Return the stars of ratings on any scale: 5 for a like and 1 for its contrary."""
    return np.where(values > 0, 5.0, 1.0) if scale.likes else scale.stars(values)


def evident_scale(sample: Sequence[str]) -> tuple[Scale, str]:
    """Return the scale that some ratings of a file show, and what is to be said of it.

    A scale is evident where half of the ratings are beyond the one below it and hardly any beyond
    itself; of few ratings, or few beyond, none is but stars.

    Raises
    ------
    SourceError
        All are 0 or 1: thumbs, which as stars would be the lowest.
    """
    read = STARS.read(pd.Series(list(sample), dtype="str")).dropna().to_numpy()
    words = [word.strip().lower() for word in sample]
    if len(read) < ENOUGH:
        if len(words) >= ENOUGH and all(word in LIKES for word in words):
            return THUMBS, "likes and dislikes are read as 5 stars and 1 star"
        return STARS, ""
    if set(read.tolist()) <= {0.0, 1.0, -1.0} and (read <= 0).any():
        raise SourceError(
            "its ratings are all 0 or 1, which as stars would be the lowest: --scale like reads "
            "them as likes (5 stars) and dislikes (1 star)"
        )
    for scale, below in ((TENTHS, HIGHEST), (HUNDREDTHS, 10.0)):
        if (read > below).mean() >= 0.5 and (read > scale.high).mean() <= 0.01:
            share = "half" if scale is TENTHS else "a twentieth"
            return scale, f"ratings up to {scale.high:g}: read as {share} as many stars"
    if len(set(read.tolist())) == 1:
        what = (
            "if it means watched or liked, --scale like reads it as 5 stars"
            if read[0] == 1
            else "no user prefers one film to another"
        )
        return STARS, f"all ratings are {read[0]:g}: {what}"
    return STARS, ""
