"""Titles: the search forgives typos, accents and word order, by index."""

from __future__ import annotations

import csv
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError

from recsys.database.engine import libpq_url
from recsys.server.cluster import binaries
from tests.helpers.databases import open_database
from tests.helpers.examples import examples
from tests.helpers.mistyped import mistyped_titles

FILMS = [
    (1, "Matrix, The", 1999, 900),
    (2, "Matrix Reloaded, The", 2003, 400),
    (3, "Heat", 1995, 500),
    (4, "Heat", 1986, 3),
    (5, "Heat, The", 2013, 20),
    (6, "Postman, The (Postino, Il)", 1994, 60),
    (7, "Postman, The", 1997, 30),
    (8, "2012", 2009, 40),
    (9, "Blade Runner", 1982, 700),
    (10, "Blade Runner 2049", 2017, 300),
    (11, "Avventura, L' (Adventure, The)", 1960, 30),
    (12, "Léon: The Professional (a.k.a. The Professional)", 1994, 600),
    (13, "Harry Potter and the Goblet of Fire", 2005, 350),
    (14, "東京物語", 1953, 10),
    (15, "???", 2000, 1),
    (16, "Die Hard", 1988, 400),
    (17, "Tin Drum, The (Blechtrommel, Die)", 1979, 25),
    (18, "Ocean's Eleven", 2001, 450),
    (19, "Thelma & Louise", 1991, 150),
    (20, "Up", 2009, 500),
    (21, "X" * 400, 2001, 1),
    (22, "Murs, Les", None, 2),
    (23, "E.T. the Extra-Terrestrial", 1982, 500),
]  # fmt: skip


@pytest.fixture(scope="module")
def films_name(server_url: URL, template: str, copies: Callable[[str], str]) -> str:
    name = copies(template)
    with open_database(server_url, name).begin() as connection:
        for film in FILMS:
            connection.exec_driver_sql(
                "insert into recsys.movies (movie_id, title, year, liked_count) "
                "values (%s, %s, %s, %s)",
                film,
            )
    return name


@pytest.fixture
def films(server_url: URL, films_name: str) -> Iterator[Connection]:
    with open_database(server_url, films_name).connect() as connection:
        yield connection
        connection.rollback()


def search(connection: Connection, query: str, k: int = 5) -> list[dict[str, Any]]:
    found = connection.exec_driver_sql(
        "select * from recsys.search_titles(%s, %s) order by rank", (query, k)
    )
    return [dict(row) for row in found.mappings()]


@pytest.mark.parametrize(
    ("query", "movie_id"),
    [
        ("Matrix, The", 1), ("The Matrix", 1), ("matrix", 1), ("teh matrix", 1), ("mtarix", 1),
        ("reloaded matrix", 2),
        ("heat", 3), ("haet", 3), ("the heat", 5), ("Heat, The", 5), ("heat 1986", 4),
        ("heat (1995)", 3), ("haet (1986)", 4), ("the heat (2013", 5),
        ("postman 1997", 7), ("il postino", 6), ("the postino", 6), ("postman (postino)", 6),
        ("2012", 8), ("2012 (2009)", 8), ("blade runner 2049", 10), ("blade runer 2049", 10),
        ("blade runner", 9), ("blade runner 1982", 9), ("blade runner 2049 2017", 10),
        ("l'avventura", 11), ("avventura", 11), ("the adventure", 11), ("L’Avventura", 11),
        ("leon the professional", 12), ("Le\u0301on", 12), ("the professional", 12),
        ("goblet of fire harry potter", 13), ("goblet fire", 13), ("hary poter goblet", 13),
        ("東京物語", 14), ("???", 15), ("die hard", 16), ("Hard, Die", 16),
        ("die blechtrommel", 17), ("oceans eleven", 18), ("ocean's elevn", 18),
        ("thelma and louise", 19), ("Murs, Les", 22), ("Adventure, The", 11), ("up", 20), ("uo", 20), ("X" * 400, 21), ("les murs", 22), ("e.t.", 23),
    ],
)  # fmt: skip
def test_found_first(films: Connection, query: str, movie_id: int) -> None:
    rows = search(films, query)
    assert rows[0]["movie_id"] == movie_id, rows
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)


