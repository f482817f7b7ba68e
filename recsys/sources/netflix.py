"""The Netflix Prize: 100 million ratings, under the line of their film, with a date each.

Format: the README of the data set, and its copy at Kaggle, which has four files in place of
17,770. A line is looked at by numpy, along with all of its block; those that are not plain are
read one by one, each refused with its own reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.arrays import Index, Mask
from recsys.sources import columns
from recsys.sources.batches import COLUMNS, Batch, Reject
from recsys.sources.file_source import FileSource, Part
from recsys.sources.files import File, read_line
from recsys.sources.films import read_films
from recsys.sources.movielens import is_utf8
from recsys.sources.records import Chunk, Layout, escaped, fault
from recsys.sources.times import latest_second

TITLES = re.compile(r"movie_titles\.(csv|txt)")
TITLE = r"^([0-9]+),(NULL|[0-9]{4}),(.*)$"  # which may hold commas
COMBINED = re.compile(r"combined_data_[0-9]+\.txt")
OF_ONE_FILM = re.compile(r"mv_[0-9]{7}\.txt")
WITHHELD = ("qualifying.txt", "probe.txt")  # no ratings, and ratings that are there again
PACKED = "training_set.tar"

BLOCK = 1 << 22  # bytes: a block's arrays fit the cache
RATED = len(",5,2005-09-06")  # behind the user
LONGEST_USER = 9  # digits that are read all at once
NONE = -1
DAY = 86_400
Bytes = npt.NDArray[np.uint8]


def open_netflix(files: list[File]) -> FileSource | None:
    """The Netflix Prize, unpacked: films, and ratings in four files or one a film."""
    titles = [
        file for file in files if TITLES.fullmatch(file.name) and re.match(TITLE, file.first_line())
    ]
    combined = [file for file in files if COMBINED.fullmatch(file.name)]
    of_one = [file for file in files if OF_ONE_FILM.fullmatch(file.name)]
    parts = [Part("movies", file, _read_titles) for file in titles]
    parts += [Part("ratings", file, read_ratings) for file in combined or of_one]
    if not parts:
        return None
    read = {file.name for file in (*titles, *combined, *of_one)}
    unread = sorted({file.name for file in files} - read)
    if combined and of_one:
        unread.append(f"{len(of_one):,} files mv_*.txt, which hold the same ratings")
    if PACKED in unread and not combined and not of_one:
        unread[unread.index(PACKED)] += f" (unpack it there: `tar xf {PACKED}`)"
    return FileSource("netflix-prize", "netflix", parts, unread=unread)


def is_own(name: str) -> bool:
    """Tell whether a file of this name is data, though its name ends in txt."""
    return name in WITHHELD or any(
        pattern.fullmatch(name) for pattern in (TITLES, COMBINED, OF_ONE_FILM)
    )


def _read_titles(file: File) -> Iterator[Batch]:
    layout = Layout(("text",), "\n", False, "utf-8" if is_utf8(file) else "latin-1")

    def cut(chunk: Chunk) -> Chunk:
        fields = chunk.rows["text"].str.extract(TITLE).fillna("")
        rows = chunk.rows.assign(movie_id=fields[0], released=fields[1], title=fields[2])
        broken = "it is not a number, a year or NULL, and a title"
        return replace(chunk, rows=rows).refuse(
            file.name, ["" if number else broken for number in fields[0]]
        )

    return read_films(file, "movies", layout, cut)


@dataclass(frozen=True)
class _Block:
    """Whole lines of a file.

    Attributes
    ----------
    data
        The lines, with their ends.
    first
        Number of the first.
    starts, stops
        (n,) where in `data` each begins and ends, without what ends it.
    """

    data: bytes
    first: int
    starts: Index
    stops: Index

    @staticmethod
    def of(data: bytes, first: int) -> _Block:
        """Find the lines."""
        text = np.frombuffer(data, np.uint8)
        ends: Index = np.flatnonzero(text == ord("\n"))
        if not data.endswith(b"\n"):
            ends = np.append(ends, len(data))
        starts = np.append(0, ends[:-1] + 1)
        stops = ends - (text[np.maximum(ends - 1, 0)] == ord("\r"))
        return _Block(data, first, starts, np.maximum(stops, starts))

    def line(self, place: int) -> bytes:
        """Return a line as it stands, without what ends it."""
        return self.data[self.starts[place] : self.stops[place]]

    def reject(self, file: str, place: int, reason: str) -> Reject:
        """Refuse a line."""
        return Reject(file, self.first + place, reason, _as_text(self.line(place)))


def read_ratings(file: File) -> Iterator[Batch]:
    """Read ratings in the order of the file: the lines below ``17:`` are of film 17."""
    first, movie = 1, NONE
    with file.open() as stream:
        while data := stream.read(BLOCK):
            data += read_line(stream)
            block = _Block.of(data, first)
            batch, movie = _read_block(block, movie, file.name)
            yield batch
            first += len(block.starts)


def _read_block(block: _Block, movie: int, file: str) -> tuple[Batch, int]:
    """Return the ratings of a block, the first of which are of `movie`, and its last film."""
    headings, given, rejects = _headings(block, file)
    films: Index = np.array([movie, *given], np.int64)
    movies = films[np.cumsum(headings)]  # (n,) of each line
    wanted = ~headings & (block.stops > block.starts)  # an empty line is no row
    plain, rows = _plain(block, wanted & (movies != NONE))
    rows.insert(2, "movie_id", movies[plain])
    others = (wanted & ~plain).nonzero()[0]
    if len(others):
        chunk = _slowly(block, others, movies, file)
        rejects += chunk.rejects
        rows = pd.concat([rows, chunk.rows]).sort_values("line", ignore_index=True)
    places = rows["line"].to_numpy() - block.first
    batch = Batch(
        *("ratings", file, rows, rejects, len(block.data)),
        raw=lambda place: _as_text(block.line(places[place])),
    )
    return batch, int(films[-1])


def _headings(block: _Block, file: str) -> tuple[Mask, list[int], list[Reject]]:
    """Return which lines name a film, the films, and those that name none after all."""
    text = np.frombuffer(block.data, np.uint8)
    headings: Mask = (block.stops > block.starts) & (text[block.stops - 1] == ord(":"))
    films: list[int] = []
    rejects: list[Reject] = []
    for place in headings.nonzero()[0].tolist():
        digits = block.line(place)[:-1]
        if block.first == 1 and place == 0:
            digits = digits.removeprefix(b"\xef\xbb\xbf")
        good = digits.isdigit() and len(digits) <= 18
        films.append(int(digits) if good else NONE)
        if not good:
            rejects.append(block.reject(file, place, "movieId is not a whole number"))
    return headings, films, rejects


def _plain(block: _Block, wanted: Mask) -> tuple[Mask, pd.DataFrame]:
    """Read the lines such as ``1488844,3,2005-09-06``.

    Returns
    -------
    plain
        (n,) which lines those are.
    rows
        ``line``, ``user_id``, ``rating``, ``rated_at`` of each.
    """
    text = np.frombuffer(block.data, np.uint8)
    users = block.stops - block.starts - RATED  # (n,) digits of the user
    places = (wanted & (users > 0) & (users <= LONGEST_USER)).nonzero()[0]
    starts, stops, users = block.starts[places], block.stops[places], users[places]
    tail = text[stops[:, None] + np.arange(-RATED, 0)]  # (m, 13)
    good: Mask = (tail[:, [0, 2, 7, 10]] == np.frombuffer(b",,--", np.uint8)).all(axis=1)
    digits = tail[:, [1, 3, 4, 5, 6, 8, 9, 11, 12]] - np.uint8(ord("0"))  # (m, 9), above 9 if none
    good &= (digits <= 9).all(axis=1)
    numbers = digits.astype(np.int32)
    rating = numbers[:, 0]
    good &= (rating >= 1) & (rating <= 5)
    seconds, real = _seconds(
        numbers[:, 1:5] @ np.array([1000, 100, 10, 1], np.int32),
        numbers[:, 5] * 10 + numbers[:, 6],
        numbers[:, 7] * 10 + numbers[:, 8],
    )
    good &= real & (seconds >= 0) & (seconds <= latest_second())
    user_ids = np.zeros(len(places), np.int64)
    for offset in range(users.max(initial=0)):
        digit = text[starts + offset] - np.uint8(ord("0"))
        inside = users > offset
        good &= ~inside | (digit <= 9)
        user_ids = np.where(inside, user_ids * 10 + digit, user_ids)
    plain: Mask = np.zeros(len(block.starts), np.bool_)
    plain[places[good]] = True
    return plain, pd.DataFrame(
        {
            "line": block.first + places[good],
            "user_id": user_ids[good],
            "rating": rating[good].astype(np.float64),
            "rated_at": seconds[good],
        }
    )


def _seconds(
    year: npt.NDArray[np.int32], month: npt.NDArray[np.int32], day: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.float64], Mask]:
    """Return the seconds since 1970 of midnights in UTC, and which days there are."""
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    real: Mask = (month >= 1) & (month <= 12) & (days.astype("datetime64[M]") == months)
    return (days.astype(np.int64) * DAY).astype(np.float64), real


def _slowly(block: _Block, places: Index, movies: Index, file: str) -> Chunk:
    """Read lines one by one, or say what is wrong with each."""
    rejects: list[Reject] = []
    found: list[tuple[int, str, str, str, str]] = []
    raw: list[str] = []
    for place in places.tolist():
        text = block.line(place).decode("utf-8", "surrogateescape")
        fields = text.split(",")
        why = fault(fields, text, 3)
        if movies[place] == NONE:
            why = "no line above it names its film"
        if why:
            rejects.append(block.reject(file, place, why))
        else:
            user, rating, rated_at = fields
            found.append((block.first + place, user, str(movies[place]), rating, rated_at))
            raw.append(text)
    rows = pd.DataFrame(found, columns=list(COLUMNS["ratings"]), dtype="str")
    return columns.parse(Chunk(rows.astype({"line": "int64"}), raw, rejects, 0), file)


def _as_text(line: bytes) -> str:
    return escaped(line.decode("utf-8", "surrogateescape"))
