"""What writes works on a divided database: loads, trainings, lists for all, merges, upgrades."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from recsys import Recommender
from recsys.database.distribution import DISTRIBUTED
from tests.citus.conftest import Pair, open_engine
from tests.helpers.citus import Node, make_database
from tests.helpers.commands import fails, recsys

pytestmark = pytest.mark.citus

FOREIGN_KEYS = """
    select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
    where contype = 'f' and connamespace = 'recsys'::regnamespace order by 1, 2
"""
TRIGGERS = """
    select tgrelid::regclass::text, tgname from pg_trigger
    where not tgisinternal and tgrelid::regclass::text like 'recsys%%' order by 1, 2
"""
INDEXES = "select indexname, indexdef from pg_indexes where schemaname like 'recsys%%' order by 1"
COMMENTS = """
    select c.relnamespace::regnamespace::text, c.relname, d.objsubid, d.description
    from pg_description d join pg_class c on c.oid = d.objoid
    where c.relnamespace::regnamespace::text like 'recsys%%' order by 1, 2, 3
"""
GRANTS = """
    select c.relnamespace::regnamespace::text, c.relname, unnest(c.relacl)::text from pg_class c
    where c.relnamespace::regnamespace::text like 'recsys%%' order by 1, 2, 3
"""
COLUMNS = """
    select table_schema, table_name, column_name, data_type, column_default, is_nullable
    from information_schema.columns where table_schema like 'recsys%%' order by 1, 2, 3
