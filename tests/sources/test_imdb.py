"""IMDb's data sets: films among other titles, who made them, and a catalogue that they describe."""

from __future__ import annotations

import gzip
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from recsys.sources import open_source, tab_lines
from recsys.sources.file_source import FileSource
from tests.helpers.examples import examples
from tests.helpers.loads import (
    FILMS,
    LINKS_CSV,
    MOVIES_CSV,
    counts,
    everything,
    rows,
    run,
    write,
)

BASICS = (
    "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n"
    "tt0000001\tshort\tCarmencita\tCarmencita\t0\t1894\t\\N\t1\tDocumentary,Short\n"
    'tt0000009\tmovie\t"Miss Jerry" Said\tMiss Jerry\t0\t1894\t\\N\t45\tRomance\n'
    "tt0113277\tmovie\tHeat\tHeat\t0\t1995\t\\N\t170\tAction,Crime,Drama\n"
    "tt0062336\ttvMovie\tAmélie, l'été\t\\N\t1\t\\N\t\\N\t\\N\t\\N\n"
    "tt10872600\tmovie\t\\N\tOriginal Alone\t\\N\t2021\t\\N\t\\N\tAction\n"
    "tt0000500\ttvEpisode\tEpisode\tEpisode\t0\t2001\t\\N\t\\N\tDrama\n"
    "tt0000501\tmovie\tShifted\t0\t1995\t\\N\t90\tDrama\n"
    "tt0000502\tmovie\tOdd\tOdd\t2019\t1995\t\\N\t90\tDrama\n"
    "ttx\tmovie\tNo Number\tx\t0\t1995\t\\N\t90\tDrama\n"
    "tt0000503\tmovie\t\\N\t\\N\t0\t1995\t\\N\t90\tDrama\n"
    "tt0000504\tshort\ttoo\tfew\n"
)
CREW = (
    "tconst\tdirectors\twriters\n"
    "tt0000001\tnm0005690\t\\N\n"
    "tt0113277\tnm0000520\tnm0000520,nm0000001\n"
    "tt0062336\t\\N\tnm0000777\n"
    "tt0000009\tnobody\t\\N\n"
)
CAST = (
    "tconst\tordering\tnconst\tcategory\tjob\tcharacters\n"
    'tt0113277\t1\tnm0000199\tactor\t\\N\t["Vincent Hanna"]\n'
    "tt0113277\t2\tnm0000520\tdirector\t\\N\t\\N\n"
    'tt0113277\t3\tnm0000161\tactress\t\\N\t["Lauren, 10"]\n'
    "tt0113277\tfourth\tnm0000161\tactress\t\\N\t\\N\n"
    "tt0000001\t1\tnm0000199\tactor\t\\N\t\\N\n"
)
NAMES = (
    "nconst\tprimaryName\tbirthYear\tdeathYear\tprimaryProfession\tknownForTitles\n"
    "nm0000001\t\\N\t1899\t1987\tactor\ttt0050419\n"
    "nm0000161\tNatalie P\t1981\t\\N\tactress\t\\N\n"
    'nm0000199\tAl "P" Ácino\t1940\t\\N\tactor\ttt0113277\n'
    "nm0000520\tMichael Mann\t1943\t\\N\tdirector\ttt0113277\n"
    "nm0005690\tOf a Short\t\\N\t\\N\t\\N\t\\N\n"
)
OTHERS: dict[str, str | bytes] = {
    "title.ratings.tsv": "tconst\taverageRating\tnumVotes\ntt0113277\t8.3\t700000\n",
    "title.akas.tsv": "titleId\tordering\ttitle\tregion\ntt0113277\t1\tHeat\tDE\n",
}
PEOPLE = """
    select movie_id, role, position, name
    from recsys.movie_people join recsys.people using (person_id) order by 1, 2, 3
"""


def open_files(path: Path) -> FileSource:
    source = open_source(str(path))
    assert isinstance(source, FileSource)
    return source


