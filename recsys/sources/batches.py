"""What every source gives: batches of rows with standard columns, and the rows it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd

# Columns of each kind of batch. `line` is the row's line in its file, the header being line 1.
COLUMNS: dict[str, tuple[str, ...]] = {
    # One row of a file each: these are counted as read.
    "movies": ("line", "movie_id", "title", "year"),
    "links": ("line", "movie_id", "imdb_id", "tmdb_id"),
    "ratings": ("line", "user_id", "movie_id", "rating", "rated_at"),  # seconds since 1970 or NaN
    "tags": ("line", "user_id", "movie_id", "tag", "rated_at"),
    # Parts of a film's row; `line` says which row, where a film stands twice.
    "movie_genres": ("line", "movie_id", "genre"),
    "movie_people": ("line", "movie_id", "name", "role"),
    "movie_texts": ("line", "movie_id", "kind", "text"),
}
COUNTED = ("movies", "links", "ratings", "tags")


@dataclass(frozen=True)
class Reject:
    """A row that was refused."""

    file: str
    line: int | None
    reason: str
    raw: str


@dataclass(frozen=True)
class Batch:
    """Rows of one kind from one file, and those among them that could not be read."""

    kind: str
    file: str
    rows: pd.DataFrame
    rejects: list[Reject] = field(default_factory=list)


class Source(Protocol):
    """A source of films and ratings."""

    @property
    def name(self) -> str:
        """What was asked for: a known name or a path."""
        ...

    @property
    def format(self) -> str:
        """Name of the format."""
        ...

    @property
    def notice(self) -> str | None:
        """What everybody who sees its rows must know."""
        ...

    def row_count(self) -> int:
        """Return about how many rows it holds, for a progress bar."""
        ...

    def batches(self) -> Iterator[Batch]:
        """Yield all rows, films before what refers to them."""
        ...
