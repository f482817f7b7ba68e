"""Times of ratings: seconds, or finer, since 1970, and dates as people and programs write them."""

from __future__ import annotations

import re
import time
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.arrays import Mask, Values

DAY = 86_400
NO_TIME = "timestamp is not a time: seconds since 1970, or a date"
IN_FUTURE = "the timestamp is in the future"
AMBIGUOUS = "the date may have the day or the month first"
# Numbers from these on count thousandths, millionths and so on of a second since 1970; as whole
# seconds the first would be of the year 5138.
FINER = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
# 20190506 and 20190506123000: dates without punctuation.
COMPACT = ((19_700_101, 21_001_231, 1), (19_700_101_000_000, 21_001_231_235_959, 1_000_000))
PARTS = re.compile(
    r"\s*(?P<a>\d{1,2})(?P<s>[./-])(?P<b>\d{1,2})(?P=s)(?P<y>\d{4}|\d{2})"
    r"(?:[\sT,]+(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<sec>\d{2}))?\s*(?P<half>[AaPp])?[\w.]*)?\s*"
)
YEAR_FIRST = re.compile(r"^\s*(\d{4})[/.](\d{1,2})[/.](\d{1,2})(?!\d)")
WORDED = ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%b %d %Y", "%B %d %Y")


def latest_second() -> float:
    """Return the time from which on a rating is of the future: a day is left to clocks."""
    return time.time() + DAY


def seconds_of(numbers: NDArray[Any]) -> Values:
    """Return numbers as seconds since 1970; NaN for a date that there is not, such as 20191399."""
    values = numbers.astype(np.float64)
    seconds = values
    largest = values.max(initial=0)
    if largest < COMPACT[0][0]:
        return seconds
    dated = np.zeros(len(values), dtype=np.bool_)
    for low, high, unit in COMPACT:
        here: Mask = (values >= low) & (values <= high)
        if here.any():
            seconds = np.where(here, _compact(np.where(here, values, low), unit), seconds)
            dated |= here
    if largest >= FINER[-1][0]:
        for least, parts in FINER:
            here = (values >= least) & ~dated
            seconds = np.where(here, values / parts, seconds)
            dated |= here
    return seconds


def _compact(values: Values, unit: int) -> Values:
    """Read numbers such as 20190506, with `unit` numbers a day."""
    whole = values.astype(np.int64)
    date, clock = whole // unit, whole % unit
    month, day = date // 100 % 100, date % 100
    known = (month >= 1) & (month <= 12) & (day >= 1)
    months = ((date // 10_000 - 1970) * 12 + np.where(known, month, 1) - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    known &= days.astype("datetime64[M]") == months
    hour, minute, second = clock // 10_000, clock // 100 % 100, clock % 100
    known &= (hour < 24) & (minute < 60) & (second < 60)
    seconds = days.astype("datetime64[s]").astype(np.int64) + hour * 3600 + minute * 60 + second
    return np.where(known, seconds, np.nan)


def read_times(
    text: pd.Series[str], day_first: bool | None = None
) -> tuple[pd.Series[float], pd.Series[str]]:
    """Read times as seconds since 1970; an empty one is not known.

    Parameters
    ----------
    day_first
        Whether 05/06/2019 is of June; None where it is not said, and such a date is refused.

    Returns
    -------
    values, reasons
        NaN and a reason where there is no time; NaN alone where the text is empty.
    """
    numbers = pd.to_numeric(text, errors="coerce").astype("float64")
    values = pd.Series(seconds_of(numbers.fillna(0).to_numpy(np.float64)), text.index).mask(
        numbers.isna()
    )
    missing = text.str.strip() == ""
    reason = pd.Series("", index=text.index, dtype="str")
    dates = numbers.isna() & ~missing
    if dates.any():
        values = values.fillna(_read_dates(text[dates]))
        left = text[dates & values.isna()]
        read = [_read_parts(one, day_first) for one in left]
        values = values.fillna(pd.Series([value for value, _ in read], left.index, "float64"))
        reason.update(pd.Series([why for _, why in read], left.index, "str"))
    unclear = (values.isna() & ~missing) | (values < 0) | (values == np.inf)
    reason = reason.mask((reason == "") & unclear, NO_TIME)
    return values, reason.mask((reason == "") & (values > latest_second()), IN_FUTURE)


def _read_parts(text: str, day_first: bool | None) -> tuple[float, str]:
    """Read a date of three numbers, its year last; NaN for another text, or with a reason."""
    found = PARTS.fullmatch(text)
    if not found:
        return np.nan, ""
    day, month, year = int(found["a"]), int(found["b"]), int(found["y"])
    if found["s"] != "." and day != month and max(day, month) <= 12 and day_first is None:
        return np.nan, AMBIGUOUS
    if month > 12 or (found["s"] != "." and day_first is False and day <= 12):
        day, month = month, day
    if len(found["y"]) == 2:
        year += 2000 if year < 69 else 1900
    hour = int(found["h"] or 0)
    if found["half"]:
        hour = hour % 12 + 12 * (found["half"] in "pP")
    clock = int(found["m"] or 0) * 60 + int(found["sec"] or 0)
    date = _compact(np.array([year * 10_000.0 + month * 100 + day]), 1)[0]
    return float(date) + hour * 3600 + clock, ""


def _read_dates(text: pd.Series[str]) -> pd.Series[float]:
    """Read dates of ISO 8601, with their year first, or with the month as a word."""
    plain = text.str.replace(r"\s*(UTC|GMT)\s*$", "", regex=True)
    plain = plain.str.replace(YEAR_FIRST, r"\1-\2-\3", regex=True)
    plain = plain.str.replace(r"^\s*(\d{4})-(\d)-", r"\1-0\2-", regex=True)
    plain = plain.str.replace(r"^\s*(\d{4}-\d\d)-(\d)(?!\d)", r"\1-0\2", regex=True)
    parsed = pd.to_datetime(plain, errors="coerce", format="ISO8601", utc=True)
    for form in WORDED:
        if not parsed.isna().any():
            break
        parsed = parsed.fillna(pd.to_datetime(plain, errors="coerce", format=form, utc=True))
    # In whole seconds: nanoseconds end in 2262.
    whole = parsed.dt.tz_convert(None).to_numpy("datetime64[s]").astype("int64")
    return pd.Series(whole, index=text.index, dtype="float64").mask(parsed.isna())
