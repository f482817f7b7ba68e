"""The command line: what it prints where, and how it fails."""

from __future__ import annotations

import csv
import io
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from recsys.settings import Settings
from tests.helpers.commands import fails, recsys, typed
from tests.helpers.loads import folder
from tests.helpers.oracle import call


def test_answers_in_every_format(settings: Settings, sample_name: str) -> None:
    on_sample = ("--database", sample_name, "recommend", "42", "-k", "3", "--genre", "Comedy")
    as_json = recsys(*on_sample, "--output", "json")
    rows = json.loads(as_json.stdout)
    assert [row["rank"] for row in rows] == [1, 2, 3]
    assert all("Comedy" in row["genres"] for row in rows)
    assert "simulated" in as_json.stderr
    as_csv = list(csv.DictReader(io.StringIO(recsys(*on_sample, "--output", "csv").stdout)))
    assert [row["title"] for row in as_csv] == [row["title"] for row in rows]
    as_table = typed(*on_sample).stdout
    assert all(row["title"] in as_table for row in rows)


def test_similar_by_a_mistyped_title(settings: Settings, sample_name: str) -> None:
    done = recsys("--database", sample_name, "similar", "the godfahter", "-k", "2", "-o", "json")
    assert len(json.loads(done.stdout)) == 2
    assert "The Godfather" in done.stderr
    for unknown in ("999999", "qqqqqq"):
        assert unknown in fails("--database", sample_name, "similar", unknown)


def test_films_for_a_basket(settings: Settings, sample: Connection, sample_name: str) -> None:
    on_sample = ("--database", sample_name)
    done = recsys(*on_sample, "recommend-for", "the godfahter", "1", "-k", "3", "-o", "json")
    [found] = call(sample, "search_titles", query="the godfather", k=1)
    liked = [found["movie_id"], 1]
    assert json.loads(done.stdout) == call(sample, "recommend_for", liked=liked, k=3)
    assert "The Godfather" in done.stderr
    assert "WALL-E (2008)" in done.stderr
    assert "qqqqqq" in fails(*on_sample, "recommend-for", "1", "qqqqqq")
    assert recsys(*on_sample, "recommend-for", status=2).stdout == ""


def test_feedback_and_a_watchlist(sample_engine: Engine) -> None:
    on_own = ("--database", str(sample_engine.url.database))
    added = recsys(*on_own, "feedback", "add", "42", "the godfahter", "hidden").stdout
    assert "The Godfather" in added
    for movie_id in ("1", "2", "3"):
        recsys(*on_own, "feedback", "add", "42", movie_id, "watchlist")
    taken = ("feedback", "remove", "42", "3", "watchlist")
    assert "no longer watchlist" in recsys(*on_own, *taken).stdout
    assert "not watchlist" in recsys(*on_own, *taken).stdout
    listed = json.loads(recsys(*on_own, "feedback", "list", "42", "-o", "json").stdout)
    assert [row["kind"] for row in listed] == ["watchlist", "watchlist", "hidden"]
    assert {row["movie_id"] for row in listed[:2]} == {1, 2}
    one = recsys(*on_own, "feedback", "list", "42", "--kind", "hidden", "-k", "1", "-o", "json")
    assert json.loads(one.stdout) == listed[2:]
    kept = json.loads(recsys(*on_own, "watchlist", "42", "-o", "json").stdout)
    options = ("--watchlist-first", "--fresh", "0.5", "--not-shown-since", "2d", "-k", "150")
    films = json.loads(recsys(*on_own, "recommend", "42", *options, "-o", "json").stdout)
    with sample_engine.connect() as connection:
        assert kept == call(connection, "watchlist", user_id=42)
        assert films == call(
            connection, "recommend", user_id=42, k=150, watchlist_first=True, fresh=0.5,
            not_shown_since="2 days",
        )  # fmt: skip
    assert listed[2]["movie_id"] not in {film["movie_id"] for film in films}
    assert "loved" in recsys(*on_own, "feedback", "add", "42", "1", "loved", status=2).stderr
    assert "--all" in recsys(*on_own, "recommend", "--all", "--fresh", "1", status=2).stderr


