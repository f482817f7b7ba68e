"""The views for BI tools beside pandas, and the refresh of those computed in advance."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import URL, Connection, Engine

from recsys.database import install, migrations
from recsys.database.locks import Lock, take
from recsys.database.tables import evaluations
from recsys.database.views import refresh
from recsys.errors import DatabaseError
from recsys.models.lists import recommend_all
from tests.helpers.databases import open_database

VIEWS = sorted(path.stem for path in install.sql_files("views"))


@pytest.fixture(scope="module")
def bi_name(server_url: URL, sample_name: str, copies: object) -> str:
    """Name of a copy of the sample in which every view has rows; not to be written to."""
    name: str = copies(sample_name)  # type: ignore[operator]
    engine = open_database(server_url, name)
    with engine.begin() as connection:
        connection.exec_driver_sql("insert into recsys.movies (movie_id, title) values (-1, 'New')")
        connection.exec_driver_sql(
            "insert into recsys.movies (movie_id, title, year)"
            " select -2, title || '!', year from recsys.movies where movie_id = 1"
        )
        connection.exec_driver_sql(
            "insert into recsys.load_rejects (run_id, file, reason) values (1, 'a.csv', 'bad')"
        )
        connection.exec_driver_sql(
            "insert into recsys.ratings values (-1, 1, 5, '9999-12-30Z'), (-1, 2, 0.5, '0001-01-02Z')"
        )
        connection.exec_driver_sql(
            "insert into recsys.impressions (user_id, movie_id, rank, experiment, variant)"
            " values (1, 1, 1, 'e', 'a')"
        )
        connection.execute(
            evaluations.insert(),
            {"model_id": 1, "protocol": "p", "method": "recommend", "metric": "ndcg", "k": 10},
        )
    recommend_all(engine, k=5)
    refresh(engine)
    return name


@pytest.fixture
def views(server_url: URL, bi_name: str) -> Iterator[Connection]:
    with open_database(server_url, bi_name).connect() as connection:
        yield connection
        connection.rollback()


@pytest.fixture(scope="module")
def ratings(server_url: URL, bi_name: str) -> pd.DataFrame:
    """The ratings, with the genres and the month of each."""
    with open_database(server_url, bi_name).connect() as connection:
        found = pd.read_sql(
            "select user_id, movie_id, rating, rated_at from recsys.ratings",
            connection,
        )
    found["rated_at"] = pd.to_datetime(found["rated_at"], utc=True)
    found["month"] = found["rated_at"].dt.tz_localize(None).dt.to_period("M").dt.to_timestamp()
    found["liked"] = found["rating"] >= 4
    return found


def read(connection: Connection, view: str, order: str) -> pd.DataFrame:
    return pd.read_sql(f"select * from recsys_bi.{view} order by {order}", connection)


@pytest.mark.parametrize("view", VIEWS)
def test_pandas_reads_every_view(views: Connection, view: str) -> None:
    found = pd.read_sql(f"select * from recsys_bi.{view}", views)
    assert not found.empty
    assert found.columns.is_unique


def test_every_comment_begins_with_the_grain(views: Connection) -> None:
    comments = views.exec_driver_sql(
        "select relname, obj_description(oid, 'pg_class') from pg_class"
        " where relnamespace = 'recsys_bi'::regnamespace and relkind = 'v' order by 1"
    ).all()
    assert [name for name, _ in comments] == VIEWS
    assert [name for name, text in comments if not text.startswith("One row")] == []


def test_rules_of_sharding() -> None:
    for path in install.sql_files("views") + install.sql_files("materialized"):
        text = path.read_text().lower()
        assert not [word for word in ("rollup", "grouping sets", "not exists") if word in text]


def test_movies(views: Connection) -> None:
    movies = read(views, "movies", "movie_id").set_index("movie_id")
    new = movies.loc[-1]
    assert (new["genres"], new["genre_list"], new["rating_count"]) == ([], "", 0)
    assert movies["genre_list"].tolist() == [", ".join(one) for one in movies["genres"]]
    known = movies["year"].notna()
    assert (movies["decade"] == movies["year"] // 10 * 10)[known].all()


def test_ratings(views: Connection, ratings: pd.DataFrame) -> None:
    found = read(views, "ratings", "user_id, movie_id")
    assert len(found) == len(ratings)
    at = pd.to_datetime(found["rated_at"], utc=True)
    assert at.dt.year.agg(["min", "max"]).tolist() == [1, 9999]
    assert (pd.to_datetime(found["rated_date"]) == at.dt.tz_localize(None).dt.normalize()).all()
    assert (found["rated_year"] == at.dt.year).all()
    assert (found["rated_weekday"] == at.dt.isocalendar().day).all()
    assert (found["rated_hour"] == at.dt.hour).all()
    months = pd.to_datetime(found["rated_month"])
    assert (months.dt.day == 1).all()
    assert (months.dt.month == at.dt.month).all()


def test_dates_are_of_utc_in_any_session(views: Connection) -> None:
    digest = (
        "select md5(string_agg(rated_date::text || rated_hour, '' order by user_id, movie_id))"
        " from recsys_bi.ratings"
    )
    before = views.exec_driver_sql(digest).scalar_one()
    views.exec_driver_sql("set local timezone = 'Asia/Tokyo'")
    assert views.exec_driver_sql(digest).scalar_one() == before


def test_genre_popularity(views: Connection, ratings: pd.DataFrame) -> None:
    genres = pd.read_sql(
        "select mg.movie_id, g.name as genre from recsys.movie_genres mg"
        " join recsys.genres g using (genre_id)",
        views,
    )
    wide = ratings.dropna(subset="month").merge(genres, on="movie_id")
    expected = wide.groupby(["month", "genre"]).agg(
        rating_count=("rating", "size"),
        liked_count=("liked", "sum"),
        rating_mean=("rating", "mean"),
    )
    totals = ratings.groupby("month").size()
    months = expected.index.get_level_values("month")
    expected["rating_share"] = expected["rating_count"] / totals.reindex(months).to_numpy()
    found = read(views, "genre_popularity", "month, genre")
    found["month"] = pd.to_datetime(found["month"])
    found = found.set_index(["month", "genre"])[expected.columns.tolist()]
    pd.testing.assert_frame_equal(
        found.sort_index(), expected.sort_index(), check_index_type=False, check_dtype=False
    )


def test_rating_distribution(views: Connection, ratings: pd.DataFrame) -> None:
    found = read(views, "rating_distribution", "rating").set_index("rating")
    counts = ratings["rating"].value_counts().sort_index()
    assert found["rating_count"].to_dict() == counts.to_dict()
    np.testing.assert_allclose(found["rating_share"], counts / len(ratings))
    np.testing.assert_allclose(found["cumulative_share"], counts.cumsum() / len(ratings))


def test_user_activity(views: Connection, ratings: pd.DataFrame) -> None:
    found = read(views, "user_activity", "user_id").set_index("user_id")
    users = ratings.groupby("user_id")
    assert (found["rating_count"] == users.size()).all()
    assert (found["liked_count"] == users["liked"].sum()).all()
    np.testing.assert_allclose(found["rating_mean"], users["rating"].mean(), rtol=1e-6)
    np.testing.assert_allclose(found["rating_stddev"], users["rating"].std(), rtol=1e-6)
    days = ratings["rated_at"].dt.normalize().groupby(ratings["user_id"]).nunique()
    assert (found["active_days"] == days).all()
    first = pd.to_datetime(found["first_rated_at"], utc=True)
    pd.testing.assert_series_equal(
        first, users["rated_at"].min(), check_names=False, check_dtype=False
    )
    cohorts = users["month"].min()
    assert (pd.to_datetime(found["cohort_month"]) == cohorts).all()


def test_user_cohorts(views: Connection, ratings: pd.DataFrame) -> None:
    dated = ratings.dropna(subset="month").copy()
    dated["cohort"] = dated.groupby("user_id")["month"].transform("min")
    dated["since"] = (dated["month"].dt.year - dated["cohort"].dt.year) * 12 + (
        dated["month"].dt.month - dated["cohort"].dt.month
    )
    expected = dated.groupby(["cohort", "since"]).agg(
        active=("user_id", "nunique"), ratings=("rating", "size")
    )
    sizes = dated.groupby("cohort")["user_id"].nunique()
    found = read(views, "user_cohorts", "cohort_month, months_since")
    found["cohort_month"] = pd.to_datetime(found["cohort_month"])
    found = found.set_index(["cohort_month", "months_since"])
    assert found.index.tolist() == expected.index.tolist()
    assert (found["active_user_count"].to_numpy() == expected["active"].to_numpy()).all()
    assert (found["rating_count"].to_numpy() == expected["ratings"].to_numpy()).all()
    of = sizes.reindex(found.index.get_level_values("cohort_month")).to_numpy()
    assert (found["user_count"].to_numpy() == of).all()
    np.testing.assert_allclose(found["retention"], found["active_user_count"] / of)


def test_bayesian_ratings(views: Connection, ratings: pd.DataFrame) -> None:
    found = read(views, "bayesian_ratings", "movie_id").set_index("movie_id")
    films = ratings.groupby("movie_id")["rating"].agg(["size", "mean", "var"])
    n, mean, variance = films["size"], films["mean"], films["var"].fillna(0)
    total = ratings["rating"].mean()
    # Buehlmann and Straub's estimators, from their definition.
    within = ((n - 1) * variance).sum() / (n - 1).sum()
    between = ((n * (mean - total) ** 2).sum() - (len(n) - 1) * within) / (
        n.sum() - (n**2).sum() / n.sum()
    )
    k = within / between
    np.testing.assert_allclose(found["prior_mean"], total, rtol=1e-9)
    np.testing.assert_allclose(found["prior_count"], k, rtol=1e-6)
    np.testing.assert_allclose(found["bayesian_mean"], (n * mean + k * total) / (n + k), rtol=1e-6)
    np.testing.assert_allclose(found["prior_stddev"], np.sqrt(within), rtol=1e-6)
    degrees = found["prior_stddev_count"].iloc[0]
    shrunk = ((n - 1) * variance + degrees * within) / (n - 1 + degrees)
    np.testing.assert_allclose(found["bayesian_stddev"], np.sqrt(shrunk), rtol=1e-6)
    loved = read(views, "most_loved_movies", "rank")
    assert loved["rank"].tolist() == list(range(1, len(found) + 1))
    assert loved["bayesian_mean"].is_monotonic_decreasing
    divisive = read(views, "most_divisive_movies", "rank")
    assert divisive["bayesian_stddev"].is_monotonic_decreasing


def test_the_prior_is_that_of_the_films_that_it_was_made_by(engine: Engine) -> None:
    """Films of known means and spreads: the estimates find what they were drawn from."""
    random = np.random.default_rng(0)
    films, n, degrees = 400, 60, 30.0
    variances = 0.2 * degrees / random.chisquare(degrees, films)
    means = 2.75 + np.sqrt(0.05) * random.standard_normal(films)
    stars = means[:, None] + np.sqrt(variances)[:, None] * random.standard_normal((films, n))
    rows = [
        (user, film, float(np.clip(stars[film, user], 0.5, 5)))
        for film in range(films)
        for user in range(n)
    ]
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into recsys.movies (movie_id, title) select i, i::text"
            f" from generate_series(0, {films - 1}) i"
        )
        cursor = connection.connection.cursor()
        with cursor.copy("copy recsys.ratings (user_id, movie_id, rating) from stdin") as copy:
            for row in rows:
                copy.write_row(row)
        prior = connection.exec_driver_sql(
            "select prior_count, prior_stddev, prior_stddev_count from recsys_bi.bayesian_ratings"
        ).first()
    assert prior is not None
    assert prior[0] == pytest.approx(variances.mean() / means.var(), rel=0.05)
    assert prior[1] ** 2 == pytest.approx(variances.mean(), rel=0.02)
    assert prior[2] == pytest.approx(degrees, rel=0.25)


def test_ratings_that_are_too_few_for_a_prior(engine: Engine) -> None:
    with engine.begin() as connection:
        assert read(connection, "most_loved_movies", "rank").empty
        assert read(connection, "long_tail", "rank").empty
        connection.exec_driver_sql(
            "insert into recsys.movies (movie_id, title) values (1, 'a'), (2, 'b')"
        )
        assert read(connection, "long_tail", "rank")["part"].tolist() == ["unrated", "unrated"]
        connection.exec_driver_sql("insert into recsys.ratings values (1, 1, 5, now())")
        one = read(connection, "most_loved_movies", "rank").iloc[0]
        assert (one["bayesian_mean"], one["prior_count"]) == (5, None)
        connection.exec_driver_sql(
            "insert into recsys.ratings values (2, 1, 5, now()), (1, 2, 5, now()), (2, 2, 5, now())"
        )
        assert read(connection, "most_loved_movies", "rank")["bayesian_mean"].tolist() == [5, 5]
        assert read(connection, "most_divisive_movies", "rank")["movie_id"].tolist() == [1, 2]


def test_long_tail(views: Connection, ratings: pd.DataFrame) -> None:
    found = read(views, "long_tail", "rank")
    counts = ratings.groupby("movie_id").size().reindex(found["movie_id"], fill_value=0)
    assert (found["rating_count"].to_numpy() == counts.to_numpy()).all()
    assert counts.is_monotonic_decreasing
    np.testing.assert_allclose(found["cumulative_share"], counts.cumsum() / len(ratings))
    head = found[found["part"] == "head"]
    assert head["cumulative_share"].iloc[-1] >= 0.8 > head["cumulative_share"].iloc[-2]
    assert (found["rating_count"] == 0).equals(found["part"] == "unrated")
    assert found["movie_share"].iloc[-1] == 1


def test_recommendations_and_their_coverage(views: Connection) -> None:
    lists = read(views, "recommendations", "user_id, rank")
    assert lists.groupby("user_id").size().unique().tolist() == [5]
    movies = read(views, "movies", "movie_id").explode("genres").dropna(subset="genres")
    places = lists.groupby("movie_id").size()
    movies["places"] = movies["movie_id"].map(places).fillna(0)
    expected = movies.groupby(["genres", "decade"], dropna=False).agg(
        movie_count=("movie_id", "size"),
        recommended=("places", lambda one: (one > 0).sum()),
        places=("places", "sum"),
    )
    found = read(views, "recommendation_coverage", "genre, decade")
    assert found["movie_count"].tolist() == expected["movie_count"].tolist()
    assert found["recommended_movie_count"].tolist() == expected["recommended"].tolist()
    assert found["recommendation_count"].tolist() == expected["places"].tolist()
    np.testing.assert_allclose(
        found["coverage"], (expected["recommended"] / expected["movie_count"])
    )
    np.testing.assert_allclose(found["recommendation_share"], expected["places"] / len(lists))


def test_models_and_metrics(views: Connection) -> None:
    models = read(views, "models", "model_id")
    assert models["active"].tolist() == [True]
    assert (models["factors"].iloc[0], models["alpha"].iloc[0]) == (16, 0.3)
    metrics = read(views, "model_metrics", "measured_at")
    named = metrics.set_index(["protocol", "method", "metric"])
    assert named.loc[("p", "recommend", "ndcg"), "k"] == 10
    assert 0 < float(str(named.loc[("training", "recommend", "rmse"), "value"])) < 2
    assert not metrics["metric"].str.contains("@|_of_").any()


def test_what_was_refused_is_counted_not_shown(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into recsys.load_runs (source, status, rows_read, rows_rejected, started_at)"
            " values ('x', 'done', 4, 4, now())"
        )
        connection.exec_driver_sql(
            "insert into recsys.load_rejects (run_id, file, line, reason, raw) values"
            " (1, 'a.csv', 7, 'bad', 'secret'), (1, 'a.csv', 3, 'bad', 'secret'),"
            " (1, 'a.csv', null, 'worse', 'secret'), (1, 'b.csv', 1, 'bad', 'secret')"
        )
        found = read(connection, "load_rejects", "file, reason")
        assert found["row_count"].tolist() == [2, 1, 1]
        assert found["first_line"].iloc[0] == 3
        assert "secret" not in found.to_csv()
        assert read(connection, "loads", "run_id")["rejected_share"].tolist() == [1]


def test_a_refresh_shows_what_came_since(sample_engine: Engine) -> None:
    def counts() -> tuple[int, int]:
        with sample_engine.connect() as connection:
            fresh = connection.exec_driver_sql("select rating_count from recsys_bi.freshness")
            users = connection.exec_driver_sql("select count(*) from recsys_bi.user_activity")
            return fresh.scalar_one(), users.scalar_one()

    refresh(sample_engine)
    before = counts()
    with sample_engine.begin() as connection:
        connection.exec_driver_sql("insert into recsys.ratings values (-5, 1, 4, now())")
    assert counts() == before
    seen: list[tuple[int, int | None, str]] = []

    def see(what: str, done: int, of: int | None = None, note: str = "") -> None:
        seen.append((done, of, note))

    names = refresh(sample_engine, see)
    assert names[-1] == "freshness"
    assert seen == [(0, None, ""), *((i, 4, name) for i, name in enumerate([*names, "done"]))]
    assert counts() == (before[0] + 1, before[1] + 1)


def test_readers_are_not_locked_out_and_refreshes_take_turns(sample_engine: Engine) -> None:
    held, go_on = threading.Event(), threading.Event()

    def wait(what: str, done: int, of: int | None = None, note: str = "") -> None:
        if note == "freshness":  # the others are refreshed, but not committed
            held.set()
            assert go_on.wait(30)

    first = threading.Thread(target=refresh, args=(sample_engine, wait))
    second = threading.Thread(target=refresh, args=(sample_engine,))
    with sample_engine.begin() as connection:
        connection.exec_driver_sql("insert into recsys.ratings values (-5, 1, 4, now())")
    first.start()
    assert held.wait(30)
    second.start()
    try:
        with sample_engine.connect() as connection:
            connection.exec_driver_sql("set lock_timeout = '2s'")
            for view in ("user_activity", "genre_popularity", "user_cohorts", "freshness"):
                connection.exec_driver_sql(f"select * from recsys_bi.{view}").all()
            assert not connection.exec_driver_sql(
                "select from recsys_bi.user_activity where user_id = -5"
            ).all()
    finally:
        go_on.set()
        first.join()
        second.join()
    with sample_engine.connect() as connection:
        assert connection.exec_driver_sql(
            "select rating_count from recsys_bi.user_activity where user_id = -5"
        ).scalar()


def test_a_refresh_that_is_broken_off_changes_nothing(sample_engine: Engine) -> None:
    refresh(sample_engine)
    with sample_engine.begin() as connection:
        connection.exec_driver_sql("insert into recsys.ratings values (-5, 1, 4, now())")

    def kill(what: str, done: int, of: int | None = None, note: str = "") -> None:
        if note == "freshness":
            with sample_engine.begin() as connection:
                connection.exec_driver_sql(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()"
                )

    with pytest.raises(DatabaseError):
        refresh(sample_engine, kill)
    with sample_engine.connect() as connection:
        assert not connection.exec_driver_sql(
            "select from recsys_bi.user_activity where user_id = -5"
        ).all()
    refresh(sample_engine)  # nothing is left locked


def test_a_refresh_waits_for_no_load(sample_engine: Engine) -> None:
    with ThreadPoolExecutor() as threads, sample_engine.connect() as loading:
        take(loading, Lock.LOAD)
        assert threads.submit(refresh, sample_engine).result(timeout=30)


def test_a_refresh_beside_a_replacement_of_all_ratings_finds_the_new_ones(
    sample_engine: Engine,
) -> None:
    with ThreadPoolExecutor() as threads, sample_engine.connect() as loading:
        loading.exec_driver_sql("truncate recsys.ratings")
        loading.exec_driver_sql("insert into recsys.ratings values (-5, 1, 4, now())")
        other = threads.submit(refresh, sample_engine)
        time.sleep(0.5)
        loading.commit()
        other.result(timeout=30)
        assert loading.exec_driver_sql("select rating_count from recsys_bi.freshness").scalar() == 1


def test_a_refresh_waits_longer_than_transactions_may_be_idle(sample_engine: Engine) -> None:
    with sample_engine.connect() as blocker, ThreadPoolExecutor() as threads:
        blocker.exec_driver_sql("lock table recsys.ratings")
        with sample_engine.begin() as connection:
            connection.exec_driver_sql(
                f'alter database "{sample_engine.url.database}"'
                " set idle_in_transaction_session_timeout = '100ms'"
            )
        other = threads.submit(refresh, sample_engine)
        time.sleep(0.5)
        blocker.rollback()
        assert other.result()


def test_a_materialized_view_is_made_anew_only_if_its_file_changed(
    sample_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def oids() -> dict[str, int]:
        with sample_engine.connect() as connection:
            rows = connection.exec_driver_sql(
                "select relname, oid::bigint from pg_class where relkind = 'm'"
            )
            return {row.relname: row.oid for row in rows}

    before = oids()
    assert len(before) == 4
    with sample_engine.begin() as connection:
        connection.exec_driver_sql(
            "comment on materialized view recsys_internal.bi_user_activity is 'x [stamp 0]'"
        )
        connection.exec_driver_sql("comment on schema recsys is 'older [stamp 0123abcd]'")
    assert migrations.upgrade(sample_engine) is True
    after = oids()
    assert {name for name in before if before[name] != after[name]} == {"bi_user_activity"}
    with sample_engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from recsys_bi.user_activity").scalar()
