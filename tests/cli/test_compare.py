"""`recsys recommend --compare`, the user's profile, and what is said of the order."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict
from statistics import mean
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import URL, Connection, Engine
from typer.testing import CliRunner

from recsys import Recommendation, Recommender
from recsys.cli import app
from recsys.cli.compare import moved, show_comparison, side_by_side
from recsys.cli.output import Format
from recsys.cli.train import train_model
from recsys.models.describe import ORDERS, describe_model
from recsys.parameters import Parameters
from recsys.serving.profile import read_profile
from tests.helpers.commands import recsys
from tests.helpers.databases import open_database
from tests.helpers.order_oracle import teach


@pytest.fixture(scope="module")
def ordered_name(server_url: URL, sample_name: str, copies: Callable[[str], str]) -> str:
    """Name of a copy of the sample with an order that changes any user's films."""
    name = copies(sample_name)
    with open_database(server_url, name).begin() as connection:
        teach(connection)
    return name


def table_rows(shown: str) -> list[list[str]]:
    """Return the cells of all tables' rows."""
    rows = (line for line in shown.splitlines() if line.startswith("│"))
    return [[cell.strip() for cell in row.strip("│").split("│")] for row in rows]


def film(movie_id: int, rank: int, title: str = "", stars: float | None = None) -> Recommendation:
    return Recommendation(
        rank, movie_id, title or f"Film {movie_id}", 1999, [], 0.5, stars, "personal", None, None, 1
    )


def test_both_lists_are_those_of_the_function(server_url: URL, ordered_name: str) -> None:
    filters: dict[str, Any] = {"k": 7, "genres": ["Drama"], "year_from": 1960}
    recommender = Recommender.on(open_database(server_url, ordered_name))
    expected = [
        {"list": name, **asdict(row)}
        for name, rerank in (("retrieval", False), ("reranked", True))
        for row in recommender.recommend(42, rerank=rerank, **filters)
    ]
    ids = [row["movie_id"] for row in expected]
    assert ids[:7] != ids[7:]
    options = ("-k", "7", "--genre", "Drama", "--year-from", "1960")
    asked = ("--database", ordered_name, "recommend", "42", *options)
    as_json = recsys(*asked, "--compare", "-o", "json")
    assert json.loads(as_json.stdout) == expected
    assert "order" not in as_json.stderr
    as_csv = list(csv.DictReader(io.StringIO(recsys(*asked, "--compare", "-o", "csv").stdout)))
    assert list(as_csv[0]) == list(expected[0])
    assert [(row["list"], int(row["movie_id"])) for row in as_csv] == [
        (row["list"], row["movie_id"]) for row in expected
    ]


def test_the_table_shows_the_user_and_both_lists(server_url: URL, ordered_name: str) -> None:
    engine = open_database(server_url, ordered_name)
    before = Recommender.on(engine).recommend(42, rerank=False)
    after = Recommender.on(engine).recommend(42)
    with engine.connect() as connection:
        profile = read_profile(connection, 42)
    shown = recsys("--database", ordered_name, "recommend", "42", "--compare").stdout
    for row in [*before, *after]:
        assert f"{row.title} ({row.year})" in shown
    assert all(rated.title in shown for rated in profile.best)
    assert f"rated {profile.rating_count} films, {profile.rating_mean:.2f} stars" in shown
    cells = table_rows(shown)[-1]
    was = {row.movie_id: row.rank for row in before}
    assert cells == [
        "10",
        f"{before[9].title} ({before[9].year})", f"{before[9].predicted_rating:.2f}",
        f"{after[9].title} ({after[9].year})", f"{after[9].predicted_rating:.2f}",
        moved(was.get(after[9].movie_id), 10),
    ]  # fmt: skip


@pytest.mark.parametrize("user_id", [1, 42, 500, 987_654])
def test_a_profile_is_what_the_ratings_say(sample: Connection, user_id: int) -> None:
    if user_id == 1:
        sample.exec_driver_sql("delete from recsys.movie_genres where movie_id <= 50")
    if user_id == 500:
        sample.exec_driver_sql(
            "update recsys.ratings set rated_at = '9999-12-30Z' where rating = 4.5"
        )
    rated = sample.exec_driver_sql(
        """
        select m.movie_id, m.title, m.year, m.genres, r.rating,
            date_part('epoch', r.rated_at) as seconds
        from recsys.ratings r join recsys_bi.movies m using (movie_id) where r.user_id = %s
        """,
        (user_id,),
    ).all()
    profile = read_profile(sample, user_id, 5, 4)
    assert profile.rating_count == len(rated)
    if not rated:
        assert (profile.rating_mean, profile.best, profile.genres) == (None, [], [])
        return
    assert profile.rating_mean == pytest.approx(mean(row.rating for row in rated))
    best = sorted(rated, key=lambda row: (-row.rating, -row.seconds, row.movie_id))[:5]
    assert [(film.title, film.year, film.genres, film.rating) for film in profile.best] == [
        (row.title, row.year, row.genres, row.rating) for row in best
    ]
    stars = defaultdict(list)
    for row in rated:
        for genre in row.genres:
            stars[genre].append(row.rating)
    most = sorted(stars, key=lambda name: (-len(stars[name]), -mean(stars[name]), name))[:4]
    assert [(row.genre, row.films) for row in profile.genres] == [
        (name, len(stars[name])) for name in most
    ]
    assert [row.mean for row in profile.genres] == pytest.approx([mean(stars[n]) for n in most])


