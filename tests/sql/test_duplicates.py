"""Near-duplicate titles against brute force, and the commands that list and merge them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import URL, Engine

from recsys.settings import Settings
from tests.helpers.commands import fails, recsys
from tests.helpers.databases import add_films, open_database
from tests.helpers.examples import examples


@hypothesis_settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    films=st.lists(
        st.tuples(
            st.builds(
                str.__add__,
                st.sampled_from(["", "bath", "The bath, ", "Tea, hat, bath, "]),
                st.text("aAbé, The", min_size=1, max_size=8),
            ).filter(str.strip),
            st.sampled_from([2000, 2001, None]),
        ),
        max_size=12,
    )
)
def test_pairs_are_those_of_brute_force(
    engine: Engine, films: list[tuple[str, int | None]]
) -> None:
    with engine.connect() as connection:
        add_films(connection, *((n, title, year) for n, (title, year) in enumerate(films)))
        pairs = list(
            connection.exec_driver_sql(
                "select movie_id, other_movie_id, edits, likeness from recsys_bi.duplicate_movies"
            )
        )
        found = connection.exec_driver_sql(
            """
                select one.movie_id, other.movie_id
                from recsys.movies one join recsys.movies other
                    on one.year = other.year and one.movie_id < other.movie_id
                where levenshtein(lower(one.title), lower(other.title))
                        <= least(3, greatest(length(one.title), length(other.title)) / 5)
                   or one.plain_title = other.plain_title
            """
        )
        expected = {(row[0], row[1]) for row in found}
        connection.rollback()
    assert {(row[0], row[1]) for row in pairs} == expected
    assert len(pairs) == len(expected)
    assert all(0 <= row[2] <= 3 and 0 <= row[3] <= 1 for row in pairs)


def test_true_duplicates_come_first(engine: Engine) -> None:
    with engine.connect() as connection:
        add_films(
            connection,
            (1, "Matrix, The", 1999), (2, "The Matrix", 1999), (3, "Up", 1999), (4, "It", 1999),
            (5, "Human Condition I, The", 1999), (6, "Human Condition II, The", 1999),
            (7, "The Lord of the Rings", 1999), (8, "The Lord of the Ring", 1999),
            (9, "Matrix, The", 1998), (10, "Emma", None), (11, "Emma", None), (12, "x" * 400, 1999),
            (13, "Ten Words", 1998), (14, "Two Words", 1998), (15, "Ten", 1998), (16, "Ben", 1998),
            (17, "Brave", 1998), (18, "Brake", 1998),
        )  # fmt: skip
        connection.exec_driver_sql("update recsys.movies set rating_count = 5 where movie_id = 2")
        rows = connection.exec_driver_sql(
            "select movie_id, other_movie_id, edits from recsys_bi.duplicate_movies "
            "order by likeness desc"
        ).all()
    assert [tuple(row) for row in rows] == [
        (2, 1, 0),
        (7, 8, 1),
        (17, 18, 1),
        (5, 6, 1),
    ]


def test_on_the_command_line(
    settings: Settings, server_url: URL, template: str, copies: Callable[[str], str]
) -> None:
    name = copies(template)
    with open_database(server_url, name).begin() as connection:
        add_films(connection, (1, "Emma", 1996), (2, "Emma", 1996), (3, "Gemma", 1996))
        connection.exec_driver_sql(
            "insert into recsys.ratings values (5, 1, 4), (5, 2, 3), (6, 2, 3)"
        )
        connection.exec_driver_sql("select recsys_internal.refresh_movie_counts()")
    movies = ("--database", name, "movies")
    done = recsys(*movies, "duplicates", "-o", "json")
    first, *others = json.loads(done.stdout)
    assert (first["movie_id"], first["other_movie_id"], first["likeness"]) == (2, 1, 1)
    assert len(others) == 2
    assert "recsys movies merge 2 1" in done.stderr
    as_csv = recsys(*movies, "duplicates", "-k", "1", "-o", "csv").stdout
    assert [row["title"] for row in csv.DictReader(io.StringIO(as_csv))] == ["Emma"]
    assert "Emma" in recsys(*movies, "duplicates", "--max-edits", "0").stdout
    merged = recsys(*movies, "merge", "2", "1")
    assert "film 2 took over nothing" in merged.stdout
    assert "recsys train" in merged.stderr
    assert "unknown movie: 1" in fails(*movies, "merge", "2", "1")
    assert "itself" in fails(*movies, "merge", "2", "2")
    done = recsys(*movies, "duplicates", "--max-edits", "0", "-o", "csv")
    assert done.stdout.startswith("movie_id,title,")
    assert "No two films" in done.stderr
    recsys(*movies, "merge", "x", "1", status=2)
