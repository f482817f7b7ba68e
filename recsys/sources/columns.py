"""Columns of text to values; rows where that fails are refused, with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from recsys.sources.records import Chunk, Layout
from recsys.sources.scales import Scale, stars_of
from recsys.sources.times import read_times

# A year that a film can be of; any other number in brackets is part of the title.
YEAR = re.compile(r"^(?P<title>.*\S)\s*\((?P<year>18[7-9][0-9]|19[0-9]{2}|20[0-9]{2})\)\s*$", re.S)
IMDB_URL = re.compile(r"^https?://.*/(tt[0-9]+).*$")
TMDB_URL = re.compile(r"^https?://.*/movie/([0-9]+).*$")
LONGEST_NAME = 600  # characters of a tag, a genre or a person's name, so that an index takes them
LONGEST_TITLE = 1_000
NO_RATING = "rating is not a number"

Text = "pd.Series[str]"
Reader = Callable[["pd.Series[str]"], "tuple[pd.Series[Any], pd.Series[str]]"]


def ids(text: pd.Series[str], why: str) -> tuple[pd.Series[Any], pd.Series[str]]:
    """Read whole numbers; never by way of floats, which would change ids above 2^53."""
    plain = text.str.strip().str.removesuffix(".0")
    wrong = ~plain.str.fullmatch("[0-9]{1,18}")
    return plain.mask(wrong, "0").astype("int64"), _reasons(wrong, why)


def ratings(text: pd.Series[str], scale: Scale) -> tuple[pd.Series[Any], pd.Series[str]]:
    """Read ratings on a scale as stars from 0.5 to 5."""
    values = scale.read(text)
    numbers = np.asarray(values, dtype=np.float64)
    reason = _reasons(pd.Series(~scale.takes(numbers), text.index, "bool"), out_of_range(scale))
    stars = pd.Series(stars_of(scale, numbers), text.index)
    missing = text.str.strip() == ""
    reason = reason.mask(values.isna(), NO_RATING).mask(missing, "the rating is empty")
    return stars, reason


def out_of_range(scale: Scale) -> str:
    """Return why a rating is refused that is not on the scale."""
    return NO_RATING if scale.likes else f"the rating is not {scale}"


def imdb_ids(text: pd.Series[str]) -> tuple[pd.Series[Any], pd.Series[str]]:
    """Read IMDb ids, with or without ``tt`` and leading zeros; empty is none."""
    digits = text.str.strip().str.replace(IMDB_URL, r"\1", regex=True).str.removeprefix("tt")
    missing = digits.isin(["", "0"])
    wrong = ~digits.str.fullmatch(r"[0-9]{1,10}") & ~missing
    values = ("tt" + digits.str.zfill(7)).mask(missing | wrong, None)
    return values, _reasons(wrong, "imdbId is not a number")


def tmdb_ids(text: pd.Series[str]) -> tuple[pd.Series[Any], pd.Series[str]]:
    """Read TMDB ids, also those that went through a float (``862.0``); empty is none."""
    plain = text.str.strip().str.replace(TMDB_URL, r"\1", regex=True).str.removesuffix(".0")
    missing = plain.isin(["", "0"])
    values, reason = ids(plain.mask(missing, "0"), "tmdbId is not a number")
    return values.astype("Int64").mask(missing | (reason != ""), None), reason


def titles(text: pd.Series[str]) -> tuple[pd.Series[Any], pd.Series[str]]:
    """Read titles as they are, empty ones too; the year at their end is `title_years`' matter."""
    plain = text.str.strip()
    return plain, _reasons(
        plain.str.len() > LONGEST_TITLE, f"the title is longer than {LONGEST_TITLE:,} characters"
    )


def tags(text: pd.Series[str]) -> tuple[pd.Series[Any], pd.Series[str]]:
    """Read tags."""
    plain = text.str.strip()
    reason = _reasons(plain == "", "the tag is empty")
    return plain, reason.mask(
        plain.str.len() > LONGEST_NAME, f"the tag is longer than {LONGEST_NAME} characters"
    )


def ages(text: pd.Series[str]) -> tuple[pd.Series[Any], pd.Series[str]]:
    """Read ages in years; what is no age is none."""
    values = pd.to_numeric(text, errors="coerce")
    return values.where(values.between(0, 150)).round().astype("Int64"), _reasons(
        values.isna() & (text.str.strip() != ""), "age is not a number"
    )


def plain(text: pd.Series[str]) -> tuple[pd.Series[Any], pd.Series[str]]:
    """Keep the text; empty is none."""
    stripped = text.str.strip()
    return stripped.mask(stripped == "", None), _reasons(stripped.isna(), "")


def title_years(titles: pd.Series[str]) -> tuple[pd.Series[str], pd.Series[Any]]:
    """Split ``Heat (1995)`` into title and year."""
    parts = titles.str.extract(YEAR)
    years = pd.to_numeric(parts["year"]).astype("Int64")
    return parts["title"].fillna(titles), years


def drop_film(titles: pd.Series[str]) -> pd.Series[str]:
    """Turn ``Heat (1995 film)`` and ``Heat (film)``, as encyclopedias write, into titles."""
    return titles.str.replace(r"\s*\(film\)\s*$", "", regex=True).str.replace(
        r"\(([0-9]{4})\s[\w\s]*film\)\s*$", r"(\1)", regex=True
    )


def date_years(text: pd.Series[str]) -> pd.Series[Any]:
    """Return the year of dates such as 1995-12-15, 12/15/1995 or 1995; none where unclear."""
    found = text.str.extract(r"(?<![0-9])(18[7-9][0-9]|19[0-9]{2}|20[0-9]{2})(?![0-9])")[0]
    return pd.to_numeric(found).astype("Int64")


def adults(text: pd.Series[str]) -> tuple[pd.Series[Any], pd.Series[str]]:
    """Read whether a film is for adults alone: True and False, or 1 and 0; empty is not known."""
    plain = text.str.strip().str.lower()
    values = plain.map({"true": True, "1": True, "false": False, "0": False})
    return values, _reasons(values.isna() & (plain != ""), "adult is neither True nor False")


READERS: dict[str, Reader] = {
    "user_id": lambda text: ids(text, "userId is not a whole number"),
    "movie_id": lambda text: ids(text, "movieId is not a whole number"),
    "imdb_id": imdb_ids,
    "tmdb_id": tmdb_ids,
    "title": titles,
    "adult": adults,
    "tag": tags,
    "age": ages,
    **dict.fromkeys(
        ("user_key", "movie_key", "poster_path", "gender", "occupation", "postal_code"), plain
    ),
}


def parse(chunk: Chunk, file: str, layout: Layout | None = None) -> Chunk:
    """Read the text columns as what they are; rows where that fails are refused."""
    layout = layout or Layout()
    readers = READERS | {
        "rating": lambda text: ratings(text, layout.scale),
        "rated_at": lambda text: read_times(text, layout.day_first),
    }
    rows = chunk.rows
    reason = pd.Series("", index=rows.index, dtype="str")
    parsed: dict[str, pd.Series[Any]] = {}
    for column in rows.columns:
        if column in readers:
            parsed[column], why = readers[column](rows[column])
            reason = reason.mask((reason == "") & (why != ""), why)
    return replace(chunk, rows=rows.assign(**parsed)).refuse(file, reason.tolist())


def _reasons(wrong: pd.Series[bool], why: str) -> pd.Series[str]:
    return pd.Series("", index=wrong.index, dtype="str").mask(wrong.astype(bool), why)