def test_forms_of_one_title_are_one(films: Connection) -> None:
    forms = films.exec_driver_sql(
        "select distinct recsys_internal.plain_title(t) from unnest(%s::text[]) t",
        (["Postman, The (Postino, Il)", "The Postman (Il Postino)", "THE  POSTMAN (il póstino)"],),
    ).scalars()
    assert list(forms) == ["postman,the|postino,il"]


NATURAL = {
    "Godfather, The": "The Godfather",
    "City of Lost Children, The (Cité des enfants perdus, La)": (
        "The City of Lost Children (La Cité des enfants perdus)"
    ),
    "Avventura, L' (Adventure, The)": "L'Avventura (The Adventure)",
    "Ultimo bacio, L’": "L’Ultimo bacio",
    "Good, the Bad and the Ugly, The (Buono, il brutto, il cattivo, Il)": (
        "The Good, the Bad and the Ugly (Il Buono, il brutto, il cattivo)"
    ),
    "His Secret Life (a.k.a. Ignorant Fairies, The) (Fate ignoranti, Le)": (
        "His Secret Life (a.k.a. The Ignorant Fairies) (Le Fate ignoranti)"
    ),
    "Cabinet of Dr. Caligari, The (Cabinet des Dr. Caligari., Das)": (
        "The Cabinet of Dr. Caligari (Das Cabinet des Dr. Caligari.)"
    ),
    "Vitelloni, I (a.k.a. The Young and the Passionate)": (
        "I Vitelloni (a.k.a. The Young and the Passionate)"
    ),
    "matrix, the!": "the matrix!",
    **{
        f"Film, {article}": f"{article} Film"
        for article in [
            "The",
            "A",
            "An",
            "La",
            "Le",
            "Les",
            "Un",
            "Une",
            "Des",
            "Der",
            "Die",
            "Das",
            "Den",
            "Ein",
            "Eine",
            "El",
            "Los",
            "Las",
            "Lo",
            "Il",
            "I",
            "Gli",
            "Uno",
            "Una",
            "O",
            "Os",
            "As",
            "Um",
            "Uma",
            "De",
            "Het",
            "Een",
            "Det",
            "En",
            "Ett",
        ]
    },
}
AS_THEY_ARE = [
    "Girl, Interrupted", "Kiss Me, Guido", "I, Robot", "10,000 BC", "The Good, the Bad and the Ugly",
    "Monsters, Inc.", "What's Up, Doc?", "Lust, Caution (Se, jie)", "Patrik Age 1.5 (Patrik 1,5)",
    "Crazy, Stupid, Love.", "Me, Myself & Irene", "Paris, Texas", "The", ", The", "X, The, A", "",
]  # fmt: skip


def natural_title(connection: Connection, title: str) -> str:
    return str(
        connection.exec_driver_sql("select recsys_internal.natural_title(%s)", (title,)).scalar()
    )


@pytest.mark.parametrize(
    ("title", "natural"), [*NATURAL.items(), *((title, title) for title in AS_THEY_ARE)]
)
def test_natural_titles(films: Connection, title: str, natural: str) -> None:
    assert natural_title(films, title) == natural


@settings(
    max_examples=examples(300),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    title=st.lists(
        st.sampled_from(
            [
                "The",
                "a",
                "L'",
                "il",
                "Film",
                "X",
                ",",
                ", ",
                " ",
                "(",
                ")",
                "!",
                "a.k.a. ",
                "\n",
                "é",
            ]
        )
    ).map("".join)
)
def test_a_natural_title_stays_and_compares_as_the_other_form(
    films: Connection, title: str
) -> None:
    natural = natural_title(films, title)
    assert natural_title(films, natural) == natural
    assert len(natural) <= len(title) + title.count(",")
    plain = "select recsys_internal.plain_title(%s), recsys_internal.plain_title(%s)"
    one, other = films.exec_driver_sql(plain, (title, natural)).one()
    assert one == other


