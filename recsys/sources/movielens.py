"""MovieLens folders of CSV files: 20M, 25M, 32M, latest, latest-small.

Format: the README.txt of each data set at GroupLens; `links.csv` and `tags.csv` may be missing.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pandas as pd

from recsys.errors import SourceError
from recsys.sources.batches import Batch, Reject

HEADERS = {
    "movies.csv": ["movieId", "title", "genres"],
    "links.csv": ["movieId", "imdbId", "tmdbId"],
    "ratings.csv": ["userId", "movieId", "rating", "timestamp"],
    "tags.csv": ["userId", "movieId", "tag", "timestamp"],
}
REQUIRED = ("movies.csv", "ratings.csv")
NO_GENRES = "(no genres listed)"
YEAR = re.compile(r"^(?P<title>.*\S)\s*\((?P<year>\d{4})\)\s*$")
ROWS_A_BATCH = 500_000


class MovieLensSource:
    """A MovieLens folder."""

    format = "movielens"
    notice = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = str(folder)

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Tell whether `path` is a folder with the two files that every MovieLens set has."""
        return path.is_dir() and all(_has_header(path / name) for name in REQUIRED)

    def row_count(self) -> int:
        """Count the lines of the files."""
        return sum(_line_count(self.folder / name) - 1 for name in HEADERS if self._has(name))

    def batches(self) -> Iterator[Batch]:
        """Yield films, links, ratings and tags."""
        yield from self._movies()
        for name, reader in (
            ("links.csv", self._links),
            ("ratings.csv", self._ratings),
            ("tags.csv", self._tags),
        ):
            if self._has(name):
                yield from reader()

    def _has(self, name: str) -> bool:
        return (self.folder / name).exists()

    def _movies(self) -> Iterator[Batch]:
        for rows, rejects in self._rows("movies.csv", {"movieId": "movie_id"}):
            parts = rows["title"].str.extract(YEAR)
            title = parts["title"].fillna(rows["title"].str.strip())
            rows = rows.assign(title=title, year=pd.to_numeric(parts["year"]).astype("Int64"))
            genres = rows[["movie_id"]].assign(genre=rows["genres"].str.split("|"))
            genres = genres.explode("genre")
            genres = genres[(genres["genre"].str.strip() != "") & (genres["genre"] != NO_GENRES)]
            yield Batch("movies", "movies.csv", rows, rejects)
            yield Batch("movie_genres", "movies.csv", genres)

    def _links(self) -> Iterator[Batch]:
        for rows, rejects in self._rows("links.csv", {"movieId": "movie_id"}):
            digits = rows["imdbId"].str.strip()
            imdb = ("tt" + digits.str.zfill(7)).where(digits.str.fullmatch(r"\d+"), None)
            tmdb = pd.to_numeric(rows["tmdbId"], errors="coerce").astype("Int64")
            yield Batch("links", "links.csv", rows.assign(imdb_id=imdb, tmdb_id=tmdb), rejects)

    def _ratings(self) -> Iterator[Batch]:
        ids = {"userId": "user_id", "movieId": "movie_id"}
        for rows, rejects in self._rows("ratings.csv", ids, {"rating": "rating"}):
            yield Batch("ratings", "ratings.csv", _with_time(rows), rejects)

    def _tags(self) -> Iterator[Batch]:
        for rows, rejects in self._rows("tags.csv", {"userId": "user_id", "movieId": "movie_id"}):
            yield Batch("tags", "tags.csv", _with_time(rows), rejects)

    def _rows(
        self, name: str, ids: dict[str, str], numbers: dict[str, str] | None = None
    ) -> Iterator[tuple[pd.DataFrame, list[Reject]]]:
        for chunk, odd in self._chunks(name):
            rows, rejects = _keep(chunk, name, ids, numbers or {})
            yield rows, odd + rejects

    def _chunks(self, name: str) -> Iterator[tuple[pd.DataFrame, list[Reject]]]:
        """Read a file as text columns, so that nothing is guessed and nothing changed."""
        path = self.folder / name
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file, strict=True)
                next(reader)
                numbered = ((reader.line_num, fields) for fields in reader)
                while chunk := list(islice(numbered, ROWS_A_BATCH)):
                    yield _text_columns(name, chunk)
        except csv.Error as error:
            line = reader.line_num
            raise SourceError(f"{path} cannot be read: {error} in line {line}") from error
        except UnicodeDecodeError as error:
            raise SourceError(f"{path} cannot be read: it is not UTF-8") from error
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror}") from error


def _text_columns(
    file: str, chunk: list[tuple[int, list[str]]]
) -> tuple[pd.DataFrame, list[Reject]]:
    """Separate rows of the right number of fields from the others; empty lines are no rows."""
    width = len(HEADERS[file])
    good = [(line, *fields) for line, fields in chunk if len(fields) == width]
    rejects = [
        Reject(file, line, "wrong number of fields", ",".join(fields))
        for line, fields in chunk
        if len(fields) != width and fields
    ]
    return pd.DataFrame(good, columns=["line", *HEADERS[file]]), rejects


def _keep(
    chunk: pd.DataFrame, file: str, ids: dict[str, str], numbers: dict[str, str]
) -> tuple[pd.DataFrame, list[Reject]]:
    """Turn id columns to int64 and number columns to float; rows where that fails are refused."""
    reason = pd.Series("", index=chunk.index)
    parsed = {}
    for column, name in (ids | numbers).items():
        values = pd.to_numeric(chunk[column], errors="coerce")
        wrong = values.isna()
        if column in ids:
            wrong |= ~chunk[column].str.fullmatch(r"\s*\d{1,18}\s*")
        reason = reason.mask((reason == "") & wrong, f"{column} is not a number")
        parsed[name] = values
    bad = reason != ""
    rows = chunk.assign(**parsed)[~bad]
    rows = rows.astype(dict.fromkeys(ids.values(), "int64"))
    text = chunk[bad][HEADERS[file]].itertuples(index=False)
    rejects = [
        Reject(file, int(line), why, ",".join(fields))
        for line, why, fields in zip(chunk["line"][bad], reason[bad], text, strict=True)
    ]
    return rows, rejects


def _with_time(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(rated_at=pd.to_numeric(rows["timestamp"], errors="coerce").astype("float64"))


def _has_header(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            header = file.readline().strip().split(",")
    except OSError:
        return False
    return header == HEADERS[path.name]


def _line_count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
