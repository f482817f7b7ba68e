"""Files whose columns have names: CSV with any separator, and JSON, as an array or in lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from typing import Any

from recsys.errors import SourceError
from recsys.sources.batches import Reject
from recsys.sources.fields import field_of, fields_of
from recsys.sources.files import File, read_line
from recsys.sources.records import (
    TEXT_A_CHUNK,
    Chunk,
    Layout,
    Record,
    escaped,
    frame_of,
    read_chunks,
    split_line,
    storable,
    take,
)
from recsys.sources.scales import Scale

SEPARATORS = ",;\t|"
JSON = (".json", ".jsonl", ".ndjson")
SAMPLE = 10_000  # rows that a file is judged by, where there are so many
BLOCK = 1 << 20  # bytes
LARGEST_ARRAY = 1 << 28  # bytes of JSON that are read at once
PREAMBLE = 20  # lines that may come before the headings, if they are empty or name a separator


@dataclass(frozen=True)
class Reading:
    """What was said of how files are meant, where they do not show it.

    Attributes
    ----------
    columns
        Field of a heading (`FIELDS`), whatever it seems to mean.
    scale
        Of the ratings.
    day_first
        Whether 05/06/2019 is of June.
    user_id
        Whose the ratings are that name no user.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    scale: Scale | None = None
    day_first: bool | None = None
    user_id: int | None = None


@dataclass(frozen=True)
class Table:
    """A file whose columns have names.

    Attributes
    ----------
    fields
        Of each heading, the field that it means, or an empty text.
    """

    file: File
    headings: tuple[str, ...]
    fields: tuple[str, ...]
    layout: Layout
    records: Callable[[], Iterator[Record | Reject]] | None = None

    def sample(self) -> list[list[str]]:
        """Return the fields of the first rows, those that are whole."""
        if self.records is not None:
            rows = (fields for _, fields, _ in _good(self.records()))
            return list(islice(rows, SAMPLE))
        found: list[list[str]] = []
        size = 0
        with self.file.open() as stream:
            lines = iter(partial(read_line, stream), b"")
            for line in islice(lines, self.layout.heading, self.layout.heading + SAMPLE):
                try:
                    values = split_line(line.decode("utf-8", "replace"), self.layout)
                except csv.Error:
                    continue
                if len(values) == len(self.headings):
                    found.append(values)
                size += len(line)
                if size > TEXT_A_CHUNK:
                    break
        return found

    def chunks(self, columns: Sequence[str]) -> Iterator[Chunk]:
        """Read the columns that have a name here."""
        if self.records is None:
            yield from read_chunks(self.file, replace(self.layout, columns=tuple(columns)))
            return
        records, size = self.records(), self.file.size
        while some := take(records):
            good = list(_good(iter(some)))
            rejects = [one for one in some if isinstance(one, Reject)]
            yield Chunk(frame_of(good, columns), [raw for _, _, raw in good], rejects, size)
            size = 0


def open_table(file: File, reading: Reading) -> Table | None:
    """Return the table that a file is; None if it has no line of headings."""
    if file.name.lower().endswith(JSON):
        return _open_json(file, reading)
    lines = file.first_lines(PREAMBLE)
    place = next((n for n, line in enumerate(lines) if line.strip()), None)
    if place is None:
        return None
    separator = ""
    if lines[place].strip('"').lower().startswith("sep=") and place + 1 < len(lines):
        separator = lines[place].strip('"')[4:5]  # as spreadsheets write it
        place += 1
    separator = separator or max(SEPARATORS, key=lines[place].count)
    try:
        headings = next(csv.reader([lines[place]], delimiter=separator, strict=True), [])
    except csv.Error:
        return None
    names = tuple(heading.strip() for heading in headings)
    layout = Layout(separator=separator, heading=place + 1, day_first=reading.day_first)
    return Table(file, names, fields_of(names, reading.columns), layout)


def _open_json(file: File, reading: Reading) -> Table:
    """Return the table of a file of JSON; the names of what is nested have points between them."""

    def records() -> Iterator[Record | Reject]:
        for line, value, raw in _objects(file):
            if isinstance(value, dict):
                flat = dict(_flatten(value))
                yield line, [flat.get(name, "") for name in names], raw
            else:
                yield Reject(file.name, line, "it is no JSON object", escaped(raw))

    found: dict[str, None] = {}
    for _, value, _ in islice(_objects(file), SAMPLE):
        if isinstance(value, dict):
            found |= dict.fromkeys(name for name, _ in _flatten(value))
    names = tuple(found)
    layout = Layout(day_first=reading.day_first)
    return Table(file, names, fields_of(names, reading.columns), layout, records)


def _objects(file: File) -> Iterator[tuple[int, object, str]]:
    """Yield the objects of a file with their number, from 1, or line, and their text."""
    with file.open() as stream:
        first = stream.readline(1 << 20)
        while first and not first.strip():
            first = stream.readline(1 << 20)
        lone = _parse(first.decode("utf-8-sig", "replace"))
        rest = read_line(stream) if isinstance(lone, dict) else b""
        if rest.strip() or (isinstance(lone, dict) and _inner(lone) is None):
            yield 1, lone, storable(first.decode("utf-8-sig", "replace"))
            lines = iter(partial(read_line, stream), b"")
            for line, data in enumerate(chain([rest], lines), start=2):
                text = data.decode("utf-8", "replace")
                if text.strip():
                    yield line, _parse(text), storable(text)
            return
        array = first + rest + stream.read(LARGEST_ARRAY)
        if stream.read(1):
            raise SourceError(
                f"{file.name} cannot be read: it is a JSON array of more than "
                f"{LARGEST_ARRAY >> 20} MB. Write it as JSON lines, one object a line"
            )
        try:
            whole = json.loads(array.decode("utf-8-sig", "replace"))
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{file.name} cannot be read: it is no JSON ({error})") from error
    if isinstance(whole, dict):
        whole = _inner(whole) or [whole]
    if not isinstance(whole, list):
        raise SourceError(f"{file.name} cannot be read: it is no JSON array of objects")
    for number, value in enumerate(whole, start=1):
        yield number, value, storable(json.dumps(value, ensure_ascii=False))


def _inner(value: Mapping[str, Any]) -> list[object] | None:
    """Return the array of objects that an object holds under a name, if it is one."""
    lists = [inner for inner in value.values() if isinstance(inner, list)]
    alone = len(lists) == 1 and bool(lists[0]) and all(isinstance(one, dict) for one in lists[0])
    # A film with its cast has a title beside it; what holds films has counts and pages.
    return lists[0] if alone and not set(map(field_of, value)) & {"title", "imdb_id"} else None


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _flatten(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield what an object holds as text; lists stay JSON."""
    for name, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield from _flatten(inner, f"{path}{name}.")
        else:
            yield f"{path}{name}", _as_text(inner)


def _as_text(value: object) -> str:
    if value is None or value != value:  # Python writes NaN for a gap
        return ""
    return storable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _good(records: Iterator[Record | Reject]) -> Iterator[Record]:
    return (record for record in records if not isinstance(record, Reject))


def shared_encoding(file: File) -> str:
    """Return windows-1252 for a file none of whose letters beyond ASCII are UTF-8, else UTF-8."""
    other = False
    with file.open() as stream:
        while data := stream.read(BLOCK):
            data += read_line(stream)
            if not data.isascii():
                if any(_is_utf_8(line) for line in data.split(b"\n") if not line.isascii()):
                    return "utf-8"
                other = True
    return "cp1252" if other else "utf-8"


def _is_utf_8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
