"""Text files to records: fields as text, each with its line, its raw text, or why it is refused.

A row that cannot be read costs itself alone. A quote that is never closed would make the CSV
reader swallow what follows, so the first line is refused and reading goes on at the second.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import IO

import pandas as pd

from recsys.sources.batches import Reject
from recsys.sources.files import File, read_line
from recsys.sources.scales import STARS, Scale

LONGEST_FIELD = 1_000_000
LONGEST_RAW = 1_000
# What programs write where there is nothing; it means so in each column.
MISSING = ("\\N", "NULL", "null", "NaN", "nan", "N/A", "n/a", "#N/A", "NA", "<NA>", "None")
ROWS_A_CHUNK = 20_000
TEXT_A_CHUNK = 1 << 26  # characters, so that rows of long fields do not fill the memory
csv.field_size_limit(max(LONGEST_FIELD, csv.field_size_limit()))

Record = tuple[int, list[str], str]  # line, fields, raw text


@dataclass(frozen=True)
class Layout:
    """How a text file is laid out.

    Attributes
    ----------
    columns
        Names of the fields, empty for those not wanted.
    separator
        Between fields. Only with ``quoted`` may a field in quotes hold it.
    heading
        The line of the headings; 0 if there are none.
    scale, day_first
        How its ratings and dates are meant.
    """

    columns: tuple[str, ...] = ()
    separator: str = ","
    quoted: bool = True
    encoding: str = "utf-8"
    heading: int = 0
    scale: Scale = STARS
    day_first: bool | None = None


@dataclass(frozen=True)
class Chunk:
    """Records of a file as columns of text.

    Attributes
    ----------
    rows
        ``line`` and the wanted columns.
    raw
        Text of each row as it stands in the file.
    size
        Bytes that were read for it.
    """

    rows: pd.DataFrame
    raw: list[str]
    rejects: list[Reject]
    size: int

    def refuse(self, file: str, reasons: Sequence[str]) -> Chunk:
        """Return the chunk without the rows that there is a reason to refuse; most have none."""
        bad = {place: reason for place, reason in enumerate(reasons) if reason}
        if not bad:
            return self
        lines = self.rows["line"]
        rejects = [
            Reject(file, int(lines.iloc[place]), reason, escaped(self.raw[place]))
            for place, reason in bad.items()
        ]
        kept = [place for place in range(len(lines)) if place not in bad]
        rows = self.rows.iloc[kept].reset_index(drop=True)
        return Chunk(rows, [self.raw[place] for place in kept], self.rejects + rejects, self.size)


def read_chunks(file: File, layout: Layout) -> Iterator[Chunk]:
    """Read a file as text columns, so that nothing is guessed and nothing changed."""
    with file.open() as stream:
        lines = _Lines(stream, layout.encoding)
        lines.skip(layout.heading)
        records = _records(lines, layout)
        size = 0
        while chunk := take(records):
            yield _chunk(file.name, chunk, layout.columns, lines.size - size)
            size = lines.size


def take(records: Iterator[Record | Reject]) -> list[Record | Reject]:
    """Return the records of the next chunk."""
    taken: list[Record | Reject] = []
    size = 0
    for record in islice(records, ROWS_A_CHUNK):
        taken.append(record)
        size += len(record.raw if isinstance(record, Reject) else record[2])
        if size > TEXT_A_CHUNK:
            break
    return taken


def escaped(raw: str) -> str:
    """Return text as it may stand in the database, cut to its first thousand characters."""
    text = raw.rstrip("\r\n")[:LONGEST_RAW]
    return (
        text.encode("utf-8", "surrogateescape")
        .decode("utf-8", "backslashreplace")
        .replace("\0", "\\x00")[:LONGEST_RAW]
    )


def storable(text: str) -> str:
    """Return the text without what PostgreSQL cannot hold: NUL and half characters of JSON."""
    return text.encode("utf-8", "ignore").decode().replace("\0", "").strip()


def split_line(line: str, layout: Layout) -> list[str]:
    """Return the fields of a record that is one line.

    Raises
    ------
    csv.Error
        Its quotes are broken.
    """
    text = line.rstrip("\r\n")
    if layout.quoted and '"' in text:
        return next(csv.reader([text], delimiter=layout.separator, strict=True), [])
    return text.split(layout.separator) if text else []


def fault(fields: list[str], raw: str, width: int) -> str | None:
    """Say what is wrong with a record, whatever its columns mean."""
    if not raw.isascii():
        try:
            raw.encode()
        except UnicodeEncodeError:
            return "it is not in the file's encoding"
    if "\0" in raw:
        return "it holds a NUL character"
    if len(fields) != width:
        return "wrong number of fields"
    if len(raw) > LONGEST_FIELD and max(map(len, fields)) > LONGEST_FIELD:
        return f"a field is longer than {LONGEST_FIELD:,} characters"
    return None


class _Lines:
    """Decoded lines of a stream, with those put back first."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self.stream = stream
        self.encoding = encoding
        self.waiting: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0  # of the last line given
        self.size = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.waiting:
            line = self.waiting.popleft()
        else:
            data = read_line(self.stream)
            if not data:
                raise StopIteration
            # Bytes that are no text stay recognisable, and can be shown.
            line = data.decode(self.encoding, "surrogateescape")
            if self.size == 0:
                line = line.removeprefix("\ufeff")
            self.size += len(data)
        self.number += 1
        self.taken.append(line)
        return line

    def skip(self, count: int) -> None:
        """Pass over lines."""
        for _ in islice(self, count):
            self.taken.clear()

    def put_back(self) -> None:
        """Put back all but the first of the lines taken."""
        self.number -= len(self.taken) - 1
        self.waiting.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def _records(lines: _Lines, layout: Layout) -> Iterator[Record | Reject]:
    next_fields = _by_csv(lines, layout) if layout.quoted else _by_line(lines, layout)
    while True:
        lines.taken.clear()
        line = lines.number + 1
        try:
            fields = next_fields()
        except StopIteration:
            return
        except csv.Error as error:
            lines.put_back()
            yield Reject("", line, _in_words(error), escaped(lines.taken[0]))
            continue
        if fields:  # an empty line is no row
            yield line, fields, "".join(lines.taken)