"""


@pytest.fixture
def divided(
    nodes: list[Node], pair: Pair, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Engine]:
    """A copy of the plain database, divided, to write in."""
    name = f"copy_{abs(hash(request.node.name))}"
    url = make_database(nodes, name, template="plain")
    monkeypatch.setenv("DATABASE_URL", url)
    recsys("db", "distribute", "--shards", "4")
    yield open_engine(url)
    for node in nodes:
        with node.connect() as connection:
            connection.execute(f"drop database {name} with (force)".encode())


def rows(engine: Engine, query: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def last_load(engine: Engine) -> tuple[object, ...]:
    """Ratings that were new, changed and unchanged."""
    return rows(
        engine,
        "select rows_loaded, rows_updated, rows_unchanged from recsys_bi.loads"
        " order by run_id desc limit 1",
    )[0]


def test_undo_leaves_all_as_it_was(divided: Engine, pair: Pair) -> None:
    plain = open_engine(pair.plain)
    assert len(rows(divided, FOREIGN_KEYS)) == len(rows(plain, FOREIGN_KEYS))
    assert "divided by user_id" in recsys("db", "status", "--output", "json").stdout
    assert "divided already" in fails("db", "distribute")
    assert "on this server alone" in recsys("db", "distribute", "--undo").stdout
    ratings = "select * from recsys.ratings order by 1, 2"
    for query in (FOREIGN_KEYS, TRIGGERS, INDEXES, COMMENTS, GRANTS, COLUMNS, ratings):
        assert rows(divided, query) == rows(plain, query)
    for name in DISTRIBUTED:
        count = f"select count(*) from recsys.{name}"
        assert rows(divided, count) == rows(plain, count)
    assert "no table is divided" in fails("db", "distribute", "--undo")


def test_an_upgrade_leaves_them_divided(divided: Engine) -> None:
    with divided.begin() as connection:
        connection.exec_driver_sql("comment on schema recsys is 'older [stamp none]'")
    assert "brought up to date" in recsys("db", "upgrade").stdout
    assert "divided by user_id" in recsys("db", "status", "--output", "json").stdout
    assert len(rows(divided, "select * from recsys.recommend(1)")) == 10


def test_loads_into_a_table_in_use(divided: Engine, tmp_path: Path, data_folder: Path) -> None:
    recsys("load", str(data_folder / "ml-latest-small" / "ratings.csv"))
    assert last_load(divided) == (0, 0, 100_836)
    file = tmp_path / "more.csv"
    file.write_text(
        "userId,movieId,rating,timestamp\n1,1,2,1600000000\n700,1,5,1600000000\n"
        "700,3,4,1600000001\n700,3,3,1600000000\n"
    )
    recsys("load", str(file))
    assert last_load(divided) == (2, 1, 0)
    rating = "select rating from recsys.ratings where user_id = 700 and movie_id = 3"
    assert rows(divided, rating) == [(4,)]
    file.write_text("userId,movieId,rating\n1,99999999,2\n")
    assert "no such film" in fails("load", str(file))


def test_loads_into_an_empty_one(
    nodes: list[Node], monkeypatch: pytest.MonkeyPatch, data_folder: Path, tmp_path: Path
) -> None:
    url = make_database(nodes, "empty")
    monkeypatch.setenv("DATABASE_URL", url)
    recsys("db", "upgrade")
    recsys("db", "distribute")
    recsys("load", str(data_folder / "ml-latest-small"))
    engine = open_engine(url)
    assert rows(engine, "select count(*), count(distinct user_id) from recsys.ratings") == [
        (100836, 610)
    ]
    recsys("load", "sample", "--replace")
    assert rows(
        engine,
        "select count(*) = (select count(*) from recsys_internal.movies_ids) from recsys.movies",
    ) == [(True,)]
    recsys("train", "--epochs", "2")
    assert len(rows(engine, "select * from recsys.recommend(1)")) == 10


def test_feedback_of_an_export(divided: Engine, tmp_path: Path) -> None:
    file = tmp_path / "watched.csv"
    file.write_text("Date,Name,Year,Letterboxd URI\n2024-01-02,Toy Story,1995,https://boxd.it/1\n")
    recsys("load", str(file), "--user", "1")
    assert rows(
        divided,
        "select user_id, movie_id, kind from recsys.feedback where user_id = 1 and movie_id = 1 and kind = 'seen'",
    ) == [(1, 1, "seen")]


def test_a_model_comes_and_goes(divided: Engine) -> None:
    recsys("train", "--epochs", "2")
    assert rows(divided, "select (recsys_internal.find_model(null)).model_id") == [(2,)]
    recsys("models", "activate", "1")
    recsys("models", "drop", "2")
    for name in ("user_vectors", "ranker_users"):
        assert rows(divided, f"select distinct model_id from recsys.{name}") == [(1,)]


def test_lists_of_all_users(divided: Engine, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    recsys("recommend", "--all")
    lists = """
        select user_id, rank, movie_id from recsys.recommendations order by 1, 2
    """
    found = rows(divided, lists)
    monkeypatch.setenv("DATABASE_URL", pair.plain)
    recsys("recommend", "--all")
    assert found == rows(open_engine(pair.plain), lists)
    assert len(found) == 6100


def test_films_merge_and_go(divided: Engine) -> None:
    kept, dropped = "select count(*) from recsys.ratings where movie_id = 1", "movie_id = 2"
    before = rows(divided, kept)
    recsys("movies", "merge", "1", "2")
    assert rows(divided, kept) > before
    assert rows(divided, f"select 1 from recsys.ratings where {dropped}") == []
    assert rows(divided, f"select 1 from recsys_internal.movies_ids where {dropped}") == []
    recsys("bi", "refresh")


def test_what_was_shown_is_measured_and_deleted(divided: Engine) -> None:
    with Recommender() as recommender:
        for user in range(1, 100):
            films = [row.movie_id for row in recommender.recommend(user, 5, experiment="e")]
            recommender.log_shown(user, films, experiment="e", propensities=[0.5] * len(films))
            recommender.mark(user, films[0], "clicked")
    assert rows(divided, "select sum(users), sum(clicks) from recsys_bi.experiment_results") == [
        (99, 99)
    ]
    assert "99" in recsys("experiments", "estimate", "1").stdout
    older = "select count(*) > 0 from recsys.impressions where shown_at < now() - interval '1 hour'"
    assert rows(divided, older) == [(True,)]
    recsys("retention", "--older-than", "1 hour")
    assert rows(divided, "select count(*) from recsys.impressions") == [(495,)]


def test_an_evaluation(divided: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recsys("evaluate", "--split", "random", "--no-baselines")
    assert rows(divided, "select count(*) > 0 from recsys.evaluations") == [(True,)]
