"""TMDB 5000, exports of TMDB, Kaggle's The Movies Dataset, and plots to films already there."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from recsys.errors import SourceError
from recsys.sources.file_source import FileSource, Part
from recsys.sources.files import File
from recsys.sources.headings import film_part, headed_parts, is_tmdb
from recsys.sources.records import Chunk
from recsys.sources.tables import Reading, open_table

METADATA = "movies_metadata.csv"


def open_tmdb(files: list[File], reading: Reading) -> FileSource | None:
    """TMDB 5000 and exports of TMDB, one file or many: the films' ids are TMDB's."""
    parts, unread = headed_parts(files, reading)
    films = [part for part in parts if part.kind == "movies"]
    if not films or not all(map(is_tmdb, films)):
        return None
    return FileSource("tmdb", "tmdb", parts, unread=unread)


def open_kaggle(files: list[File], reading: Reading) -> FileSource | None:
    """The Movies Dataset: films by TMDB id, ratings by MovieLens id, `links` between them."""
    named = {file.name: file for file in files}
    small = "" if "links.csv" in named else "_small"
    links = named.get(f"links{small}.csv")
    if METADATA not in named:
        return None
    if links is None:
        if named.keys() & {"ratings.csv", "ratings_small.csv"}:
            raise SourceError(
                f"{METADATA} needs links.csv in the same folder: the ratings have other ids"
            )
        return None
    wanted = (METADATA, links.name, "keywords.csv", "credits.csv", f"ratings{small}.csv")
    parts, unread = headed_parts([named[name] for name in wanted if name in named], reading)
    kinds = {part.file.name: part.kind for part in parts}
    if kinds.get(METADATA) != "movies" or kinds.get(links.name) != "links":
        return None
    parts = [
        _linked_films(part.file, links, reading) if part.file.name == METADATA else part
        for part in parts
    ]
    unread += sorted(named.keys() - set(wanted))
    return FileSource("kaggle", "movielens", parts, unread=unread)


def open_texts(files: list[File], reading: Reading) -> FileSource | None:
    """Plots, overviews, keywords or credits of films that the database holds, in CSV or JSON."""
    parts, unread = headed_parts(files, reading, describes=True)
    if not any(part.kind == "descriptions" for part in parts):
        return None
    return FileSource("texts", None, parts, unread=unread)


def open_ratings(files: list[File], reading: Reading) -> FileSource | None:
    """Ratings, tags or links alone, of films that the database holds."""
    parts, unread = headed_parts(files, reading)
    unread += [part.file.name for part in parts if part.kind in ("movies", "descriptions")]
    parts = [part for part in parts if part.file.name not in unread]
    return FileSource("ratings", None, parts, unread=unread) if parts else None


def _linked_films(file: File, links: File, reading: Reading) -> Part:
    """Return how the films of TMDB are read under the MovieLens ids that the links give them."""
    movie_ids: dict[str, str] = {}

    def linked() -> dict[str, str]:
        table = open_table(links, reading)
        if table is None or not {"movie_id", "tmdb_id"} <= set(table.fields):
            raise SourceError(
                f"{links.name} cannot be read: its first line is not movieId,imdbId,tmdbId"
            )
        for chunk in table.chunks(table.fields) if not movie_ids else ():
            tmdb = chunk.rows["tmdb_id"].str.strip().str.removesuffix(".0")
            movie_ids.update(zip(tmdb, chunk.rows["movie_id"], strict=True))
        return movie_ids

    def prepare(chunk: Chunk) -> Chunk:
        rows, known = chunk.rows, linked()
        ids = rows["movie_id"].str.strip()
        reason = pd.Series("", index=rows.index, dtype="str")
        unlinked = f"{links.name} has no film of this TMDB id"
        reason = reason.mask(~ids.isin(list(known)), unlinked)
        reason = reason.mask(~ids.str.fullmatch("[0-9]+"), "id is not a whole number")
        chunk = replace(chunk, rows=rows.assign(tmdb_id=ids)).refuse(file.name, reason.tolist())
        rejects = [replace(one, fault=one.reason != unlinked) for one in chunk.rejects]
        movie = pd.Series([known[id_] for id_ in chunk.rows["tmdb_id"]], dtype="str")
        return replace(chunk, rows=chunk.rows.assign(movie_id=movie), rejects=rejects)

    table = open_table(file, reading)
    assert table is not None  # its headings were read before
    return film_part(table, "movies", prepare)
