"""Times of ratings: hand values, and the two readers of ratings agree."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.sources import ratings
from recsys.sources.files import File
from recsys.sources.ratings import read_ratings
from recsys.sources.records import Layout
from recsys.sources.scales import Scale
from recsys.sources.times import AMBIGUOUS, IN_FUTURE, NO_TIME, read_times, seconds_of
from tests.helpers.examples import examples


def at(*date: int) -> float:
    return datetime(*date, tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("964982703", 964982703),
        ("0", 0),
        ("964982703000", 964982703),
        ("964982703000000", 964982703),
        ("964982703000000000", 964982703),
        ("1700000000123", 1700000000.123),
        ("20190506", at(2019, 5, 6)),
        ("20190506123001", at(2019, 5, 6, 12, 30, 1)),
        ("2019-05-06", at(2019, 5, 6)),
        ("2019-5-6", at(2019, 5, 6)),
        ("2019/05/06 10:00", at(2019, 5, 6, 10)),
        ("2019.05.06", at(2019, 5, 6)),
        ("2024-03-14T02:14:22", at(2024, 3, 14, 2, 14, 22)),
        ("2014-09-01T09:10:11.000Z", at(2014, 9, 1, 9, 10, 11)),
        ("2014-09-01 09:10:11 UTC", at(2014, 9, 1, 9, 10, 11)),
        ("16.8.2022", at(2022, 8, 16)),
        ("05.06.2019", at(2019, 6, 5)),
        ("16/08/2022", at(2022, 8, 16)),
        ("08/16/2022", at(2022, 8, 16)),
        ("8/16/22", at(2022, 8, 16)),
        ("08/16/2022 1:05 PM", at(2022, 8, 16, 13, 5)),
        ("05/05/2019", at(2019, 5, 5)),
        ("6 May 2019", at(2019, 5, 6)),
        ("May 6, 2019", at(2019, 5, 6)),
        ("06-May-2019", at(2019, 5, 6)),
    ],
)
def test_times_as_people_and_programs_write_them(text: str, expected: float) -> None:
    values, reasons = read_times(pd.Series([text], dtype="str"))
    assert values[0] == pytest.approx(expected, abs=1e-3)
    assert reasons[0] == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("05/06/2019", AMBIGUOUS),
        ("5-6-19", AMBIGUOUS),
        ("20191399", NO_TIME),
        ("31.2.2019", NO_TIME),
        ("yesterday", NO_TIME),
        ("-5", NO_TIME),
        ("inf", NO_TIME),
        ("-inf", NO_TIME),
        ("infinity", NO_TIME),
        ("0001-01-01", NO_TIME),
        ("0044-03-15 BC", NO_TIME),
        ("10000-01-01", NO_TIME),
        ("9999-12-31", IN_FUTURE),
        ("1957-10-04", NO_TIME),
        ("9783-10-01", IN_FUTURE),
        ("99999999999", IN_FUTURE),
    ],
)
def test_what_is_no_time_has_a_reason(text: str, reason: str) -> None:
    _, reasons = read_times(pd.Series([text], dtype="str"))
    assert reasons[0] == reason


def test_the_order_of_day_and_month_can_be_said() -> None:
    text = pd.Series(["05/06/2019", "16/08/2022", "08/16/2022", "05.06.2019"], dtype="str")
    days = [at(2022, 8, 16), at(2022, 8, 16), at(2019, 6, 5)]
    for day_first, first in ((True, at(2019, 6, 5)), (False, at(2019, 5, 6))):
        values, reasons = read_times(text, day_first)
        assert (values.tolist(), set(reasons)) == ([first, *days], {""})


def test_an_empty_time_is_not_known() -> None:
    values, reasons = read_times(pd.Series(["", "  "], dtype="str"))
    assert values.isna().all()
    assert set(reasons) == {""}


@given(st.dates(min_value=datetime(1970, 1, 1).date(), max_value=datetime(2100, 12, 31).date()))
def test_compact_dates(day: datetime) -> None:
    seconds = seconds_of(np.array([int(f"{day:%Y%m%d}"), int(f"{day:%Y%m%d}235959")]))
    first = at(day.year, day.month, day.day)
    assert seconds.tolist() == [first, first + 86_399]


TIMES = st.one_of(
    st.integers(0, 2 * 10**18),
    st.integers(19_690_000, 21_020_000),
    st.integers(19_690_000_000_000, 21_020_000_000_000),
    st.sampled_from([1700000000123, 20190506, 20191399, 99999999999]),
)


@settings(max_examples=examples(150), deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 1100).map(lambda n: n / 10), TIMES), max_size=12),
    scale=st.sampled_from([Scale(0.5, 5), Scale(0, 10), Scale(1, 100), Scale(-10, 10)]),
    separator=st.sampled_from([",", ";", "::"]),
    commas=st.booleans(),
)
def test_a_row_is_judged_alike_alone_and_among_others(
    rows: list[tuple[float, int]], scale: Scale, separator: str, commas: bool
) -> None:
    """By the fast reader and the careful one, whatever its neighbours are."""
    layout = Layout(
        ("user_id", "movie_id", "rating", "rated_at"), separator, len(separator) == 1, scale=scale
    )
    lines = [separator.join(("1", "2", f"{rating:g}", str(when))) for rating, when in rows]
    if commas and separator != ",":
        lines = [line.replace(".", ",") for line in lines]

    def judged(data: bytes) -> list[tuple[int, object]]:
        found: list[tuple[int, object]] = []
        file = File("ratings.csv", len(data), lambda: BytesIO(data))
        for batch in read_ratings(file, layout):
            found += [(row.line, (row.rating, row.rated_at)) for row in batch.rows.itertuples()]  # type: ignore[misc]
            found += [(reject.line or 0, reject.reason) for reject in batch.rejects]
        return sorted(found, key=lambda pair: pair[0])

    together = judged("\n".join(lines).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ratings, "_parse_fast", lambda *_: None)
        assert judged("\n".join(lines).encode()) == together
        alone = [judged(line.encode())[0][1] for line in lines]
    assert [what for _, what in together] == alone