def test_users_for_a_film_and_like_a_user(
    settings: Settings, sample: Connection, sample_name: str
) -> None:
    on_sample = ("--database", sample_name)
    film = recsys(*on_sample, "users-for", "the godfahter", "-k", "3", "-o", "json")
    assert "The Godfather" in film.stderr
    assert "simulated" in film.stderr
    [found] = call(sample, "search_titles", query="the godfather", k=1)
    assert json.loads(film.stdout) == call(sample, "users_for", movie_id=found["movie_id"], k=3)
    alike = recsys(*on_sample, "similar-users", "42", "-o", "json")
    assert json.loads(alike.stdout) == call(sample, "similar_users", user_id=42)
    assert "999999" in fails(*on_sample, "users-for", "999999")
    none = recsys(*on_sample, "similar-users", "987654", "-o", "csv")
    assert none.stdout == "rank,user_id,score\n"
    assert "no film that this user likes" in none.stderr


def test_an_unknown_user_is_told_that_films_are_popular(
    settings: Settings, sample_name: str
) -> None:
    assert "popular" in recsys("--database", sample_name, "recommend", "987654").stderr


def test_a_whole_run_on_ones_own_ratings(settings: Settings, template: str, tmp_path: Path) -> None:
    name = f"{template}_own"
    if settings.database_url is not None:
        pytest.skip("makes a database on the embedded server")
    on_own = ("--database", name)
    assert "3" in recsys(*on_own, "load", folder(tmp_path)).stdout
    assert "too few" in fails(*on_own, "train", "--threshold", "5")
    assert (
        "Model 1 is active"
        in recsys(*on_own, "train", "--threshold", "0.5", "--factors", "2").stdout
    )
    assert (
        "Model 2 is active"
        in recsys(*on_own, "train", "--threshold", "0.5", "--factors", "3").stdout
    )
    models = json.loads(recsys(*on_own, "models", "list", "-o", "json").stdout)
    assert [(model["model_id"], model["active"]) for model in models] == [(2, True), (1, False)]
    recsys(*on_own, "models", "activate", "1")
    shown = json.loads(recsys(*on_own, "models", "show", "1", "-o", "json").stdout)[0]
    assert shown["active"] is True
    assert shown["parameters"]["factors"] == 2
    assert "active" in fails(*on_own, "models", "drop", "1")
    recsys(*on_own, "models", "drop", "2")
    assert "99" in fails(*on_own, "models", "activate", "99")
    status = json.loads(recsys(*on_own, "db", "status", "-o", "json").stdout)[0]
    assert (status["schema"], status["movies"], status["ratings"]) == ("up to date", 5, 3)
    assert "up to date" in recsys(*on_own, "db", "upgrade").stdout
    assert "cannot be read in any format" in fails(*on_own, "load", str(Path(__file__).parent))
    assert "there is no file or folder" in fails(*on_own, "load", "/nowhere")
    assert "unknown genre: 'Comdy'" in fails(*on_own, "recommend", "1", "--genre", "Comdy")
    answered = recsys(*on_own, "db", "psql", "-At", "-c", "select count(*) from recsys.movies")
    assert answered.stdout == "5\n"


def test_failures_are_one_line(settings: Settings, server_url: object) -> None:
    unreachable = "postgresql://nobody:secret@127.0.0.1:1/none"
    line = fails("recommend", "1", DATABASE_URL=unreachable)
    assert "does not answer" in line
    assert "secret" not in line
    assert "postgresql://USER" in fails("recommend", "1", DATABASE_URL="mysql://x")
    assert "your own" in fails("db", "stop", DATABASE_URL=unreachable)
    line = fails("recommend", "1", DATABASE_URL="postgresql://me:1@x:sEcret@127.0.0.1:1/db")
    assert "sEcret" not in line
    assert "integer" in fails("recommend", "1", "--year-from", "99999999999")
    assert "bigint" in fails("recommend", "9223372036854775808")
    assert "PostgreSQL's own" in fails("--database", "template1", "recommend", "1")
    if settings.database_url is None:
        assert "create it first" in fails("--database", "no_such_one", "recommend", "1")


