"""MovieLens of every year: CSV since 20M, ``::`` in 1M and 10M, tabs and bars in 100k.

Formats: the README of each data set at GroupLens.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from recsys.sources.batches import Batch
from recsys.sources.file_source import FileSource, Part, read_rows, rows_part
from recsys.sources.files import File
from recsys.sources.films import read_films
from recsys.sources.headings import headed_parts, is_tmdb
from recsys.sources.ratings import read_ratings
from recsys.sources.records import Chunk, Layout
from recsys.sources.scales import TENTHS
from recsys.sources.tables import Reading

SPLIT = re.compile(r"u[1-5ab]\.(base|test)")  # of ml-100k: parts of u.data, for its learners
RATINGS = ("user_id", "movie_id", "rating", "rated_at")
TAGS = ("user_id", "movie_id", "tag", "rated_at")
# Of ml-100k, where u.genre is missing: its genres in the order of the flags.
# fmt: off
GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary",
    "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi",
    "Thriller", "War", "Western",
)
# Of ml-1m, by their number.
OCCUPATIONS = (
    "other", "academic/educator", "artist", "clerical/admin", "college/grad student",
    "customer service", "doctor/health care", "executive/managerial", "farmer", "homemaker",
    "K-12 student", "lawyer", "programmer", "retired", "sales/marketing", "scientist",
    "self-employed", "technician/engineer", "tradesman/craftsman", "unemployed", "writer",
)
# fmt: on


def open_csv(files: list[File], reading: Reading) -> FileSource | None:
    """MovieLens in CSV: 20M, 25M, 32M, latest, latest-small."""
    parts, unread = headed_parts(files, reading)
    own = [part for part in parts if part.kind == "movies" and not is_tmdb(part)]
    if not own:
        return None
    ours = {part.file.name for part in own}
    others, _ = headed_parts(
        [part.file for part in parts if part.file.name not in ours], reading, describes=True
    )
    space = "keys" if any("movie_key" in part.fields.values() for part in own) else "movielens"
    return FileSource("movielens", space, own + others, unread=unread)


def open_dat(files: list[File]) -> FileSource | None:
    """MovieLens 1M and 10M."""
    named = {file.name: file for file in files}
    own = [named[name] for name in ("movies.dat", "ratings.dat") if name in named]
    if not own or not all("::" in file.first_line() or not file.size for file in own):
        return None

    def layout(name: str, *columns: str) -> Layout:
        # 10M, the one with tags, is UTF-8; 1M is latin-1.
        latin = "tags.dat" not in named and not is_utf8(named[name])
        return Layout(columns, "::", False, "latin-1" if latin else "utf-8")

    def part(name: str) -> Part:
        file = named[name]
        match name:
            case "movies.dat":
                films = layout(name, "movie_id", "title", "genres")
                return Part("movies", file, lambda file: read_films(file, "movies", films))
            case "ratings.dat":
                return Part(
                    "ratings", file, lambda file: read_ratings(file, Layout(RATINGS, "::", False))
                )
            case "tags.dat":
                return rows_part("tags", file, layout(name, *TAGS))
            case _:
                users = layout(name, "user_id", "gender", "age", "occupation", "postal_code")
                return Part(
                    "users", file, lambda file: read_rows("users", file, users, _occupation)
                )

    known = [
        name for name in ("movies.dat", "users.dat", "ratings.dat", "tags.dat") if name in named
    ]
    return FileSource(
        "movielens-dat",
        "movielens" if "movies.dat" in named else None,
        [part(name) for name in known],
        unread=sorted(named.keys() - known),
    )


def open_100k(files: list[File]) -> FileSource | None:
    """MovieLens 100k, whose films have other ids than all later sets.

    Of its splits, which hold the ratings of ``u.data`` again, the first is read, and that only
    without ``u.data``: to load ``u1.base`` must not bring what ``u1.test`` asks for.
    """
    named = {file.name: file for file in files}
    parts: list[Part] = []
    if file := named.get("u.item"):
        genres = _genre_names(named.get("u.genre"))
        films = Layout(
            ("movie_id", "title", "released", "", "", *genres), "|", False, _encoding(file)
        )
        parts.append(
            Part(
                "movies",
                file,
                lambda file: read_films(file, "movies", films, prepare=_flags_to_genres(genres)),
                unread=("video release date", "IMDb URL"),
            )
        )
    if file := named.get("u.user"):
        users = Layout(
            ("user_id", "age", "gender", "occupation", "postal_code"), "|", False, _encoding(file)
        )
        parts.append(rows_part("users", file, users))
    data = next((name for name in ("u.data", *filter(SPLIT.fullmatch, named)) if name in named), "")
    if data:
        ratings = Layout(RATINGS, "\t", False)
        parts.append(Part("ratings", named[data], lambda file: read_ratings(file, ratings)))
    if not data and "u.item" not in named:
        return None
    unread = sorted(named.keys() - {"u.item", "u.user", "u.genre", data})
    return FileSource("movielens-100k", "movielens-100k", parts, unread=unread)


def open_tweetings(files: list[File]) -> FileSource | None:
    """MovieTweetings: ids of IMDb, padded with zeros, and ratings from 0 to 10."""
    named = {file.name: file for file in files}
    known = [named[name] for name in ("movies.dat", "ratings.dat") if name in named]
    if not known or not any(map(_has_padded_ids, known)):
        return None
    layout = Layout(RATINGS, "::", False, scale=TENTHS)
    parts = [
        Part("movies", file, _tweeted_films)
        if file.name == "movies.dat"
        else Part("ratings", file, lambda file: read_ratings(file, layout))
        for file in known
    ]
    unread = sorted(named.keys() - {"movies.dat", "ratings.dat"})
    space = "imdb" if "movies.dat" in named else None
    return FileSource("movietweetings", space, parts, unread=unread)


def is_utf8(file: File) -> bool:
    """Tell whether all of a file is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with file.open() as stream:
        try:
            while data := stream.read(1 << 20):
                decoder.decode(data)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _encoding(file: File) -> str:
    return "utf-8" if is_utf8(file) else "latin-1"