def test_films_and_their_people(engine: Engine, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "title.basics.tsv.gz": gzip.compress(BASICS.replace("\n", "\r\n").encode()),
            "title.crew.tsv": CREW,
            "title.principals.tsv": CAST,
            "name.basics.tsv": NAMES,
            **OTHERS,
        },
    )
    report = run(engine, tmp_path, max_rejects=0.7)
    assert report.format == "imdb-datasets"
    assert rows(engine, FILMS) == [
        (9, '"Miss Jerry" Said', 1894, ["Romance"], "tt0000009", None),
        (62336, "Amélie, l'été", None, [], "tt0062336", None),
        (113277, "Heat", 1995, ["Action", "Crime", "Drama"], "tt0113277", None),
        (10872600, "Original Alone", 2021, ["Action"], "tt10872600", None),
    ]
    assert rows(engine, PEOPLE) == [
        (113277, "actor", 1, 'Al "P" Ácino'),
        (113277, "actor", 2, "Natalie P"),
        (113277, "director", 1, "Michael Mann"),
        (113277, "writer", 1, "Michael Mann"),
    ]
    refused = "select file, line, reason, raw from recsys.load_rejects order by 1, 2"
    assert [(file, line, why) for file, line, why, _ in rows(engine, refused)] == [
        ("name.basics.tsv", 2, "the name is empty"),
        ("title.basics.tsv", 8, "wrong number of fields"),
        ("title.basics.tsv", 9, "isAdult is neither 0 nor 1"),
        ("title.basics.tsv", 10, "movieId is not a whole number"),
        ("title.basics.tsv", 11, "the title is empty"),
        ("title.basics.tsv", 12, "wrong number of fields"),
        ("title.crew.tsv", 5, "a person's id is not nm and a number"),
        ("title.principals.tsv", 5, "it is not a person's id and a place in the billing"),
    ]
    assert rows(engine, refused)[2][3] == "tt0000502\tmovie\tOdd\tOdd\t2019\t1995\t\\N\t90\tDrama"
    assert counts(report, "movies") == {"read": 12, "loaded": 4, "rejected": 8}
    before = everything(engine)
    again = run(engine, tmp_path, max_rejects=0.7)
    assert (again.total.unchanged, everything(engine)) == (4, before)
    assert rows(engine, "select distinct id_space from recsys.load_runs") == [("imdb",)]


def test_what_is_passed_over_is_named(tmp_path: Path) -> None:
    files = {**OTHERS, "title.basics.tsv": BASICS, "title.crew.tsv": CREW, "name.basics.tsv": NAMES}
    source = open_files(write(tmp_path, files))
    assert [part.unread for part in source.parts] == [
        ("endYear", "runtimeMinutes"),
        (),
        ("birthYear", "deathYear", "primaryProfession", "knownForTitles"),
    ]
    for _ in range(2):
        assert sum(batch.size for batch in source.batches()) == source.size
        assert source.unread == [
            *sorted(OTHERS),
            "2 titles of title.basics.tsv that are no films (short 1, tvEpisode 1)",
            "1 credits of people that name.basics.tsv does not have",
        ]
    (tmp_path / "name.basics.tsv").unlink()
    assert open_files(tmp_path).unread == ["title.akas.tsv", "title.crew.tsv", "title.ratings.tsv"]
    films = next(source.batches()).rows
    assert films["adult"].tolist() == [False, False, True, None]


def test_one_file_or_a_zip_of_packed_ones(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "imdb.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {
            "title.basics": BASICS,
            "title.crew": CREW,
            "name.basics": NAMES,
        }.items():
            archive.writestr(f"imdb/{name}.tsv.gz", gzip.compress(text.encode()))
    assert run(engine, path, max_rejects=0.7).total.loaded == 4
    assert [row[1] for row in rows(engine, PEOPLE)] == ["director", "writer"]
    (tmp_path / "data.tsv").write_text(BASICS)  # as some copies of it are named
    assert run(engine, tmp_path / "data.tsv", max_rejects=0.7).total.unchanged == 4


