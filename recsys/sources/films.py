"""Films as catalogues and text files describe them: ids, title, year, texts, genres, people.

A row either is a film of this catalogue, with an id of its own (kind ``movies``), or tells more
about a film that the database holds (kind ``descriptions``), found by its ids or its title.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import pandas as pd

from recsys.sources import columns
from recsys.sources.batches import Batch
from recsys.sources.columns import LONGEST_NAME
from recsys.sources.fields import LISTS, PEOPLE, TEXTS
from recsys.sources.files import File
from recsys.sources.records import Chunk, Layout, escaped, read_chunks, storable

NO_GENRES = "(no genres listed)"
JOBS = {"Director": "director", "Screenplay": "writer", "Writer": "writer"}

Prepare = Callable[[Chunk], Chunk]


def read_films(
    file: File, kind: str, layout: Layout, prepare: Prepare = lambda chunk: chunk
) -> Iterator[Batch]:
    """Read films or descriptions of films, one a row, and what belongs to them.

    Parameters
    ----------
    kind
        ``movies`` or ``descriptions``.
    prepare
        May add columns or refuse rows.
    """
    for chunk in read_chunks(file, layout):
        yield from film_batches(prepare(chunk), file.name, kind)


def film_batches(chunk: Chunk, file: str, kind: str) -> Iterator[Batch]:
    """Turn rows of text into a batch of films and batches of what belongs to them."""
    chunk = columns.parse(_titled(chunk), file)
    chunk = _read_lists(_refuse_nameless(chunk, file, kind), file)
    rows = chunk.rows
    if "title" in rows:
        titles = columns.drop_film(rows["title"]) if kind == "descriptions" else rows["title"]
        rows["title"], rows["year"] = columns.title_years(titles)
    if "released" in rows:
        years = columns.date_years(rows["released"])
        rows["year"] = rows["year"].fillna(years) if "year" in rows else years
    raw = chunk.raw
    rows["raw"] = [escaped(text) for text in raw]
    yield Batch(kind, file, rows, chunk.rejects, chunk.size, raw=lambda place: escaped(raw[place]))
    yield from _parts(rows, file)


def _titled(chunk: Chunk) -> Chunk:
    """Take the original title where there is no other."""
    rows = chunk.rows
    if "original_title" not in rows:
        return chunk
    given = rows["title"] if "title" in rows else rows["original_title"]
    title = given.where(given.str.strip() != "", rows["original_title"])
    return replace(chunk, rows=rows.assign(title=title))


def _refuse_nameless(chunk: Chunk, file: str, kind: str) -> Chunk:
    """Refuse films without a title, and descriptions with neither title nor id."""
    rows = chunk.rows
    if "title" not in rows:
        return chunk
    named = rows["title"] != ""
    why = "the title is empty"
    if kind == "descriptions":
        why = "it has neither title nor id"
        for key in {"imdb_id", "tmdb_id"} & set(rows.columns):
            named |= rows[key].notna()
    return chunk.refuse(file, named.map({True: "", False: why}).tolist())


def _read_lists(chunk: Chunk, file: str) -> Chunk:
    """Read the columns that hold lists; a row whose list is broken is refused."""
    reasons = [""] * len(chunk.rows)
    lists: dict[str, pd.Series[Any]] = {}
    for name in LISTS:
        if name in chunk.rows:
            read = [read_list(text) for text in chunk.rows[name]]
            lists[name] = pd.Series(read, dtype=object)
            for place, value in enumerate(read):
                if value is None:
                    reasons[place] = f"{name} is no list of names, or one is too long"
    return replace(chunk, rows=chunk.rows.assign(**lists)).refuse(file, reasons)


def read_list(text: str) -> list[Any] | None:
    """Read JSON, a Python literal, or names between bars or commas; None where that fails."""
    text = text.strip()
    if not text or text == NO_GENRES:
        return []
    value: object
    if text[0] not in "[{":
        value = [name.strip() for name in text.split("|" if "|" in text else ",")]
    else:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            try:
                value = ast.literal_eval(text)
            except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
                return None
    if not isinstance(value, list) or max(map(len, _names(value)), default=0) > LONGEST_NAME:
        return None
    return value


def _parts(rows: pd.DataFrame, file: str) -> Iterator[Batch]:
    lines = rows["line"].tolist()

    def part(kind: str, names: list[str], values: Iterable[tuple[Any, ...]]) -> Iterator[Batch]:
        # As objects: a column of integers with gaps would turn into floats.
        frame = pd.DataFrame(values, columns=["line", *names], dtype=object)
        if len(frame):
            yield Batch(kind, file, frame)

    def each(column: str) -> Iterator[tuple[int, list[Any]]]:
        return zip(lines, rows[column], strict=True) if column in rows else iter(())

    for kind in TEXTS:
        texts = zip(lines, rows[kind].str.strip(), strict=True) if kind in rows else ()
        yield from part("movie_texts", ["kind", "text"], ((n, kind, t) for n, t in texts if t))
    for column, kind, name in (
        ("genres", "movie_genres", "genre"),
        ("keywords", "movie_keywords", "keyword"),
    ):
        words = ((line, word) for line, value in each(column) for word in _names(value))
        yield from part(kind, [name], words)
    people = chain(
        *(_named(each(column), role) for column, role in PEOPLE.items()),
        _people(each("cast"), _actor),
        _people(each("crew"), _job),
    )
    yield from part("movie_people", ["name", "role", "position"], people)


def _names(values: list[Any]) -> Iterator[str]:
    """Give the names in a list of names or of objects with a name."""
    for value in values:
        name = value.get("name") if isinstance(value, dict) else value
        word = storable(name) if isinstance(name, str) else ""
        if word and word != NO_GENRES:
            yield word


def _named(
    lists: Iterator[tuple[int, list[Any]]], role: str
) -> Iterator[tuple[int, str, str, int | None]]:
    """Give the people of lists of names, in the order of the list."""
    for line, people in lists:
        names = [storable(name) for name in people if isinstance(name, str)]
        for position, name in enumerate(dict.fromkeys(filter(None, names)), start=1):
            yield line, name, role, position if role == "actor" else None


def _people(
    lists: Iterator[tuple[int, list[Any]]],
    role_of: Callable[[dict[str, Any]], tuple[str | None, int | None]],
) -> Iterator[tuple[int, str, str, int | None]]:
    for line, people in lists:
        for person in people:
            if isinstance(person, dict) and isinstance(person.get("name"), str):
                name = storable(person["name"])
                role, position = role_of(person)
                if role and name:
                    yield line, name, role, position


def _actor(person: dict[str, Any]) -> tuple[str, int | None]:
    order = person.get("order")
    return "actor", order + 1 if isinstance(order, int) and 0 <= order < 10_000 else None


def _job(person: dict[str, Any]) -> tuple[str | None, int | None]:
    return JOBS.get(str(person.get("job"))), None
