"""What a file with headings holds, read from its first line."""

from __future__ import annotations

import csv
from dataclasses import replace

from recsys.errors import SourceError
from recsys.sources.file_source import Part, rows_part
from recsys.sources.files import File
from recsys.sources.films import PARTS, name_heading, read_films, simple
from recsys.sources.ratings import read_ratings
from recsys.sources.records import Chunk, Layout

SEPARATORS = ",;\t|"
NAMES = {
    "userid": "user_id",
    "user": "user_id",
    "movieid": "movie_id",
    "movie": "movie_id",
    "itemid": "movie_id",
    "item": "movie_id",
    "rating": "rating",
    "timestamp": "rated_at",
    "ratedat": "rated_at",
    "tag": "tag",
    "imdbid": "imdb_id",
    "tmdbid": "tmdb_id",
}
# Files of these names that are not what they are called stop the load.
EXPECTED = {
    "movies.csv": "movieId,title,genres",
    "links.csv": "movieId,imdbId,tmdbId",
    "ratings.csv": "userId,movieId,rating,timestamp",
    "tags.csv": "userId,movieId,tag,timestamp",
}


def name_column(heading: str) -> str:
    """Return what a column of ratings, tags or links is called here, empty if it is not read."""
    return NAMES.get(simple(heading), "")


def headings_of(file: File) -> tuple[list[str], str]:
    """Return the headings of the first line, and what separates them."""
    line = file.first_line()
    separator = max(SEPARATORS, key=line.count)
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), []), separator
    except csv.Error:
        return [], separator


def part_of(file: File, describes: bool = False) -> Part | None:
    """Return how a file with headings is read; None if they are not known.

    Parameters
    ----------
    describes
        Whether its films, if it has any, are those of another catalogue.
    """
    headings, separator = headings_of(file)
    names = tuple(map(name_column, headings))
    layout = Layout(separator=separator)
    has = set(names) - {""}
    if {"user_id", "movie_id", "rating"} <= has:
        columns = _first_of_each(names)
        return Part(
            "ratings", file, lambda file: read_ratings(file, replace(layout, columns=columns), True)
        )
    if {"user_id", "movie_id", "tag"} <= has:
        return rows_part("tags", file, layout, name_column)
    films = {name_heading(heading) for heading in headings} - {""}
    if "movie_id" in has and has & {"imdb_id", "tmdb_id"} and not films & {"title", *PARTS}:
        return rows_part("links", file, layout, name_column)
    if not films & {"title", "original_title", "id", "imdb_id", "tmdb_id"} or not films & {
        "date",
        *PARTS,
    }:
        return None
    kind = "descriptions" if describes else kind_of_films(headings)
    of_tmdb = is_tmdb(file)
    return Part(
        kind,
        file,
        lambda file: read_films(file, kind, layout, lambda chunk: _identify(kind, chunk, of_tmdb)),
    )


def kind_of_films(headings: list[str]) -> str:
    """Tell a catalogue, whose rows are films, from descriptions of films."""
    simple_names = set(map(simple, headings))
    films = {name_heading(heading) for heading in headings}
    titled = bool(films & {"title", "original_title"})
    if titled and "id" in simple_names:
        return "movies"  # of TMDB
    if titled and "movieid" in simple_names and not films & (set(PARTS) - {"genres"}):
        return "movies"  # of MovieLens
    return "descriptions"


def is_tmdb(file: File) -> bool:
    """Tell whether a catalogue numbers its films as TMDB does."""
    return "id" in map(simple, headings_of(file)[0])


def _identify(kind: str, chunk: Chunk, of_tmdb: bool) -> Chunk:
    """Name the column ``id`` by whose id it is: the film's own, TMDB's, or both."""
    rows = chunk.rows
    if "id" not in rows:
        return chunk
    # TMDB 5000 calls its id movie_id in the file of credits; elsewhere that is another catalogue's.
    if "tmdb_id" not in rows and (of_tmdb or {"cast", "crew"} & set(rows.columns)):
        rows = rows.assign(tmdb_id=rows["id"])
    return replace(chunk, rows=rows.rename(columns={"id": "movie_id"} if kind == "movies" else {}))


def headed_parts(files: list[File]) -> tuple[list[Part], list[str]]:
    """Return how the files with known headings are read, and the names of the others."""
    parts: list[Part] = []
    unread: list[str] = []
    for file in files:
        part = part_of(file) if file.size else None
        if part is not None:
            parts.append(part)
        elif file.name in EXPECTED:
            why = f"its first line is not {EXPECTED[file.name]}" if file.size else "it is empty"
            raise SourceError(f"{file.name} cannot be read: {why}")
        else:
            unread.append(file.name)
    return parts, unread


def _first_of_each(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        name
        if name in ("user_id", "movie_id", "rating", "rated_at") and name not in names[:place]
        else ""
        for place, name in enumerate(names)
    )


def as_descriptions(parts: list[Part]) -> list[Part]:
    """Return the parts with films turned into descriptions of another catalogue's films."""
    turned = (part_of(part.file, True) if part.kind == "movies" else part for part in parts)
    return [part for part in turned if part is not None]