def test_a_server_without_the_schema_says_what_to_do(
    settings: Settings, server_url: object, copies: object
) -> None:
    from sqlalchemy import URL

    from recsys.database.engine import libpq_url

    assert isinstance(server_url, URL)
    assert callable(copies)
    empty = libpq_url(server_url.set(database=copies("template0")))
    assert "recsys db upgrade" in fails("recommend", "1", DATABASE_URL=empty)
    assert "recsys db upgrade" in fails("train", DATABASE_URL=empty)
    missing = libpq_url(server_url.set(database="no_such_database"))
    assert "no_such_database" in fails("load", "sample", DATABASE_URL=missing)


@pytest.mark.parametrize(
    ("age", "half_life"), [("30d", "30 days"), ("1.5", "36 hours"), ("2W", "14 days")]
)
def test_an_age_has_a_unit_or_is_in_days(
    settings: Settings, sample: Connection, sample_name: str, age: str, half_life: str
) -> None:
    answer = recsys("--database", sample_name, "popular", "--half-life", age, "-o", "json").stdout
    rows = call(sample, "popular", half_life=half_life)
    assert [film["movie_id"] for film in json.loads(answer)] == [row["movie_id"] for row in rows]
    line = fails("--database", sample_name, "popular", "--half-life", "0h")
    assert "half_life is '00:00:00'" in line


@pytest.mark.parametrize(
    "arguments",
    [
        *(("recommend",), ("recommend", "x"), ("recommend", "1", "-k", "0"), ("nonsense",)),
        *(("popular", "--half-life", age) for age in ("soon", "-3d", "9e9", "9999999999y")),
    ],
)
def test_wrong_usage_is_status_2(arguments: tuple[str, ...]) -> None:
    assert recsys(*arguments, status=2).stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [(), ("db",), ("models",), ("load",), ("train",), ("recommend",), ("similar",), ("popular",)],
)
def test_every_command_explains_itself(arguments: tuple[str, ...]) -> None:
    assert "Usage" in recsys(*arguments, "--help").stdout


def test_a_film_is_withdrawn_and_restored(sample_engine: Engine) -> None:
    name = str(sample_engine.url.database)

    def first() -> str:
        return recsys("--database", name, "popular", "-k", "1", "-o", "json").stdout

    before = first()
    film = str(json.loads(before)[0]["movie_id"])
    assert "is in no answer" in recsys("--database", name, "movies", "withdraw", film).stdout
    assert first() != before
    recsys("--database", name, "movies", "withdraw", film, "--at", "2090-12-31")
    assert first() == before
    late = fails("--database", name, "movies", "withdraw", film, "--at", "9999-12-31")
    assert "choose a time" in late
    recsys("--database", name, "movies", "withdraw", film)
    recsys("--database", name, "movies", "restore", film)
    assert first() == before
    assert "unknown movie: 9999" in fails("--database", name, "movies", "restore", "9999")


def test_the_version_is_one_line() -> None:
    assert recsys("--version").stdout == f"recsys {version('recsys')}\n"


@pytest.mark.parametrize(
    "question",
    [("recommend", "42"), ("recommend-for", "1"), ("similar", "1"), ("popular",)],
)
def test_all_filters_reach_the_function(
    settings: Settings, sample: Connection, sample_name: str, question: tuple[str, ...]
) -> None:
    command = question[0]
    asked: dict[str, tuple[str, dict[str, Any]]] = {
        "recommend": ("recommend", {"user_id": 42}),
        "recommend-for": ("recommend_for", {"liked": [1]}),
        "similar": ("similar_movies", {"movie_id": 1}),
        "popular": ("popular", {}),
    }
    function, named = asked[command]
    filters = {
        "genres": ["Comedy", "Drama"],
        "exclude_genres": ["Western"],
        "year_from": 1950,
        "year_to": 2010,
        "min_ratings": 2,
        "exclude_movies": [2, 3],
        "include_predicted_genres": True,
        "include_adult": True,
    }
    answer = recsys(
        "--database", sample_name, *question, "-o", "csv", "--include-predicted-genres", "--adult",
        *("-g", "Comedy", "--genre", "Drama", "--exclude-genre", "Western"),
        *("--year-from", "1950", "--year-to", "2010", "--min-ratings", "2"),
        *("--exclude-movie", "2", "--exclude-movie", "3"),
    ).stdout  # fmt: skip
    rows = call(sample, function, **named, **filters)
    found = [int(row["movie_id"]) for row in csv.DictReader(io.StringIO(answer))]
    assert found == [row["movie_id"] for row in rows]
    assert len(found) == 10
