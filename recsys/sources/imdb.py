"""IMDb's data sets for non-commercial use: films among eleven million titles, and who made them.

Format: https://developer.imdb.com/non-commercial-datasets. ``\\N`` is a gap. Most lines are of no
film: one field tells, they are counted, and only the others are read. What is kept meanwhile grows
with the films, not with the files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pandas as pd

from recsys.sources import columns
from recsys.sources.batches import Batch
from recsys.sources.columns import LONGEST_NAME
from recsys.sources.file_source import FileSource, Part
from recsys.sources.files import File
from recsys.sources.imdb_people import People
from recsys.sources.records import Chunk, escaped, fault
from recsys.sources.tab_lines import Lines, headings_of, read_lines

GAP = "\\N"
FILMS = {b"movie", b"tvMovie"}
ADULT = {"0": False, "1": True, GAP: None}
# What a file is, told from its headings: in the order in which the files are read.
NEEDED = {
    "titles": ("tconst", "titleType", "primaryTitle"),
    "crew": ("tconst", "directors", "writers"),
    "cast": ("tconst", "ordering", "nconst", "category"),
    "names": ("nconst", "primaryName"),
}
TITLE = (*NEEDED["titles"], "originalTitle", "isAdult", "startYear", "genres")


def open_imdb(files: list[File]) -> FileSource | None:
    """IMDb's data sets: ``title.basics``, and people by ``title.crew`` or ``title.principals``."""
    found = {_kind(file): file for file in files}
    if "titles" not in found:
        return None
    if "names" not in found or not found.keys() & {"crew", "cast"}:
        found = {"titles": found["titles"]}  # people without names, or names of no film
    known = {kind: found[kind] for kind in NEEDED if kind in found}
    unread = [file.name for file in files if file not in known.values()]
    lines: dict[bytes, int] = {}
    people = People(known["titles"].name, lines, unread)
    readers: dict[str, Callable[[File], Iterator[Batch]]] = {
        "titles": partial(_read_titles, lines=lines, unread=unread),
        "crew": people.crew,
        "cast": people.cast,
        "names": people.names,
    }
    read = NEEDED | {"titles": TITLE}
    parts = [
        Part("movies", file, readers[kind], unread=tuple(_without(headings_of(file), read[kind])))
        for kind, file in known.items()
    ]
    return FileSource("imdb-datasets", "imdb", parts, unread=unread)


def _kind(file: File) -> str | None:
    headings = set(headings_of(file))
    return next((kind for kind, needed in NEEDED.items() if {*needed} <= headings), None)


def _without(headings: list[str], read: tuple[str, ...]) -> list[str]:
    return [name for name in headings if name not in read]


def _read_titles(file: File, lines: dict[bytes, int], unread: list[str]) -> Iterator[Batch]:
    """Yield the films and their genres; note the line of each, and how many titles are no films."""
    lines.clear()
    passed: Counter[bytes] = Counter()
    for block in read_lines(file):
        kinds = block.column("titleType")
        passed.update(kinds)
        chunk = _read_films(block, [place for place, kind in enumerate(kinds) if kind in FILMS])
        rows, raw = chunk.rows, chunk.raw
        lines.update(zip(map(str.encode, rows["tconst"]), rows["line"].tolist(), strict=True))
        yield Batch(
            *("movies", file.name, rows, chunk.rejects, chunk.size),
            raw=lambda place, raw=raw: escaped(raw[place]),  # type: ignore[misc]
        )
        genres = rows[["line", "genres"]].explode("genres").dropna()
        if len(genres):
            yield Batch("movie_genres", file.name, genres.rename(columns={"genres": "genre"}))
    for kind in (*FILMS, b""):
        del passed[kind]
    counts = ", ".join(
        f"{escaped(kind.decode('utf-8', 'surrogateescape'))} {count:,}"
        for kind, count in passed.most_common(12)
    )
    note = f"{passed.total():,} titles of {file.name} that are no films ({counts})"
    if passed and note not in unread:
        unread.append(note)


def _read_films(lines: Lines, places: list[int]) -> Chunk:
    """Read the lines of films: their ids, title, year, genres, and whether they are for adults."""
    found: list[tuple[str, ...]] = []
    raw: list[str] = []
    for place in places:
        text = lines.lines[place].decode("utf-8", "surrogateescape")
        fields = text.split("\t")
        if why := fault(fields, text, len(lines.places)):
            lines.refuse(place, why)
        else:
            found.append((str(lines.first + place), *fields))
            raw.append(text)
    texts = pd.DataFrame(found, columns=["line", *lines.places], dtype="str")
    texts = texts.reindex(columns=["line", *TITLE], fill_value=GAP)
    titles = texts["primaryTitle"].where(texts["primaryTitle"] != GAP, texts["originalTitle"])
    rows = texts.assign(
        line=texts["line"].astype("int64"),
        movie_id=texts["tconst"].str.removeprefix("tt"),
        imdb_id=texts["tconst"],
        title=titles.mask(titles == GAP, ""),
        genres=pd.Series([_genres(text) for text in texts["genres"]], dtype=object),
    )
    chunk = columns.parse(Chunk(rows, raw, lines.rejects, lines.size), lines.file)
    facts = zip(*(chunk.rows[name] for name in ("title", "isAdult", "genres")), strict=True)
    chunk = chunk.refuse(lines.file, [_why_not(*of_film) for of_film in facts])
    rows = chunk.rows.assign(
        year=columns.date_years(chunk.rows["startYear"]),
        adult=pd.Series([ADULT[text] for text in chunk.rows["isAdult"]], dtype=object),
        raw=[escaped(text) for text in chunk.raw],
    )
    return replace(chunk, rows=rows)


def _genres(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")] if text != GAP else []
    return [name for name in names if name]


def _why_not(title: str, adult: str, genres: list[str]) -> str:
    """Say why a film is refused, empty if it is not."""
    if not title:
        return "the title is empty"
    if adult not in ADULT:
        return "isAdult is neither 0 nor 1"
    return "a genre is too long" if max(map(len, genres), default=0) > LONGEST_NAME else ""
