"""Batches of rows with standard columns, and refused rows: what every source gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd

FILM = ("line", "movie_id", "title", "year", "imdb_id", "tmdb_id", "poster_path", "adult", "raw")
# Columns of each kind of batch, in the order in which files are read: what refers to films comes
# after them. `line` is the row's line in its file, counted from 1.
COLUMNS: dict[str, tuple[str, ...]] = {
    # One row of a file each: these are counted as read.
    "movies": FILM,
    "links": ("line", "movie_id", "imdb_id", "tmdb_id"),
    "descriptions": FILM,  # of films that are there already: found by ids, or title and year
    "users": ("line", "user_id", "gender", "age", "occupation", "postal_code"),
    "ratings": ("line", "user_id", "movie_id", "rating", "rated_at"),  # seconds since 1970 or NaN
    # What people rated or watched: `status` is rated, or a kind of feedback.
    "entries": (
        *("line", "user_id", "movie_id", "imdb_id", "tmdb_id", "title", "year"),
        *("status", "rating", "rated_at", "raw"),
    ),
    "tags": ("line", "user_id", "movie_id", "tag", "rated_at"),
    # Parts of the film or description in that line of that file.
    "movie_genres": ("line", "genre"),
    "movie_people": ("line", "name", "role", "position"),
    "movie_texts": ("line", "kind", "text"),
    "movie_keywords": ("line", "keyword"),
}
PARTS = ("movie_genres", "movie_people", "movie_texts", "movie_keywords")


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was refused.

    Attributes
    ----------
    fault
        False where nothing is wrong with the row: its film is not there.
    """

    file: str
    line: int | None
    reason: str
    raw: str
    fault: bool = True


@dataclass(frozen=True)
class Batch:
    """Rows of one kind from one file, and those among them that could not be read.

    Attributes
    ----------
    rows
        The columns of `COLUMNS`; others are ignored, and a missing one means null. In place of
        an id there may be a ``user_key`` or ``movie_key``, which the load numbers.
    size
        How much of `Source.size` was read for them.
    raw
        Gives the text of the row at a position, as it stands in the file.
    """

    kind: str
    file: str
    rows: pd.DataFrame
    rejects: list[Reject] = field(default_factory=list)
    size: int = 0
    raw: Callable[[int], str] | None = None


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
    def id_space(self) -> str | None:
        """Whose numbers the film ids are; None where they are those of the database."""
        ...

    @property
    def names_films(self) -> bool:
        """Whether there are films in it, not only what refers to films."""
        ...

    @property
    def notice(self) -> str | None:
        """What all users of its rows must know."""
        ...

    @property
    def size(self) -> int:
        """How much there is to read, in bytes or rows, for a progress bar."""
        ...

    def batches(self) -> Iterator[Batch]:
        """Yield all rows, films before what refers to them."""
        ...
