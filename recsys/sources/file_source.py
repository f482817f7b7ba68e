"""A source that consists of files, each with the reader that its format chose for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from recsys.sources import columns
from recsys.sources.batches import COLUMNS, Batch
from recsys.sources.files import File
from recsys.sources.records import Chunk, Layout, escaped, read_chunks


@dataclass(frozen=True)
class Part:
    """One file, what its rows are, and how they are read.

    Attributes
    ----------
    fields
        Of each heading, what its column is read as, or an empty text.
    unread
        Headings, or names, of the columns that are not read.
    offers
        Of these, the field that each may be.
    notes
        What is to be said of how it is read.
    """

    kind: str
    file: File
    read: Callable[[File], Iterator[Batch]]
    fields: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    offers: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileSource:
    """A source made of files.

    Attributes
    ----------
    unread
        Names of the files that were passed over, and why.
    """

    format: str
    id_space: str | None
    parts: list[Part]
    unread: list[str] = field(default_factory=list)
    name: str = ""
    notice: str | None = None

    @property
    def names_films(self) -> bool:
        """Whether a file has films, not only what refers to films."""
        return any(part.kind == "movies" for part in self.parts)

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(part.file.size for part in self.parts)

    def batches(self) -> Iterator[Batch]:
        """Yield the rows of all files, films first."""
        for part in sorted(self.parts, key=lambda part: list(COLUMNS).index(part.kind)):
            yield from part.read(part.file)


def rows_part(kind: str, file: File, layout: Layout) -> Part:
    """Return a part whose rows are read column by column: users or tags."""
    return Part(kind, file, lambda file: read_rows(kind, file, layout))


def read_rows(
    kind: str,
    file: File,
    layout: Layout,
    prepare: Callable[[Chunk], Chunk] = lambda chunk: chunk,
) -> Iterator[Batch]:
    """Read rows that need no more than their columns read."""
    for chunk in read_chunks(file, layout):
        yield _batch(kind, file.name, columns.parse(prepare(chunk), file.name))


def _batch(kind: str, file: str, chunk: Chunk) -> Batch:
    return Batch(
        kind, file, chunk.rows, chunk.rejects, chunk.size, lambda place: escaped(chunk.raw[place])
    )
