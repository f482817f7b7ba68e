"""MovieLens folders of CSV files: 20M, 25M, 32M, latest, latest-small.

Format: the README.txt of each data set at GroupLens; `links.csv` and `tags.csv` may be missing.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

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
# A year that a film can be of; any other number in brackets is part of the title.
YEAR = re.compile(r"^(?P<title>.*\S)\s*\((?P<year>18[7-9][0-9]|19[0-9]{2}|20[0-9]{2})\)\s*$")
LAST_SECOND = 4_102_444_800  # 2100
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
        for kind in ("links", "ratings", "tags"):
            if self._has(f"{kind}.csv"):
                for rows, rejects in self._rows(f"{kind}.csv"):
                    yield Batch(kind, f"{kind}.csv", rows, rejects)

    def _has(self, name: str) -> bool:
        return (self.folder / name).exists()

    def _movies(self) -> Iterator[Batch]:
        for rows, rejects in self._rows("movies.csv"):
            parts = rows["title"].str.extract(YEAR)
            title = parts["title"].fillna(rows["title"].str.strip())
            year = pd.to_numeric(parts["year"]).astype("Int64")
            genres = rows[["line", "movie_id"]].assign(genre=rows["genres"].str.split("|"))
            genres = genres.explode("genre")
            genres = genres[(genres["genre"].str.strip() != "") & (genres["genre"] != NO_GENRES)]
            yield Batch("movies", "movies.csv", rows.assign(title=title, year=year), rejects)
            yield Batch("movie_genres", "movies.csv", genres)

    def _rows(self, name: str) -> Iterator[tuple[pd.DataFrame, list[Reject]]]:
        for chunk, odd in self._chunks(name):
            rows, rejects = _parse(chunk, name)
            yield rows, odd + rejects

    def _chunks(self, name: str) -> Iterator[tuple[pd.DataFrame, list[Reject]]]:
        """Read a file as text columns, so that nothing is guessed and nothing changed."""
        path = self.folder / name
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file, strict=True)
                if next(reader, None) != HEADERS[name]:
                    raise SourceError(
                        f"{path} cannot be read: its first line is not {','.join(HEADERS[name])}"
                    )
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


def _ids(text: pd.Series[str]) -> tuple[pd.Series[int], pd.Series[bool]]:
    """Return whole numbers, 0 where there is none, and where there is none.

    Never by way of floats, which would change ids above 2^53.
    """
    wrong = ~text.str.fullmatch(r"\s*[0-9]{1,18}\s*")
    return text.mask(wrong, "0").str.strip().astype("int64"), wrong


def _numbers(text: pd.Series[str]) -> tuple[pd.Series[float], pd.Series[bool]]:
    values = pd.to_numeric(text, errors="coerce").astype("float64")
    return values, values.isna()


def _seconds(text: pd.Series[str]) -> tuple[pd.Series[float], pd.Series[bool]]:
    values, wrong = _numbers(text)
    return values, wrong | ~values.between(0, LAST_SECOND)


def _imdb_ids(text: pd.Series[str]) -> tuple[pd.Series[str], pd.Series[bool]]:
    digits = text.str.strip().str.removeprefix("tt")
    missing = digits == ""
    wrong = ~digits.str.fullmatch(r"[0-9]{1,10}") & ~missing
    return ("tt" + digits.str.zfill(7)).mask(missing | wrong, None), wrong


def _tmdb_ids(text: pd.Series[str]) -> tuple[pd.Series[int], pd.Series[bool]]:
    values, wrong = _ids(text)
    missing = text.str.strip() == ""
    return values.astype("Int64").mask(missing | wrong), wrong & ~missing


Reader = Callable[["pd.Series[str]"], tuple["pd.Series[Any]", "pd.Series[bool]"]]

# Column of a file: its standard name, how it is read, and what a row is told that has it wrong.
COLUMNS: dict[str, tuple[str, Reader, str]] = {
    "userId": ("user_id", _ids, "userId is not a whole number"),
    "movieId": ("movie_id", _ids, "movieId is not a whole number"),
    "rating": ("rating", _numbers, "rating is not a number"),
    "timestamp": ("rated_at", _seconds, "timestamp is not a time in seconds since 1970"),
    "imdbId": ("imdb_id", _imdb_ids, "imdbId is not a number"),
    "tmdbId": ("tmdb_id", _tmdb_ids, "tmdbId is not a number"),
}


def _parse(chunk: pd.DataFrame, file: str) -> tuple[pd.DataFrame, list[Reject]]:
    """Read the text columns as what they are; rows where that fails are refused."""
    fields = chunk[HEADERS[file]]
    nul = fields.apply(lambda column: column.str.contains("\0", regex=False)).any(axis=1)
    reason = pd.Series("", index=chunk.index, dtype=object).mask(nul, "it holds a NUL character")
    parsed: dict[str, pd.Series[Any]] = {}
    for column in HEADERS[file]:
        if column in COLUMNS:
            name, read, why = COLUMNS[column]
            values, wrong = read(chunk[column])
            parsed[name] = values
            reason = reason.mask((reason == "") & wrong, why)
    bad = reason != ""
    rejects = [
        Reject(file, int(line), why, ",".join(row))
        for line, why, row in zip(
            chunk["line"][bad], reason[bad], fields[bad].itertuples(index=False), strict=True
        )
    ]
    return chunk.assign(**parsed)[~bad], rejects


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