def _tweeted_films(file: File) -> Iterator[Batch]:
    layout = Layout(("movie_id", "title", "genres"), "::", False)

    def prepare(chunk: Chunk) -> Chunk:
        return replace(chunk, rows=chunk.rows.assign(imdb_id=chunk.rows["movie_id"]))

    return read_films(file, "movies", layout, prepare)


def _has_padded_ids(file: File) -> bool:
    place = 0 if file.name == "movies.dat" else 1
    with file.open() as stream:
        fields = [stream.readline(1 << 16).split(b"::") for _ in range(100)]
    found = [row[place] for row in fields if len(row) > place]
    return any(id_.startswith(b"0") and len(id_) >= 7 for id_ in found)


def _occupation(chunk: Chunk) -> Chunk:
    names = {str(number): name for number, name in enumerate(OCCUPATIONS)}
    rows = chunk.rows
    return replace(chunk, rows=rows.assign(occupation=rows["occupation"].replace(names)))


def _genre_names(file: File | None) -> tuple[str, ...]:
    if file is None:
        return GENRES
    with file.open() as stream:
        lines = stream.read(1 << 16).decode("latin-1").split("\n")
    return tuple(line.split("|")[0].strip() for line in lines if "|" in line)


def _flags_to_genres(names: tuple[str, ...]):  # type: ignore[no-untyped-def]
    def prepare(chunk: Chunk) -> Chunk:
        rows = chunk.rows
        flags = pd.DataFrame({name: rows[name] == "1" for name in names if name != "unknown"})
        genres = [
            "|".join(name for name, flag in zip(flags.columns, row, strict=True) if flag)
            for row in flags.itertuples(index=False)
        ]
        return replace(
            chunk, rows=rows[["line", "movie_id", "title", "released"]].assign(genres=genres)
        )

    return prepare