def _by_csv(lines: _Lines, layout: Layout) -> Callable[[], list[str]]:
    return csv.reader(lines, delimiter=layout.separator, strict=True).__next__


def _by_line(lines: _Lines, layout: Layout) -> Callable[[], list[str]]:
    return lambda: split_line(next(lines), layout)


def _in_words(error: csv.Error) -> str:
    text = str(error)
    if "field larger" in text:
        return f"a field is longer than {LONGEST_FIELD:,} characters"
    if "unexpected end" in text or "expected after" in text:
        return "its quotes are broken"
    return f"it is no CSV: {text}"


def _chunk(file: str, records: list[Record | Reject], columns: tuple[str, ...], size: int) -> Chunk:
    rejects: list[Reject] = []
    good: list[Record] = []
    for record in records:
        if isinstance(record, Reject):
            rejects.append(Reject(file, record.line, record.reason, record.raw))
        elif why := fault(record[1], record[2], len(columns)):
            rejects.append(Reject(file, record[0], why, escaped(record[2])))
        else:
            good.append(record)
    return Chunk(frame_of(good, columns), [raw for _, _, raw in good], rejects, size)


def frame_of(records: Sequence[Record], columns: Sequence[str]) -> pd.DataFrame:
    """Return the wanted fields of records as columns of text, and their lines.

    Of columns with one name the first counts. What means missing is empty in each of them.
    """
    places = {name: columns.index(name) for name in columns if name}
    missing = dict.fromkeys(MISSING, "")
    return pd.DataFrame(
        {
            "line": pd.Series([line for line, _, _ in records], dtype="int64"),
            **{
                name: pd.Series(
                    [missing.get(fields[place], fields[place]) for _, fields, _ in records],
                    dtype="str",
                )
                for name, place in places.items()
            },
        }
    )
