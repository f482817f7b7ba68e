"""What a table holds, told by its headings, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pandas as pd

from recsys.errors import SourceError
from recsys.sources import columns
from recsys.sources.batches import Batch
from recsys.sources.entries import read_entries
from recsys.sources.fields import DETAILS, LISTS, TEXTS, field_of, near_misses
from recsys.sources.file_source import Part
from recsys.sources.files import File
from recsys.sources.films import film_batches
from recsys.sources.ratings import rating_batch, read_ratings
from recsys.sources.records import Chunk, Layout, escaped
from recsys.sources.scales import evident_scale
from recsys.sources.tables import Reading, Table, open_table, shared_encoding
from recsys.sources.times import FINER

FILM = ("movie_id", "imdb_id", "tmdb_id", "title", "released")
# The fields that each kind of row is read from.
READ: dict[str, tuple[str, ...]] = {
    "ratings": ("user_id", "movie_id", "rating", "rated_at"),
    "entries": ("user_id", *FILM, "rating", "rated_at", "status", "medium"),
    "tags": ("user_id", "movie_id", "tag", "rated_at"),
    "users": ("user_id", "gender", "age", "occupation", "postal_code"),
    "links": ("movie_id", "imdb_id", "tmdb_id"),
    "films": (*FILM, "original_title", "poster_path", "adult", *DETAILS),
}
# What a field is for a kind of row, if nothing else is that.
OTHER = {
    "films": {"date": "released", "id": "movie_id", "tags": "keywords"},
    **{kind: {"date": "rated_at"} for kind in ("ratings", "entries")},
    "tags": {"date": "rated_at", "tags": "tag"},
}
# Files of these names that are not what they are called stop the load.
EXPECTED = {
    "movies.csv": ("movieId,title,genres", ("movie_id", "title", "genres")),
    "links.csv": ("movieId,imdbId,tmdbId", ("movie_id", "imdb_id", "tmdb_id")),
    "ratings.csv": ("userId,movieId,rating,timestamp", ("user_id", "movie_id", "rating")),
    "tags.csv": ("userId,movieId,tag,timestamp", ("user_id", "movie_id", "tag")),
}
IMDB_ID = re.compile(r"\s*tt[0-9]{5,10}\s*")
NUMBER = re.compile(r"\s*[0-9]{1,18}(\.0)?\s*")

Prepare = Callable[[Chunk], Chunk]


def part_of(table: Table, reading: Reading, describes: bool = False) -> Part | None:
    """Return how a table is read; None if its headings are not known.

    Parameters
    ----------
    describes
        Whether its films, if it has any, are those of another catalogue.
    """
    has = set(table.fields)
    film = has & {"imdb_id", "tmdb_id", "title"}
    likes = reading.scale is not None and reading.scale.likes and "user_id" in has
    rated = "rating" in has or likes
    if {"user_id", "movie_id"} <= has and has & {"tag", "tags"} and not rated:
        return _rows_part("tags", table)
    if "status" in has and (film or "movie_id" in has):
        return entry_part(table, reading)
    if {"user_id", "movie_id"} <= has and rated:
        return rating_part(table, reading)
    if film and ("user_id" in has or not has & {"id", *TEXTS, "cast", "crew"}) and rated:
        return entry_part(table, reading)
    if "user_id" in has and has & {"gender", "age", "occupation"}:
        return _rows_part("users", table)
    names = set(names_of("films", table.fields))
    if "movie_id" in has and film - {"title"} and not names & {"title", *DETAILS}:
        return _rows_part("links", table)
    if not names & {*FILM[:-1], "original_title"} or not names & {"released", *DETAILS, "actor_1"}:
        return None
    return film_part(table, "descriptions" if describes else kind_of_films(table))


def names_of(kind: str, fields: Sequence[str]) -> tuple[str, ...]:
    """Return what each column is called in rows of a kind: its field, if it is the first of it."""
    other = OTHER.get(kind, {})
    names: list[str] = []
    for field in fields:
        meant = other.get(field, field)
        name = field if meant in fields and meant != field else meant
        actor = kind == "films" and name.startswith("actor_") and "cast" not in fields
        wanted = actor or name in READ[kind]
        names.append(name if wanted and name not in names else "")
    return tuple(names)


def rating_part(table: Table, reading: Reading) -> Part:
    """Return how ratings by users' and films' ids are read."""
    sample = table.sample()
    names = _keyed(names_of("ratings", table.fields), sample)
    if "imdb_id" in names:
        return entry_part(table, reading)
    layout, notes = _meant(table, names, sample, reading)
    layout = replace(layout, columns=names)

    def read(file: File) -> Iterator[Batch]:
        if table.records is None:
            yield from read_ratings(file, layout)
        else:
            for chunk in table.chunks(names):
                yield rating_batch(chunk, file.name, layout)

    return _part("ratings", table, names, read, notes)


def entry_part(
    table: Table,
    reading: Reading,
    status: str = "",
    site: str = "",
) -> Part:
    """Return how ratings of films are read that go by IMDb id, TMDB id, or title and year.

    Parameters
    ----------
    status
        What an entry without a rating says, if none of its columns does.
    site
        Where the table comes from, if that shows.

    Raises
    ------
    SourceError
        It names no user, and none was said.
    """
    sample = table.sample()
    names = _keyed(names_of("entries", table.fields), sample)
    personal = not {"user_id", "user_key"} & set(names)
    if personal and reading.user_id is None:
        raise SourceError(
            f"{table.file.name} holds what one person rated or watched"
            f"{site and f', as {site} gives it'}, and does not say who: add --user and the number "
            "of that user"
        )
    layout, notes = _meant(table, names, sample, reading)
    table, more = _decoded(table)

    def read(file: File) -> Iterator[Batch]:
        for chunk in table.chunks(names):
            rows = chunk.rows.assign(user_id=str(reading.user_id)) if personal else chunk.rows
            yield read_entries(replace(chunk, rows=rows), file.name, layout, status)

    return _part("entries", table, names, read, notes + more)


def film_part(table: Table, kind: str, prepare: Prepare | None = None) -> Part:
    """Return how films, or descriptions of films, are read; `prepare` may change their ids."""
    names = names_of("films", table.fields)
    of_tmdb = "id" in table.fields
    # TMDB 5000 calls its id movie_id in the file of credits; elsewhere that is another catalogue's.
    tells_tmdb = "tmdb_id" not in names and (of_tmdb or bool({"cast", "crew"} & set(names)))
    if kind == "movies" and prepare is None:
        names = _keyed(names, table.sample())
    if kind != "movies" and "movie_id" in names:
        renamed = "tmdb_id" if tells_tmdb else ""
        if "imdb_id" in _keyed(names, table.sample()) and "imdb_id" not in names:
            renamed = "imdb_id"
        names = tuple(renamed if name == "movie_id" else name for name in names)
    lists = {
        name
        for name, heading in zip(names, table.headings, strict=True)
        if name in LISTS and heading.endswith(":token_seq")  # RecBole's, with spaces between
    }
    table, notes = _decoded(table)

    def whole(chunk: Chunk) -> Chunk:
        rows = chunk.rows
        if tells_tmdb and "movie_id" in rows:
            rows = rows.assign(tmdb_id=rows["movie_id"])
        for name in lists:
            rows = rows.assign(**{name: rows[name].str.replace(" ", "|")})
        chunk = replace(chunk, rows=_joined_actors(rows))
        return prepare(chunk) if prepare else chunk

    def read(file: File) -> Iterator[Batch]:
        for chunk in table.chunks(names):
            yield from film_batches(whole(chunk), file.name, kind)

    return _part(kind, table, names, read, notes)


def _joined_actors(rows: pd.DataFrame) -> pd.DataFrame:
    """Make one list of the actors who have a column each."""
    names = (name for name in map(str, rows) if name.startswith("actor_"))
    actors = sorted(names, key=lambda name: int(name.removeprefix("actor_")))
    if not actors:
        return rows
    return rows.assign(cast=rows[actors].apply(lambda row: "|".join(filter(None, row)), axis=1))


def kind_of_films(table: Table) -> str:
    """Tell a catalogue, whose rows are films, from descriptions of films."""
    names = set(names_of("films", table.fields))
    titled = bool(names & {"title", "original_title"})
    if "movie_id" in names and "imdb_id" in _keyed(("movie_id",), _column(table, "movie_id")):
        return "descriptions"
    if titled and "id" in table.fields:  # TMDB's
        return "movies"
    if titled and "movie_id" in names and not names & (set(DETAILS) - {"genres"}):
        return "movies"  # of MovieLens
    return "descriptions"


def is_tmdb(part: Part) -> bool:
    """Tell whether films are numbered as TMDB does."""
    return any(field_of(heading) == "id" for heading, name in part.fields.items() if name)


def headed_parts(
    files: list[File], reading: Reading, describes: bool = False
) -> tuple[list[Part], list[str]]:
    """Return how the files with known headings are read, and the names of the others.

    Parameters
    ----------
    describes
        Whether all films are those of another catalogue.
    """
    parts: list[Part] = []
    unread: list[str] = []
    for file in files:
        table = open_table(file, reading) if file.size else None
        part = part_of(table, reading, describes) if table else None
        if part is not None:
            parts.append(part)
        elif file.name in EXPECTED:
            line, fields = EXPECTED[file.name]
            why = f"its first line is not {line}" if file.size else "it is empty"
            raise SourceError(f"{file.name} cannot be read: {why}{_offers(table, fields)}")
        else:
            unread.append(file.name)
    return parts, unread


def why_unread(file: File, reading: Reading) -> str:
    """Return what the columns of a file are, and which may be what is missing; or nothing."""
    table = open_table(file, reading) if file.size else None
    if table is None or len(table.headings) < 2:
        return ""
    if not any(heading.strip("0123456789.-: ") for heading in table.headings):
        return "; its first line names no columns"
    shown = ", ".join(table.headings[:12])
    offered = _offers(table, ("user_id", *FILM, "rating"))
    return (
        f"; the columns of {file.name} are {shown}"
        f"{offered or '; --column NAME=HEADING says what one is'}"
    )


def _offers(table: Table | None, fields: Sequence[str]) -> str:
    if table is None:
        return ""
    unread = [h for h, field in zip(table.headings, table.fields, strict=True) if not field]
    missing = [field for field in fields if field not in table.fields]
    return "".join(f"; {offer}" for offer in offers(near_misses(unread, missing)))


def offers(found: dict[str, str]) -> list[str]:
    """Return how to have columns read as what they seem to be."""
    return [
        f"`{heading}` may be the {field}: --column {field}='{heading}'"
        for heading, field in found.items()
    ]


def _rows_part(kind: str, table: Table) -> Part:
    names = _keyed(names_of(kind, table.fields), table.sample())
    table, notes = _decoded(table)

    def read(file: File) -> Iterator[Batch]:
        for chunk in table.chunks(names):
            parsed = columns.parse(chunk, file.name, table.layout)
            raw = parsed.raw
            yield Batch(kind, file.name, parsed.rows, parsed.rejects, parsed.size, _texts(raw))

    return _part(kind, table, names, read, notes)


def _texts(raw: list[str]) -> Callable[[int], str]:
    return lambda place: escaped(raw[place])


def _part(
    kind: str,
    table: Table,
    names: Sequence[str],
    read: Callable[[File], Iterator[Batch]],
    notes: tuple[str, ...] = (),
) -> Part:
    missing = [
        field
        for field in READ.get(kind, READ["films"])
        if field not in names and field not in ("movie_id", "user_id")
    ]
    pairs = list(zip(table.headings, names, strict=True))
    fields: dict[str, str] = {}
    for heading, name in pairs:
        fields.setdefault(heading, name)  # of two columns of one heading the first is read
    unread = tuple(heading for heading, name in pairs if heading and not name)
    return Part(kind, table.file, read, fields, unread, near_misses(unread, missing), notes)


def _keyed(names: tuple[str, ...], sample: list[list[str]]) -> tuple[str, ...]:
    """Rename ids that are no numbers: to IMDb ids, or to keys, which are numbered at the load."""
    renamed: list[str] = []
    for place, name in enumerate(names):
        if name in ("user_id", "movie_id"):
            given = [row[place] for row in sample if row[place].strip()]
            if name == "movie_id" and given and _most(IMDB_ID, given) and "imdb_id" not in names:
                name = "imdb_id"
            elif given and not _most(NUMBER, given):
                name = name.replace("_id", "_key")
        renamed.append(name)
    return tuple(renamed)


def _most(pattern: re.Pattern[str], texts: list[str]) -> bool:
    return sum(bool(pattern.fullmatch(text)) for text in texts) > len(texts) / 2


def _column(table: Table, name: str) -> list[list[str]]:
    place = names_of("films", table.fields).index(name)
    return [[row[place]] for row in table.sample()]


def _meant(
    table: Table, names: tuple[str, ...], sample: list[list[str]], reading: Reading
) -> tuple[Layout, tuple[str, ...]]:
    """Return how the ratings and times of a table are meant, and what is to be said of it."""
    notes: list[str] = []
    layout = table.layout
    if reading.scale is not None:
        layout = replace(layout, scale=reading.scale)
    elif "rating" in names:
        given = [row[names.index("rating")] for row in sample]
        try:
            scale, note = evident_scale([text for text in given if text.strip()])
        except SourceError as error:
            raise SourceError(f"{table.file.name}: {error}") from error
        layout = replace(layout, scale=scale)
        notes += [note] if note else []
    if "rated_at" in names:
        times = pd.to_numeric(
            pd.Series([row[names.index("rated_at")] for row in sample], dtype="str"),
            errors="coerce",
        )
        if (times >= FINER[-1][0]).any():
            notes.append("times in milliseconds, or finer, are read as such")
    keys = [name for name in ("user_key", "movie_key") if name in names]
    notes += [f"ids that are no numbers are numbered in recsys.{name}s" for name in keys]
    return layout, tuple(notes)


def _decoded(table: Table) -> tuple[Table, tuple[str, ...]]:
    """Return a table with its encoding, and what is to be said of it."""
    encoding = "utf-8" if table.records else shared_encoding(table.file)
    if encoding == "utf-8":
        return table, ()
    layout = replace(table.layout, encoding=encoding)
    return replace(table, layout=layout), (f"it is not UTF-8, and read as {encoding}",)
