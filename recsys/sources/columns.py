"""Columns of text to values; rows where that fails are refused, with the reason."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd

from recsys.sources.records import Chunk

# A year that a film can be of; any other number in brackets is part of the title.
YEAR = re.compile(r"^(?P<title>.*\S)\s*\((?P<year>18[7-9][0-9]|19[0-9]{2}|20[0-9]{2})\)\s*$", re.S)
DAY = 86_400
LOWEST, HIGHEST = 0.5, 5.0  # stars
OUT_OF_RANGE = "the rating is not from 0.5 to 5"
LONGEST_NAME = 600  # characters of a tag, a genre or a person's name, so that an index takes them
LONGEST_TITLE = 1_000
NO_TIME = "timestamp is not a time in seconds since 1970"
IN_FUTURE = "the timestamp is in the future"

Text = "pd.Series[str]"
Reader = Callable[["pd.Series[str]"], "tuple[pd.Series[Any], pd.Series[str]]"]


def latest_second() -> float:
    """Return the time from which on a rating is of the future: a day is left to clocks."""
    return time.time() + DAY


def ids(text: pd.Series[str], why: str) -> tuple[pd.Series[Any], pd.Series[str]]:
    """Read whole numbers; never by way of floats, which would change ids above 2^53."""
    wrong = ~text.str.fullmatch(r"\s*[0-9]{1,18}\s*")
    return text.mask(wrong, "0").str.strip().astype("int64"), _reasons(wrong, why)


def ratings(text: pd.Series[str]) -> tuple[pd.Series[Any], pd.Series[str]]:
    """Read stars from 0.5 to 5."""
    values = pd.to_numeric(text, errors="coerce").astype("float64")
    reason = _reasons(~values.between(LOWEST, HIGHEST), OUT_OF_RANGE)
    return values, reason.mask(values.isna(), "rating is not a number")


def tenths(text: pd.Series[str]) -> tuple[pd.Series[Any], pd.Series[str]]:
    """Read ratings from 0 to 10 as stars: halved, and 0.5 for the lowest."""
    values = pd.to_numeric(text, errors="coerce").astype("float64")
    reason = _reasons(~values.between(0, 10), "the rating is not from 0 to 10")
    return (values / 2).clip(lower=LOWEST), reason.mask(values.isna(), "rating is not a number")


def seconds(text: pd.Series[str]) -> tuple[pd.Series[Any], pd.Series[str]]:
    """Read times: seconds since 1970, or a date as ISO 8601 writes it; empty is not known."""
    values = pd.to_numeric(text, errors="coerce").astype("float64")
    missing = text.str.strip() == ""
    dates = values.isna() & ~missing
    if dates.any():
        parsed = pd.to_datetime(text[dates], errors="coerce", format="ISO8601", utc=True)
        # In whole seconds: nanoseconds end in 2262.
        whole = parsed.dt.tz_convert(None).to_numpy("datetime64[s]").astype("int64")
        known = pd.Series(whole, index=parsed.index, dtype="float64").mask(parsed.isna())
        values = values.mask(dates, known)
    reason = _reasons(values > latest_second(), IN_FUTURE)
    unclear = (values.isna() & ~missing) | (values < 0) | (values == math.inf)
    return values, reason.mask(unclear, NO_TIME)


def imdb_ids(text: pd.Series[str]) -> tuple[pd.Series[Any], pd.Series[str]]:
    """Read IMDb ids, with or without ``tt`` and leading zeros; empty is none."""
    digits = text.str.strip().str.removeprefix("tt")
    missing = digits.isin(["", "0"])
    wrong = ~digits.str.fullmatch(r"[0-9]{1,10}") & ~missing
    values = ("tt" + digits.str.zfill(7)).mask(missing | wrong, None)
    return values, _reasons(wrong, "imdbId is not a number")


def tmdb_ids(text: pd.Series[str]) -> tuple[pd.Series[Any], pd.Series[str]]:
    """Read TMDB ids, also those that went through a float (``862.0``); empty is none."""
    plain = text.str.strip().str.removesuffix(".0")
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


READERS: dict[str, Reader] = {
    "user_id": lambda text: ids(text, "userId is not a whole number"),
    "movie_id": lambda text: ids(text, "movieId is not a whole number"),
    "rating": ratings,
    "rating_of_ten": tenths,
    "rated_at": seconds,
    "imdb_id": imdb_ids,
    "tmdb_id": tmdb_ids,
    "title": titles,
    "tag": tags,
    "age": ages,
    "gender": plain,
    "occupation": plain,
    "postal_code": plain,
}
# Where a column of a file has another name than what is read from it.
NAMES = {"rating_of_ten": "rating"}


def parse(chunk: Chunk, file: str) -> Chunk:
    """Read the text columns as what they are; rows where that fails are refused."""
    rows = chunk.rows
    reason = pd.Series("", index=rows.index, dtype="str")
    parsed: dict[str, pd.Series[Any]] = {}
    for column in rows.columns:
        if column in READERS:
            values, why = READERS[column](rows[column])
            parsed[NAMES.get(column, column)] = values
            reason = reason.mask((reason == "") & (why != ""), why)
    return replace(chunk, rows=rows.assign(**parsed)).refuse(file, reason.tolist())


def _reasons(wrong: pd.Series[bool], why: str) -> pd.Series[str]:
    return pd.Series("", index=wrong.index, dtype="str").mask(wrong.astype(bool), why)
