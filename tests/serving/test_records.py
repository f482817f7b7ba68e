"""Films, ratings, feedback and models by their ids, and what is written, in both clients."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from recsys import AsyncRecommender, DatabaseTimeout, InvalidRequest, Recommender, RecsysError
from recsys.models.versions import list_models
from tests.helpers.loads import rows
from tests.helpers.servers import url_of

FEEDBACK = "select user_id, movie_id, kind from recsys.feedback order by user_id, movie_id, kind"


def describe(engine: Engine, movie_id: int) -> None:
    """Give a film all that a film can have."""
    with engine.begin() as connection:
        for statement in (
            "update recsys.movies set imdb_id = 'tt0114709', tmdb_id = 862, poster_path = '/p.jpg'"
            " where movie_id = %s",
            "delete from recsys.movie_texts where movie_id = %s",
            "delete from recsys.movie_people where movie_id = %s",
            "insert into recsys.movie_texts values (%s, 'overview', 'O'), (%s, 'plot', 'P'),"
            " (%s, 'tagline', 'T')",
            "insert into recsys.movie_keywords values (%s, 'toys'), (%s, 'boy')",
        ):
            connection.exec_driver_sql(statement, (movie_id,) * statement.count("%s"))
        connection.execute(
            text("""
                with new as (
                    insert into recsys.people (name) values ('Ann'), ('Bob'), ('Cid'), ('Ann')
                    returning person_id, name
                )
                insert into recsys.movie_people (movie_id, person_id, role, position)
                select :id, person_id, 'actor', case name when 'Bob' then 1 when 'Cid' then 2 end
                from new union all
                select :id, min(person_id), 'director', null from new where name = 'Cid'
            """),
            {"id": movie_id},
        )


def test_a_film_with_all_that_is_known_of_it(sample_engine: Engine) -> None:
    describe(sample_engine, 3)
    with Recommender(url_of(sample_engine)) as recommender:
        film = recommender.movie(3)
        assert vars(film) == {
            "movie_id": 3,
            "title": "Die Hard",
            "year": 1988,
            "genres": ["Action", "Thriller"],
            "imdb_id": "tt0114709",
            "tmdb_id": 862,
            "poster_path": "/p.jpg",
            "rating_count": film.rating_count,
            "rating_mean": film.rating_mean,
            "overview": "O",
            "plot": "P",
            "tagline": "T",
            "people": {"actor": ["Bob", "Cid", "Ann", "Ann"], "director": ["Cid"]},
            "keywords": ["boy", "toys"],
        }
        [(count, mean)] = rows(
            sample_engine,
            "select count(*), avg(rating)::float from recsys.ratings where movie_id = 3",
        )
        assert film.rating_count == count
        assert film.rating_mean == pytest.approx(mean, abs=1e-5)
        films = recommender.movies([7, 3, 5, 3])
        assert [film.movie_id for film in films] == [7, 3, 5, 3]
        assert films[1] == film
        assert recommender.movies([]) == []


def test_a_film_with_nothing_but_a_title(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("insert into recsys.movies (movie_id, title) values (-4, 'X')")
    with Recommender(url_of(engine)) as recommender:
        film = recommender.movie(-4)
        assert (film.title, film.year, film.rating_count, film.rating_mean) == ("X", None, 0, None)
        assert (film.overview, film.genres, film.people, film.keywords) == (None, [], {}, [])
        assert recommender.models() == []


def test_ratings_come_newest_first_and_go(sample_engine: Engine) -> None:
    stored = rows(
        sample_engine,
        "select movie_id, title, year, rating, rated_at from recsys.ratings "
        "join recsys.movies using (movie_id) where user_id = 42 "
        "order by rated_at desc, movie_id",
    )
    url = url_of(sample_engine)
    with Recommender(url) as recommender:
        answer = recommender.ratings(42)
        assert [tuple(vars(row).values()) for row in answer] == [tuple(row) for row in stored]
        assert recommender.ratings(42, 3) == answer[:3]
        assert recommender.ratings(-1) == []
        with sample_engine.begin() as connection:
            connection.exec_driver_sql(
                "insert into recsys.ratings"
                " values (-1, 1, 5, '0001-01-02Z'), (-1, 2, 5, '9999-12-30Z')"
            )
        for zone in ("Asia/Manila", "Pacific/Kiritimati"):  # the furthest west and east
            there_url = sample_engine.url.update_query_dict({"options": f"-c timezone={zone}"})
            with Recommender(there_url.render_as_string(hide_password=False)) as there:
                assert [rating.rated_at.astimezone(UTC) for rating in there.ratings(-1)] == [
                    datetime(9999, 12, 30, tzinfo=UTC),
                    datetime(1, 1, 2, tzinfo=UTC),
                ]
        for rating in answer:
            assert recommender.unrate(42, rating.movie_id) is True
        assert recommender.unrate(42, answer[0].movie_id) is False
        assert recommender.unrate(42, 9999) is False
        assert recommender.ratings(42) == []
        assert {film.source for film in recommender.recommend(42)} == {"popular"}

    async def main() -> None:
        async with AsyncRecommender(url) as awaiting:
            then = datetime(2020, 1, 1, tzinfo=UTC)
            await awaiting.rate(42, 7, 5, then)
            [rating] = await awaiting.ratings(42)
            assert (rating.movie_id, rating.rating, rating.rated_at) == (7, 5, then)
            assert await awaiting.unrate(42, 7)
            assert (await awaiting.movie(7)).title == rating.title

    asyncio.run(main())


def test_feedback_is_written_once_and_deleted(sample_engine: Engine) -> None:
    with Recommender(url_of(sample_engine)) as recommender:
        first = recommender.recommend(-7, 1)[0].movie_id
        recommender.mark(-7, first, "seen")
        recommender.mark(-7, first, "seen")
        recommender.mark(-7, first, "watchlist")
        marks = recommender.marks(-7)
        assert [(one.movie_id, one.kind) for one in marks] == [
            (first, "watchlist"), (first, "seen")
        ]  # fmt: skip
        assert recommender.marks(-7, "seen") == marks[1:]
        assert recommender.marks(-7, k=1) == marks[:1]
        assert recommender.marks(-8) == []
        assert [film.movie_id for film in recommender.watchlist(-7)] == [first]
        with pytest.raises(InvalidRequest, match="kind is 'loved': it may be seen, liked"):
            recommender.marks(-7, "loved")  # type: ignore[arg-type]
        with pytest.raises(InvalidRequest, match="k is 0"):
            recommender.marks(-7, k=0)
        assert rows(sample_engine, FEEDBACK) == [(-7, first, "seen"), (-7, first, "watchlist")]
        assert recommender.recommend(-7, 1)[0].movie_id != first
        assert recommender.unmark(-7, first, "seen") is True
        assert recommender.unmark(-7, first, "seen") is False
        assert recommender.recommend(-7, 1)[0].movie_id == first
        assert rows(sample_engine, FEEDBACK) == [(-7, first, "watchlist")]


def test_many_users_are_answered_as_one_by_one(sample_engine: Engine) -> None:
    url = url_of(sample_engine)
    with Recommender(url) as recommender:
        users = [42, -1, 7, 42]
        given = {"k": 4, "genres": ["Comedy"], "diversity": 0.3, "include_rated": True}
        answers = recommender.recommend_many(users, **given)  # type: ignore[arg-type]
        assert list(answers) == [42, -1, 7]
        for user_id, answer in answers.items():
            assert answer == recommender.recommend(user_id, **given)  # type: ignore[arg-type]
            assert answer.to_frame()["rank"].tolist() == [1, 2, 3, 4]
        assert recommender.recommend_many([]) == {}
        assert recommender.recommend_many([1], genres=[]) == {1: []}

        async def main() -> None:
            async with AsyncRecommender(url) as awaiting:
                assert await awaiting.recommend_many(users, **given) == answers  # type: ignore[arg-type]

        asyncio.run(main())


def test_models_with_their_figures(sample_engine: Engine) -> None:
    with sample_engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into recsys.models (algorithm, factors, item_norm, parameters, data, versions,"
            " metrics, movie_count, user_count)"
            " values ('imported', 4, 1, '{}', '{}', '{}', '{}', 0, 0)"
        )
        listed = list_models(connection)
    with Recommender(url_of(sample_engine)) as recommender:
        newest, trained = models = recommender.models()
    assert models.to_frame()["activated_at"].isna().tolist() == [True, False]
    assert "recommend ndcg@10 0." in models._repr_html_()
    assert [model.model_id for model in (newest, trained)] == [row.model_id for row in listed]
    assert (newest.active, newest.figures, newest.activated_at) == (False, [], None)
    assert trained.active
    assert trained.created_at == listed[1].created_at
    [loss] = [figure for figure in trained.figures if figure.metric == "loss"]
    assert (loss.value, loss.protocol, loss.k) == (listed[1].loss, "training", None)
    assert loss.measured_at == trained.created_at
    assert {figure.k for figure in trained.figures if figure.metric == "ndcg"} == {10}


def test_a_connection_is_lent_and_given_back(sample_engine: Engine) -> None:
    url = url_of(sample_engine)
    with Recommender(url, pool_size=1) as recommender:
        for _ in range(2):
            with recommender.connection() as connection:
                assert connection.scalar(text("select count(*) from recsys.movies")) == 150
        with recommender.connection(writes=True) as connection:
            connection.execute(text("delete from recsys.ratings where user_id = 42"))
        assert recommender.ratings(42) == []
        with pytest.raises(RecsysError, match="nonsense"), recommender.connection() as connection:
            connection.execute(text("select nonsense"))
        assert len(recommender.recommend(1)) == 10

    async def main() -> None:
        async with AsyncRecommender(url, pool_size=1) as awaiting:
            for _ in range(2):
                async with awaiting.connection() as connection:
                    found = await connection.execute(text("select 1"))
                    assert found.scalar() == 1
            assert len(await awaiting.recommend(1)) == 10

    asyncio.run(main())


def test_a_connection_is_given_back_from_another_context(sample_engine: Engine) -> None:
    """As frameworks do, which enter a context manager in one thread and leave it in another."""
    with Recommender(url_of(sample_engine), pool_size=1, timeout=5) as recommender:
        lent = recommender.connection()
        connection = contextvars.copy_context().run(lent.__enter__)
        assert connection.scalar(text("select 1")) == 1
        contextvars.copy_context().run(lent.__exit__, None, None, None)
        assert len(recommender.recommend(1)) == 10


def test_a_connection_keeps_to_the_time_limit(sample_engine: Engine) -> None:
    with Recommender(url_of(sample_engine), pool_size=1, timeout=0.5) as recommender:
        with pytest.raises(DatabaseTimeout), recommender.connection() as connection:
            connection.execute(text("select pg_sleep(20)"))
        with recommender.connection(), pytest.raises(DatabaseTimeout, match="no connection"):
            recommender.recommend(1)
        assert len(recommender.recommend(1)) == 10


def test_a_closed_client_refuses(sample_engine: Engine) -> None:
    url = url_of(sample_engine)
    recommender = Recommender(url)
    recommender.close()
    recommender.close()
    for ask in (lambda: recommender.recommend(1), recommender.connection, recommender.__enter__):
        with pytest.raises(RecsysError, match="the Recommender is closed: make another one"):
            ask()

    async def main() -> None:
        async with AsyncRecommender(url) as opened:
            pass
        for awaiting in (opened, AsyncRecommender(url)):
            await awaiting.close()
            with pytest.raises(RecsysError, match="the AsyncRecommender is closed"):
                await awaiting.recommend(1)
            with pytest.raises(RecsysError, match="the AsyncRecommender is closed"):
                async with awaiting.connection():
                    pass

    asyncio.run(main())


def test_statements_are_logged_at_debug(
    sample_engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with Recommender(url_of(sample_engine)) as recommender:
        with caplog.at_level(logging.INFO, "recsys"):
            recommender.recommend(42, 3)
        assert caplog.text == ""
        with caplog.at_level(logging.DEBUG, "recsys"):
            recommender.recommend(42, 3)
    [record] = caplog.records
    assert record.name == "recsys"
    assert "from recsys.recommend(user_id => cast(:user_id as bigint)" in record.getMessage()
    assert "'user_id': 42" in record.getMessage()
    assert record.getMessage().endswith(" ms")
