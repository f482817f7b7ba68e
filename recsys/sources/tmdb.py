"""TMDB 5000, exports of TMDB, Kaggle's The Movies Dataset, and plots to films already there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd

from recsys.errors import SourceError
from recsys.sources.batches import Batch, Reject
from recsys.sources.file_source import FileSource, Part
from recsys.sources.files import File
from recsys.sources.films import film_batches, name_heading, read_films, simple, storable
from recsys.sources.headings import as_descriptions, headed_parts, headings_of, is_tmdb, name_column
from recsys.sources.records import Chunk, Layout, escaped, read_chunks

METADATA = "movies_metadata.csv"


def open_tmdb(files: list[File]) -> FileSource | None:
    """TMDB 5000 and exports of TMDB, one file or many: the films' ids are TMDB's."""
    parts, unread = headed_parts(files)
    films = [part for part in parts if part.kind == "movies"]
    if not films or not all(is_tmdb(part.file) for part in films):
        return None
    return FileSource("tmdb", "tmdb", parts, unread=unread)


def open_kaggle(files: list[File]) -> FileSource | None:
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
    parts, unread = headed_parts([named[name] for name in wanted if name in named])
    kinds = {part.file.name: part.kind for part in parts}
    if kinds.get(METADATA) != "movies" or kinds.get(links.name) != "links":
        return None
    parts = [
        Part("movies", part.file, lambda file: _linked_films(file, links))
        if part.file.name == METADATA
        else part
        for part in parts
    ]
    unread += sorted(named.keys() - set(wanted))
    return FileSource("kaggle", "movielens", parts, unread=unread)


def open_texts(files: list[File]) -> FileSource | None:
    """Plots, overviews, keywords or credits of films that the database holds, in CSV or JSON."""
    tables = [file for file in files if not file.name.lower().endswith(".json")]
    parts, unread = headed_parts(tables)
    parts += [Part("descriptions", file, _json_films) for file in files if file not in tables]
    parts = as_descriptions(parts)
    if not any(part.kind == "descriptions" for part in parts):
        return None
    return FileSource("texts", None, parts, unread=unread)


def open_ratings(files: list[File]) -> FileSource | None:
    """Ratings, tags or links alone, of films that the database holds."""
    parts, unread = headed_parts(files)
    unread += [part.file.name for part in parts if part.kind in ("movies", "descriptions")]
    parts = [part for part in parts if part.file.name not in unread]
    return FileSource("ratings", None, parts, unread=unread) if parts else None


def _linked_films(file: File, links: File) -> Iterator[Batch]:
    """Yield the films of TMDB under the MovieLens ids that the links give them."""
    movie_ids: dict[str, str] = {}
    for chunk in read_chunks(links, Layout(separator=headings_of(links)[1]), name_column):
        if "tmdb_id" not in chunk.rows:
            raise SourceError(
                f"{links.name} cannot be read: its first line is not movieId,imdbId,tmdbId"
            )
        tmdb = chunk.rows["tmdb_id"].str.strip().str.removesuffix(".0")
        movie_ids |= dict(zip(tmdb, chunk.rows["movie_id"], strict=True))

    def prepare(chunk: Chunk) -> Chunk:
        rows = chunk.rows
        ids = rows["id"].str.strip()
        reason = pd.Series("", index=rows.index, dtype="str")
        unlinked = f"{links.name} has no film of this TMDB id"
        reason = reason.mask(~ids.isin(list(movie_ids)), unlinked)
        reason = reason.mask(~ids.str.fullmatch("[0-9]+"), "id is not a whole number")
        chunk = replace(chunk, rows=rows.assign(tmdb_id=ids)).refuse(file.name, reason.tolist())
        rejects = [replace(one, fault=one.reason != unlinked) for one in chunk.rejects]
        movie = pd.Series([movie_ids[id_] for id_ in chunk.rows["tmdb_id"]], dtype="str")
        return replace(chunk, rows=chunk.rows.assign(movie_id=movie), rejects=rejects)

    return read_films(file, "movies", Layout(separator=headings_of(file)[1]), prepare)


def _json_films(file: File) -> Iterator[Batch]:
    """Yield the films of a JSON array of objects, each with a title or an id, and a text."""
    with file.open() as stream:
        try:
            objects = json.load(stream)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{file.name} cannot be read: it is no JSON ({error})") from error
    if not isinstance(objects, list):
        raise SourceError(f"{file.name} cannot be read: it is no JSON array of films")
    rejects: list[Reject] = []
    rows: list[dict[str, Any]] = []
    raw: list[str] = []
    for line, value in enumerate(objects, start=1):
        text = storable(json.dumps(value, ensure_ascii=False))
        fields = (
            {
                name_heading(key): _as_text(field)
                for key, field in value.items()
                if simple(key) != "movieid"  # of an unknown catalogue
            }
            if isinstance(value, dict)
            else {}
        )
        if not fields.keys() & {"title", "original_title", "imdb_id", "tmdb_id", "id"}:
            rejects.append(Reject(file.name, line, "it has neither title nor id", escaped(text)))
        else:
            rows.append({"line": line, **fields})
            raw.append(text)
    frame = pd.DataFrame(rows).drop(columns="", errors="ignore")
    frame = frame.fillna("").astype({name: "str" for name in frame if name != "line"})
    frame = frame.rename(columns={} if "tmdb_id" in frame else {"id": "tmdb_id"})
    if "line" not in frame:
        frame = pd.DataFrame({"line": pd.Series(dtype="int64")})
    yield from film_batches(Chunk(frame, raw, rejects, file.size), file.name, "descriptions")


def _as_text(value: object) -> str:
    if value is None or value != value:  # Python writes NaN for a gap
        return ""
    return storable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