def test_a_load_writes_natural_titles(movielens: Engine, data_folder: Path) -> None:
    with open(data_folder / "ml-latest-small" / "movies.csv", encoding="utf-8") as file:
        written = {
            int(row["movieId"]): re.sub(r"\s*\([0-9]{4}\)\s*$", "", row["title"]).strip()
            for row in csv.DictReader(file)
        }
    with movielens.connect() as connection:
        here = connection.exec_driver_sql("select movie_id, title, source_title from recsys.movies")
        titles = {movie_id: (title, source) for movie_id, title, source in here}
    assert titles.keys() == written.keys()
    assert sum(source is not None for _, source in titles.values()) > 1900
    for movie_id, (title, source) in titles.items():
        assert written[movie_id] == (title if source is None else source)
        assert not re.search(r", (The|A|An|L[ae]s?|Il|El|Der|Die|Das)(?= \(|\)|$)", title)
        if re.search(", The$", written[movie_id]):
            assert title == f"The {written[movie_id].removesuffix(', The')}"


def test_ties_go_to_the_popular_film_then_to_the_lower_id(films: Connection) -> None:
    assert [row["movie_id"] for row in search(films, "heat", 2)] == [3, 4]
    films.exec_driver_sql("update recsys.movies set liked_count = 500 where movie_id = 4")
    assert [row["movie_id"] for row in search(films, "heat", 2)] == [3, 4]
    films.exec_driver_sql("update recsys.movies set liked_count = 501 where movie_id = 4")
    assert [row["movie_id"] for row in search(films, "heat", 2)] == [4, 3]


ODD = [
    "%", "_", "\\", "%%%%%", "___", "\\%\\", "'", "''\"", "--", "...", "()", "(", "(((a.k.a.",
    "|", ",,,", "\x01", "東京", "🎬", "🎬🎬🎬🎬", "\u0301", "1995", "(1995)", " 1995 ", "a" * 10_000,
    "the " * 2_500, "%a" * 5_000, "(" * 10_000, "é" * 300, "🎬" * 10_000, "a.k.a. ", "the", "l'",
]  # fmt: skip


@pytest.mark.parametrize("query", ODD)
def test_odd_queries_are_answered_at_once(films: Connection, query: str) -> None:
    begun = time.perf_counter()
    search(films, query, 1000)
    assert time.perf_counter() - begun < 1


