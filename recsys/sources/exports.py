"""What people take home from Letterboxd, IMDb, Trakt and Netflix: what they rated and watched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd

from recsys.sources.entries import LIKED, SEEN, WATCHLIST
from recsys.sources.fields import simple
from recsys.sources.file_source import FileSource, Part
from recsys.sources.files import File
from recsys.sources.headings import entry_part
from recsys.sources.scales import STARS, TENTHS, Scale
from recsys.sources.tables import Reading, Table, open_table

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
    if status is None and "/" in table.file.name:
        return None  # lists, and what was deleted
    # A diary tells when a film was watched, and when that was noted; the last may come first.
    watched = next((h for h in table.headings if simple(h) == "watcheddate"), None)
    if watched is not None:
        reading = replace(reading, columns={**reading.columns, watched: "rated_at"})
        table = open_table(table.file, reading) or table
    return entry_part(table, reading, status or SEEN, "Letterboxd")


def _imdb(table: Table, reading: Reading) -> Part | None:
    names = set(map(simple, table.headings))
    if not {"const", "titletype"} <= names or not names & {"yourrating", "position", "created"}:
        return None
    listed = bool(names & {"position", "created"})
    return entry_part(table, reading, WATCHLIST if listed else SEEN, "IMDb")


def _trakt(table: Table, reading: Reading) -> Part | None:
    names = [simple(heading.split(".")[-1]) for heading in table.headings]
    if not {"trakt", "traktid"} & set(names):
        return None
    status = next((TRAKT[name] for name in names if name in TRAKT), None)
    films = any(field in ("imdb_id", "title") for field in table.fields)
    if status is None or not films:
        return None  # what one owns, lists, comments, shows
    return entry_part(table, reading, status, "Trakt")


def _netflix(table: Table, reading: Reading) -> Part | None:
    if [simple(heading) for heading in table.headings] != ["title", "date"]:
        return None
    if reading.day_first is None:
        reading = replace(reading, day_first=_day_first(table))
        table = open_table(table.file, reading) or table
    return entry_part(table, reading, SEEN, "Netflix")


def _day_first(table: Table) -> bool | None:
    """Tell from all dates of a history whether the day comes first; None if none tells."""
    parts = pd.Series([row[1] for row in table.sample()], dtype="str").str.extract(
        r"^\s*(\d{1,2})[/-](\d{1,2})[/-]"
    )
    first, second = (pd.to_numeric(parts[n]).max() for n in (0, 1))
    return True if first > 12 else False if second > 12 else None


EXPORTS = (
    Export("letterboxd", STARS, _letterboxd),
    Export("imdb", TENTHS, _imdb),
    Export("trakt", TENTHS, _trakt),
    Export("netflix-history", STARS, _netflix),
)
