"""What people take home from Letterboxd, IMDb, Trakt and Netflix: what they rated and watched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd

from recsys.sources.batches import Reject
from recsys.sources.entries import LIKED, SEEN, WATCHLIST
from recsys.sources.fields import simple
from recsys.sources.file_source import FileSource, Part
from recsys.sources.files import File
from recsys.sources.headings import entry_part
from recsys.sources.records import Chunk, escaped
from recsys.sources.scales import STARS, TENTHS, Scale
from recsys.sources.tables import Reading, Table, open_table

NO_FILM = "it is no film"
# Of Letterboxd, the files that tell of films, and what each says of them.
LETTERBOXD = {
    "watched.csv": SEEN,
    "ratings.csv": SEEN,
    "diary.csv": SEEN,
    "reviews.csv": SEEN,
    "watchlist.csv": WATCHLIST,
    "likes/films.csv": LIKED,
}
# Of Trakt, by the heading of its time.
TRAKT = {
    "ratedat": SEEN,
    "watchedat": SEEN,
    "lastwatchedat": SEEN,
    "listedat": WATCHLIST,
}


@dataclass(frozen=True)
class Export:
    """How the files of a site are recognised and read."""

    name: str
    scale: Scale
    part: Callable[[Table, Reading], Part | None]

    def open(self, files: list[File], reading: Reading) -> FileSource | None:
        """Return the files as a source; None if none is of this site."""
        meant = replace(reading, scale=reading.scale or self.scale)
        parts: list[Part] = []
        unread: list[str] = []
        for file in files:
            table = open_table(file, meant) if file.size else None
            part = self.part(table, meant) if table else None
            if part is None:
                unread.append(file.name)
            else:
                parts.append(part)
        return FileSource(self.name, None, parts, unread=unread) if parts else None


def _letterboxd(table: Table, reading: Reading) -> Part | None:
    if "letterboxduri" not in map(simple, table.headings):
        return None
    status = LETTERBOXD.get(table.file.name)
    if status is None and table.file.name.endswith(".csv") and "/" in table.file.name:
        return None  # lists, and what was deleted
    # A diary tells when a film was watched, and when that was noted; the last may come first.
    watched = next((h for h in table.headings if simple(h) == "watcheddate"), None)
    if watched is not None:
        reading = replace(reading, columns={**reading.columns, watched: "rated_at"})
        table = open_table(table.file, reading) or table
    return entry_part(
        table, reading, lambda chunk: _with_status(chunk, status or SEEN), site="Letterboxd"
    )


def _imdb(table: Table, reading: Reading) -> Part | None:
    names = set(map(simple, table.headings))
    if not {"const", "titletype"} <= names or not names & {"yourrating", "position", "created"}:
        return None
    rated = "yourrating" in names and "position" not in names
    given = {
        heading: field
        for heading, name in zip(table.headings, map(simple, table.headings), strict=True)
        for field in [{"yourrating": "rating", "daterated": "rated_at"}.get(name)]
        if field
    }
    reading = replace(reading, columns={**given, **reading.columns})
    table = open_table(table.file, reading) or table
    kind = next(heading for heading in table.headings if simple(heading) == "titletype")

    def prepare(chunk: Chunk) -> Chunk:
        kinds = chunk.rows[kind].str.lower().str.replace(r"[\W_]", "", regex=True)
        film = kinds.isin(["movie", "tvmovie", "short", "tvshort", "video", "tvspecial", ""])
        status = SEEN if rated else WATCHLIST
        return _with_status(_films_alone(chunk, film, table.file.name), status)

    return entry_part(table, reading, prepare, (kind,), "IMDb")


def _trakt(table: Table, reading: Reading) -> Part | None:
    names = [simple(heading.split(".")[-1]) for heading in table.headings]
    if not {"trakt", "traktid"} & set(names):
        return None
    status = next((TRAKT[name] for name in names if name in TRAKT), None)
    films = any(field in ("imdb_id", "title") for field in table.fields)
    if status is None or not films:
        return None  # what one owns, lists, comments, shows
    kind = next((h for h in table.headings if h in ("type", "Type")), "")

    def prepare(chunk: Chunk) -> Chunk:
        if kind:
            film = chunk.rows[kind].str.strip().str.lower().isin(["movie", ""])
            chunk = _films_alone(chunk, film, table.file.name)
        return _with_status(chunk, status)

    return entry_part(table, reading, prepare, (kind,) if kind else (), "Trakt")


def _netflix(table: Table, reading: Reading) -> Part | None:
    if [simple(heading) for heading in table.headings] != ["title", "date"]:
        return None
    if reading.day_first is None:
        reading = replace(reading, day_first=_day_first(table))
        table = open_table(table.file, reading) or table
    return entry_part(table, reading, lambda chunk: _with_status(chunk, SEEN), site="Netflix")


def _day_first(table: Table) -> bool | None:
    """Tell from all dates of a history whether the day comes first; None if none tells."""
    parts = pd.Series([row[1] for row in table.sample()], dtype="str").str.extract(
        r"^\s*(\d{1,2})[/-](\d{1,2})[/-]"
    )
    first, second = (pd.to_numeric(parts[n]).max() for n in (0, 1))
    return True if first > 12 else False if second > 12 else None


def _with_status(chunk: Chunk, status: str) -> Chunk:
    return replace(chunk, rows=chunk.rows.assign(status=status))


def _films_alone(chunk: Chunk, film: pd.Series[bool], file: str) -> Chunk:
    """Leave out what is no film, which is no fault of the row."""
    other = (~film).to_numpy().nonzero()[0]
    rejects = [
        Reject(file, int(chunk.rows["line"].iloc[n]), NO_FILM, escaped(chunk.raw[n]), fault=False)
        for n in other
    ]
    kept = film.to_numpy().nonzero()[0]
    return Chunk(
        chunk.rows.iloc[kept].reset_index(drop=True),
        [chunk.raw[n] for n in kept],
        chunk.rejects + rejects,
        chunk.size,
    )


EXPORTS = (
    Export("letterboxd", STARS, _letterboxd),
    Export("imdb", TENTHS, _imdb),
    Export("trakt", TENTHS, _trakt),
    Export("netflix-history", STARS, _netflix),
)