@settings(
    max_examples=examples(200),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(query=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_only_an_empty_query_is_refused(films: Connection, query: str) -> None:
    if query.strip(" "):
        assert len(search(films, query)) <= 5
        return
    with pytest.raises(DBAPIError, match="empty") as caught:
        search(films, query)
    assert isinstance(caught.value.orig, psycopg.errors.InvalidParameterValue)
    films.rollback()


def test_an_ordinary_role_in_a_read_only_transaction(films: Connection) -> None:
    films.exec_driver_sql("create role title_reader")
    films.exec_driver_sql("grant usage on schema recsys, recsys_internal to title_reader")
    films.exec_driver_sql("grant select on recsys.movies to title_reader")
    films.exec_driver_sql("set local role title_reader")
    films.exec_driver_sql("set transaction read only")
    assert search(films, "matrx")[0]["movie_id"] == 1


def test_a_dump_restores_with_its_indexes(
    server_url: URL, films_name: str, copies: Callable[[str], str], tmp_path: Path
) -> None:
    """The restore runs with an empty search_path and makes titles and indexes anew."""
    target = copies("template0")
    urls = [libpq_url(server_url.set(database=name)) for name in (films_name, target)]
    file = tmp_path / "films.dump"
    for command in (
        ["pg_dump", "-Fc", "-f", str(file), urls[0]],
        ["pg_restore", "--exit-on-error", "-d", urls[1], str(file)],
    ):
        subprocess.run([binaries() / command[0], *command[1:]], check=True, capture_output=True)
    plain = "select movie_id, plain_title from recsys.movies order by 1"
    answers = []
    for name in (films_name, target):
        with open_database(server_url, name).connect() as connection:
            answers.append(
                (search(connection, "teh matrx"), connection.exec_driver_sql(plain).all())
            )
    assert answers[0][0]
    assert answers[0] == answers[1]


def test_settings_of_the_caller_neither_matter_nor_change(films: Connection) -> None:
    before = search(films, "mtarix")
    for name in ("similarity_threshold", "word_similarity_threshold"):
        films.exec_driver_sql(f"set local pg_trgm.{name} = 0.99")
    films.exec_driver_sql("set local search_path = ''")
    assert before
    assert search(films, "mtarix") == before
    assert films.exec_driver_sql("show search_path").scalar() == '""'


@settings(
    max_examples=examples(200),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    title=st.text("abc \\%_", min_size=9, max_size=30),
    edits=st.lists(
        st.tuples(
            st.sampled_from(["insert", "remove", "replace"]),
            st.integers(0, 40),
            st.sampled_from("abcx%\\ "),
        ),
        max_size=2,
    ),
)
def test_two_edits_leave_a_third_of_a_title(
    films: Connection, title: str, edits: list[tuple[str, int, str]]
) -> None:
    edited = title
    for kind, place, letter in edits:
        start = place % (len(edited) + 1)
        end = start if kind == "insert" else start + 1
        edited = edited[:start] + ("" if kind == "remove" else letter) + edited[end:]
    held = films.exec_driver_sql(
        "select %s like any (recsys_internal.title_thirds(%s))", (edited, title)
    ).scalar_one()
    assert held


def test_short_titles_have_no_thirds(films: Connection) -> None:
    thirds = "select recsys_internal.title_thirds(%s)"
    assert films.exec_driver_sql(thirds, ("godfathe",)).scalar_one() is None
    assert films.exec_driver_sql(thirds, ("godfather p",)).scalar_one() == [
        "god%", "%fathe%", "%r p%",
    ]  # fmt: skip


@pytest.mark.parametrize("n", [20, 500])
def test_candidates_are_those_of_brute_force(movielens: Engine, n: int) -> None:
    """Of all titles, none that the first look may miss is nearer than two letters."""
    with movielens.connect() as connection:
        titles = mistyped_titles(connection, 40, seed=7)
        for query, _ in titles:
            reading, alike = connection.exec_driver_sql(
                """
                select p.reading, array(
                    select m.movie_id
                    from recsys.movies m
                    where levenshtein(recsys_internal.main_title(m.plain_title),
                        recsys_internal.main_title(p.reading)) <= 2)
                from recsys_internal.plain_title(%s) p (reading)
                """,
                (query,),
            ).one()
            found = connection.exec_driver_sql(
                "select * from recsys_internal.title_candidates(%s, %s, false)", (reading, n)
            ).scalars()
            assert len(alike) > n or set(alike) <= set(found)


def test_the_indexes_serve(movielens: Engine) -> None:
    with movielens.connect() as connection:
        connection.exec_driver_sql("load 'auto_explain'")
        for setting in ("log_min_duration = 0", "log_nested_statements = on"):
            connection.exec_driver_sql(f"set auto_explain.{setting}")
        connection.exec_driver_sql("set client_min_messages = log")
        plans: list[str] = []
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        driver.add_notice_handler(lambda notice: plans.append(notice.message_primary or ""))
        for query in ("the godfahter", "heat 1995"):
            search(connection, query)
    text = "\n".join(plans)
    assert "Index Scan on ix_movies_plain_title" in text
    assert "Index Scan on ix_movies_main_title_length" in text
    assert "Seq Scan on movies" not in text


@pytest.mark.parametrize("seed", [1, 2])
def test_mistyped_titles_are_found_first(movielens: Engine, seed: int) -> None:
    with movielens.connect() as connection:
        queries = mistyped_titles(connection, 200, seed)
        found = [search(connection, query, 1) for query, _ in queries]
    hits = sum(
        bool(rows) and rows[0]["title"] == title
        for rows, (_, title) in zip(found, queries, strict=True)
    )
    assert hits >= 0.95 * len(queries)