def test_a_movielens_catalogue_is_described(engine: Engine, tmp_path: Path) -> None:
    movielens = tmp_path / "movielens"
    movielens.mkdir()
    run(engine, write(movielens, {"movies.csv": MOVIES_CSV, "links.csv": LINKS_CSV}))
    films = rows(engine, FILMS)
    basics = "".join(BASICS.splitlines(keepends=True)[:6])
    write(tmp_path, {"title.basics.tsv": basics, "title.crew.tsv": CREW, "name.basics.tsv": NAMES})
    report = run(engine, tmp_path, max_rejects=0.5)
    assert report.joined["imdb_id"] == 1
    assert rows(engine, FILMS) == films
    assert [row[:2] for row in rows(engine, PEOPLE)] == [(2, "director"), (2, "writer")]
    assert run(engine, tmp_path, max_rejects=0.5).total.loaded == 0


def ids(prefix: str, most: int) -> st.SearchStrategy[str]:
    return st.integers(1, most).map(lambda number: f"{prefix}{number:07}")


PERSONS = st.lists(ids("nm", 12), max_size=3).map(lambda people: ",".join(people) or "\\N")


@settings(max_examples=examples(60), deadline=None)
@given(
    films=st.lists(
        st.tuples(ids("tt", 9), st.sampled_from(["movie", "tvMovie", "short"])),
        unique_by=lambda film: film[0],
        min_size=1,
    ),
    crew=st.lists(st.tuples(ids("tt", 9), PERSONS, PERSONS), unique_by=lambda row: row[0]),
    cast=st.lists(
        st.tuples(
            ids("tt", 9), st.integers(1, 99), ids("nm", 12), st.sampled_from(["actor", "self"])
        ),
        unique_by=lambda row: row[:2],
    ),
    names=st.lists(ids("nm", 12), unique=True),
    block=st.integers(1, 100),
)
def test_people_are_those_of_a_join(
    films: list[tuple[str, str]],
    crew: list[tuple[str, str, str]],
    cast: list[tuple[str, int, str, str]],
    names: list[str],
    block: int,
) -> None:
    wanted = {film: line for line, (film, kind) in enumerate(films, start=2) if kind != "short"}
    expected = [
        (wanted[film], f"Name {person}", role, position)
        for film, directors, writers in crew
        for role, people in (("director", directors), ("writer", writers))
        for position, person in enumerate(people.split(","), start=1)
        if film in wanted and person in names
    ]
    for film, line in wanted.items():
        actors = sorted(row for row in cast if row[0] == film and row[3] == "actor")
        expected += [
            (line, f"Name {person}", "actor", position)
            for position, (_, _, person, _) in enumerate(actors, start=1)
            if person in names
        ]
    lines: dict[str, list[Any]] = {
        "title.basics.tsv": [(f, kind, f"Film {f}") for f, kind in films],
        "title.crew.tsv": crew,
        "title.principals.tsv": cast,
        "name.basics.tsv": [(person, f"Name {person}") for person in names],
    }
    headings = [
        "tconst titleType primaryTitle",
        "tconst directors writers",
        "tconst ordering nconst category",
        "nconst primaryName",
    ]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tab_lines, "BLOCK", block)
        for (name, table), heading in zip(lines.items(), headings, strict=True):
            text = [heading.split(), *table]
            content = "".join("\t".join(map(str, row)) + "\n" for row in text)
            (Path(folder) / name).write_text(content)
        batches = list(open_source(folder).batches())
    people = [batch.rows for batch in batches if batch.kind == "movie_people"]
    found = pd.concat(people)[["line", "name", "role", "position"]] if people else pd.DataFrame()
    assert sorted(found.itertuples(index=False, name=None)) == sorted(expected)
    assert not any(batch.rejects for batch in batches)
    taken = [
        row for batch in batches if batch.kind == "movies" for row in batch.rows.get("line", [])
    ]
    assert taken == list(wanted.values())
