"""Lines of tables with tabs between their fields, of which most are only looked at in passing.

A quote is a character as any other. Lines stay bytes until they are wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from recsys.sources.batches import Batch, Reject
from recsys.sources.files import File, read_line
from recsys.sources.records import escaped

BLOCK = 1 << 24  # bytes


@dataclass(frozen=True)
class Lines:
    """Lines of a file; those with a wrong number of fields are refused, and empty from then on.

    Attributes
    ----------
    places
        Of each column among the fields.
    first
        Number of the first line.
    size
        Bytes that were read for them.
    """

    file: str
    places: dict[str, int]
    lines: list[bytes]
    first: int
    size: int
    rejects: list[Reject]

    def refuse(self, place: int, reason: str) -> None:
        """Refuse a line."""
        raw = escaped(self.lines[place].decode("utf-8", "surrogateescape"))
        self.rejects.append(Reject(self.file, self.first + place, reason, raw))

    def refuse_broken(self) -> None:
        """Refuse the lines with another number of fields; an empty line is no row."""
        tabs = len(self.places) - 1
        for place, line in enumerate(self.lines):
            if line.count(b"\t") != tabs and line:
                self.refuse(place, "wrong number of fields")
                self.lines[place] = b""

    def column(self, name: str) -> list[bytes]:
        """Return one field of each line, nothing of an empty line."""
        place = self.places[name]
        return [line.split(b"\t", place + 1)[place] if line else b"" for line in self.lines]

    def without_rows(self, kind: str) -> Batch:
        """Return what was refused, and how much was read."""
        none = pd.DataFrame({"line": pd.Series(dtype="int64")})
        return Batch(kind, self.file, none, self.rejects, self.size, raw=lambda place: "")


def headings_of(file: File) -> list[str]:
    """Return what the first line names the columns; nothing where it names two alike."""
    headings = file.first_line().split("\t")
    return headings if len(set(headings)) == len(headings) else []


def read_lines(file: File) -> Iterator[Lines]:
    """Yield the lines below the headings, block by block."""
    places = {name: place for place, name in enumerate(headings_of(file))}
    with file.open() as stream:
        size, first = len(read_line(stream)), 2
        while data := stream.read(BLOCK):
            data += read_line(stream)
            size += len(data)
            found = data.replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")
            lines = Lines(file.name, places, found, first, size, [])
            lines.refuse_broken()
            yield lines
            size, first = 0, first + len(found)