def test_how_a_film_moved() -> None:
    assert [moved(*ranks) for ranks in ((4, 1), (1, 3), (2, 2), (None, 5))] == [
        "up 3", "down 2", "", "new",
    ]  # fmt: skip


@pytest.mark.parametrize("width", [80, 100])
def test_both_lists_fit_into_a_terminal(width: int) -> None:
    long = "[REC]² or: How I Learned to Stop Worrying and Love the Bomb Again"
    before = [film(1, 1, stars=3.25), film(2, 2, long, 4.5), film(3, 3)]
    after = [film(2, 1, long, 4.5), film(9, 2, stars=5.0), film(1, 3, stars=3.25)]
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(side_by_side(1, before, after))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "[REC]²" in text  # no markup
    for part in ("up 1", "new", "down 2", "3.25", "4.50", "Film 3 (1999)"):
        assert part in text


def test_a_user_without_ratings_is_told_so(ordered_name: str) -> None:
    asked = ("--database", ordered_name, "recommend", "987654", "-k", "4", "--compare")
    done = recsys(*asked)
    assert done.stdout.startswith("User 987654 has rated nothing.\n")
    assert "popular" in done.stderr
    rows = table_rows(done.stdout)
    assert [row[0] for row in rows] == ["1", "2", "3", "4"]
    assert all(row[1:3] == row[3:5] and not row[5] for row in rows)


def test_without_an_order_both_lists_are_said_to_be_the_same(
    sample_engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    def said() -> str:
        show_comparison(sample_engine, 42, None, [], [], Format.TABLE)
        return capsys.readouterr().err

    for name, words in (("learned", ""), ("popular", ""), ("retrieval", "No order was better")):
        with sample_engine.begin() as connection:
            connection.exec_driver_sql("update recsys.orders set name = %s", (name,))
        assert said().startswith(words)
        assert bool(said()) == bool(words)
    with sample_engine.begin() as connection:
        connection.exec_driver_sql("delete from recsys.orders")
        connection.exec_driver_sql("delete from recsys.rankers")
        assert describe_model(connection, 1)["ranker"] is None
    assert said() == "The model has no order of its own, so both lists are the same.\n"
    on = ("--database", str(sample_engine.url.database))
    assert "rmse" not in recsys(*on, "models", "show", "1").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--all", "--compare"), "one user"),
        (("--all", "--no-rerank"), "no filter"),
        (("1", "--compare", "--no-rerank"), "both orders"),
    ],
)
def test_what_does_not_go_together(arguments: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(app, ["recommend", *arguments])
    assert done.exit_code == 2
    assert said in done.output


def test_a_table_shows_stars_in_short(server_url: URL, ordered_name: str) -> None:
    recommender = Recommender.on(open_database(server_url, ordered_name))
    rows = recommender.recommend(42, 3, rerank=False)
    shown = recsys("--database", ordered_name, "recommend", "42", "-k", "3", "--no-rerank").stdout
    assert "predicted_rating" not in shown
    assert " stars " in shown
    cells = [row for row in table_rows(shown) if row[0]]
    assert [(int(row[1]), row[6]) for row in cells] == [
        (row.movie_id, f"{row.predicted_rating:.2f}") for row in rows
    ]


def test_a_training_tells_of_its_stars_and_its_order(
    sample_engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    with sample_engine.begin() as connection:
        connection.exec_driver_sql("delete from recsys.movie_texts")  # nothing else to learn
    model_id = train_model(sample_engine, Parameters(8, 4, 0.3, 0.01))
    with sample_engine.connect() as connection:
        ranker = describe_model(connection, model_id)["ranker"]
    printed = capsys.readouterr()
    said = " ".join(printed.out.split())
    assert f"RMSE of {ranker['metrics']['rmse']:.3f} on ratings held out" in said
    assert f"Order of its lists: {ORDERS[ranker['order']]}." in said
    assert "Ranking" in printed.err
    assert 0.3 < ranker["metrics"]["rmse"] < 1.5
    on = ("--database", str(sample_engine.url.database), "models", "show", str(model_id))
    shown = " ".join(recsys(*on).stdout.replace("│", "").split())
    assert ORDERS[ranker["order"]] in shown
    assert f"learned {ranker['order_metrics']['ndcg@10']['learned']:.4g}" in shown
    assert f"rmse {ranker['metrics']['rmse']:.4g}" in shown
