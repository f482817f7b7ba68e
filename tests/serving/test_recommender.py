"""Recommender and AsyncRecommender: every question, with the same answers in both, and ratings."""

from __future__ import annotations

import asyncio
import inspect
import pydoc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

import numpy as np
import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from recsys import (
    Answers,
    AsyncRecommender,
    InvalidRequest,
    Recommendation,
    Recommender,
    RecsysError,
)
from recsys.arrays import Vectors
from recsys.models.experiments import Variant, start_experiment
from recsys.serving.lookups import Lookups
from recsys.serving.questions import Questions
from recsys.serving.statements import Filters, Question
from recsys.serving.writes import Writes
from tests.helpers.oracle import call
from tests.helpers.servers import url_of

QUESTIONS = sorted(name for name in dir(Questions) if not name.startswith("_"))
OF_TABLES = {name for base in (Lookups, Writes) for name in vars(base) if name in QUESTIONS}
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("recommend", {"user_id": 42, "k": 5, "genres": ["Comedy"], "diversity": 0.3}),
    ("recommend", {"user_id": -1, "k": 3, "exclude_movies": []}),
    ("recommend", {"user_id": 42, "k": 0}),
    ("recommend", {"user_id": 42, "not_shown_since": timedelta(0)}),
    ("recommend", {"user_id": 42, "fresh": 2}),
    ("watchlist", {"user_id": 42, "k": 3}),
    ("recommend", {"user_id": 42, "experiment": "x"}),
    ("interleave", {"user_id": 42, "experiment": "x"}),
    ("recommend_for", {"liked": [1, 2, 3], "k": 5, "genres": ["Comedy"]}),
    ("recommend_for", {"liked": []}),
    ("similar_movies", {"movie_id": 1, "year_from": 1950}),
    ("similar_movies", {"movie_id": 9999}),
    ("more_like", {"liked": [1, 2], "disliked": [3]}),
    ("popular", {"k": 3, "half_life": timedelta(days=30), "genres": ["Drama"]}),
    ("popular", {"half_life": timedelta(0)}),
    ("recommend_group", {"user_ids": [1, 2, 3], "strategy": "least_misery"}),
    ("score_movies", {"user_id": 1, "movie_ids": [1, 2, 3]}),
    ("explain", {"user_id": 42, "movie_id": 1}),
    ("users_for", {"movie_id": 1, "k": 3}),
    ("users_for", {"movie_id": 9999}),
    ("similar_users", {"user_id": 42, "k": 3}),
    ("user_vector", {"user_id": 42}),
    ("search_titles", {"query": "the matirx", "k": 3}),
    ("search_plots", {"query": "a detective in the rain"}),
    ("predict_genres", {"plot": "A detective hunts a murderer in the rain."}),
    ("predict_movie_genres", {"movie_id": 1}),
]


def outcome(ask: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """The answer, or what is said of it."""
    try:
        answer = ask(**arguments)
    except (RecsysError, psycopg.Error) as error:
        return str(error).split(" (")[0].split("\n")[0]
    return answer.tolist() if isinstance(answer, np.ndarray) else answer


def test_both_have_every_question_with_its_arguments() -> None:
    for name in QUESTIONS:
        asked = inspect.signature(getattr(Questions, name))
        blocking, awaiting = getattr(Recommender, name), getattr(AsyncRecommender, name)
        assert inspect.signature(blocking) == inspect.signature(awaiting)
        given = dict(inspect.signature(blocking).parameters)
        if "filters" in asked.parameters:  # which the methods list one by one
            filters = [given.pop(name) for name in Filters.__annotations__]
            assert all(one.kind is one.KEYWORD_ONLY and not one.default for one in filters)
            given["filters"] = asked.parameters["filters"]
        assert given == asked.parameters
        answer = inspect.signature(blocking).return_annotation
        assert asked.return_annotation == f"Question[{answer}]"
        assert blocking.__annotations__["return"] == answer
        assert inspect.iscoroutinefunction(awaiting)
        assert not inspect.iscoroutinefunction(blocking)
        assert blocking.__doc__ == awaiting.__doc__ == getattr(Questions, name).__doc__
        assert blocking.__qualname__ == f"Recommender.{name}"
        assert awaiting.__qualname__ == f"AsyncRecommender.{name}"
    own = {"on"}  # what is no question
    for kind in (Recommender, AsyncRecommender):
        public = {name for name in vars(kind) if not name.startswith("_")}
        assert public - own == {*QUESTIONS, "close", "connection"}


def test_the_signature_lists_the_filters() -> None:
    assert str(inspect.signature(Recommender.recommend)).replace("'", "") == (
        "(self, user_id: int, k: int = 10, *, genres: Sequence[str] | None = None, "
        "exclude_genres: Sequence[str] | None = None, year_from: int | None = None, "
        "year_to: int | None = None, min_ratings: int | None = None, "
        "exclude_movies: Sequence[int] | None = None, include_rated: bool = False, "
        "diversity: float = 0, rerank: bool = True, model_id: int | None = None, "
        "not_shown_since: timedelta | None = None, fresh: float = 0, watchlist_first: bool = False, "
        "experiment: str | None = None, "
        "include_predicted_genres: bool = False, include_adult: bool = False) -> Answers[Recommendation]"
    )
    assert "exclude_movies" in pydoc.render_doc(AsyncRecommender.search_plots)


def test_an_unknown_argument_is_a_type_error(sample_engine: Engine) -> None:
    """mypy sees it, too: an ignore that is not needed would be an error."""
    with Recommender(url_of(sample_engine)) as recommender:
        with pytest.raises(TypeError, match=r"recommend\(\) got an unexpected keyword .* 'genre'"):
            recommender.recommend(1, genre=["Comedy"])  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="unexpected keyword argument 'strategy'"):
            recommender.more_like([1], strategy="mean")  # type: ignore[call-arg]
        with pytest.raises(InvalidRequest, match="integer"):
            recommender.recommend(1, year_from="new")  # type: ignore[arg-type]


def test_answers_have_types(sample_engine: Engine) -> None:
    """The types are checked by mypy."""
    url = url_of(sample_engine)
    with Recommender(url) as recommender:
        assert_type(recommender.recommend(1), Answers[Recommendation])
        assert_type(recommender.user_vector(1), Vectors | None)
        assert_type(Questions().rate(1, 1, 4), Question[None])

    async def main() -> None:
        async with AsyncRecommender(url) as recommender:
            answers = assert_type(await recommender.recommend(1), Answers[Recommendation])
            assert_type(await recommender.user_vector(1), Vectors | None)
            assert answers.to_frame()["rank"].tolist() == [film.rank for film in answers]

    asyncio.run(main())


def test_answers_are_those_of_sql(server_url: Any, sample_name: str, sample: Any) -> None:
    url = server_url.set(database=sample_name).render_as_string(hide_password=False)

    def from_sql(function: str, arguments: dict[str, Any]) -> Any:
        try:
            with sample.begin_nested():
                rows = call(sample, function, **arguments)
        except DBAPIError as error:
            assert isinstance(error.orig, psycopg.Error)  # noqa: PT017
            return error.orig.diag.message_primary
        if function == "user_vector":
            numbers = rows[0]["user_vector"].strip("[]").split(",")
            return pytest.approx([float(number) for number in numbers])
        return rows

    async def awaited() -> list[Any]:
        async with AsyncRecommender(url) as recommender:

            async def ask(function: str, arguments: dict[str, Any]) -> Any:
                try:
                    return await getattr(recommender, function)(**arguments)
                except RecsysError as error:
                    return error

            return await asyncio.gather(*(ask(*asked) for asked in ASKED))

    answers = asyncio.run(awaited())
    assert {function for function, _ in ASKED} == {*QUESTIONS} - OF_TABLES - {"recommend_many"}
    with Recommender(url) as recommender:
        for (function, arguments), answer in zip(ASKED, answers, strict=True):
            blocking = outcome(getattr(recommender, function), arguments)

            def given(answer: Any = answer) -> Any:
                if isinstance(answer, RecsysError):
                    raise answer
                return answer

            assert outcome(given, {}) == blocking
            rows: Any = blocking
            if isinstance(blocking, Answers):
                frame = blocking.to_frame()  # in pandas, a number that is missing is NaN
                rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
            assert rows == from_sql(function, arguments)
            assert len(rows) > 0 or function == "watchlist"  # which no user of the sample has


def test_a_rating_is_written_and_counts(sample_engine: Engine) -> None:
    then = datetime(2020, 2, 29, 12, tzinfo=UTC)

    def row(user_id: int) -> tuple[float, datetime]:
        with sample_engine.connect() as connection:
            rating, at = connection.exec_driver_sql(
                "select rating, rated_at from recsys.ratings where user_id = %s", (user_id,)
            ).one()
            return rating, at

    with Recommender(url_of(sample_engine)) as recommender:
        assert recommender.recommend(-5, 1)[0].source == "popular"
        before = datetime.now(UTC)
        recommender.rate(-5, 7, 4.5)
        assert row(-5)[0] == 4.5
        assert before <= row(-5)[1] <= datetime.now(UTC)
        answer = recommender.recommend(-5, 200)
        assert answer[0].source == "live"
        assert 7 not in {film.movie_id for film in answer}
        recommender.rate(-5, 7, 0.5, then)
        assert row(-5) == (0.5, then)
        recommender.rate(-5, 7, 5)
        assert row(-5)[1] > then

    async def main() -> None:
        async with AsyncRecommender(url_of(sample_engine)) as recommender:
            await recommender.rate(-6, 7, 2, then)

    asyncio.run(main())
    assert row(-6) == (2, then)


def test_lists_of_an_experiment_are_logged_once(sample_engine: Engine) -> None:
    then = datetime(2020, 2, 29, 12, tzinfo=UTC)
    with sample_engine.begin() as connection:
        start_experiment(connection, "e", [Variant("a"), Variant("b", rerank=False)])
    url = url_of(sample_engine)
    with Recommender(url) as recommender:
        own = recommender.variant_of(7, "e")
        films = recommender.recommend(7, 5, experiment="e")
        assert own in ("a", "b")
        assert {film.variant for film in films} == {own}
        assert recommender.recommend_many([7], 5, experiment="e") == {7: films}
        ids = [film.movie_id for film in films]
        for _ in range(2):
            recommender.log_shown(7, ids, experiment="e", shown_at=then)
        mixed = recommender.interleave(7, "e", 4)
        recommender.log_shown(
            8,
            [film.movie_id for film in mixed],
            experiment="e",
            variants=[film.variant for film in mixed],
            propensities=[0.5] * 4,
        )
        for wrong in ({"experiment": "x"}, {"propensities": [0.5]}, {"propensities": [2] * 5}):
            with pytest.raises(InvalidRequest):
                recommender.log_shown(7, ids, **wrong)

        async def main() -> str | None:
            async with AsyncRecommender(url) as awaiting:
                await awaiting.log_shown(9, ids[:1])
                return await awaiting.variant_of(7, "e")

        assert asyncio.run(main()) == own
    with sample_engine.connect() as connection:
        found = connection.exec_driver_sql(
            "select user_id, movie_id, variant, propensity from recsys.impressions"
            " order by user_id, rank"
        ).all()
    assert [tuple(row) for row in found] == [
        *((7, movie_id, own, None) for movie_id in ids),
        *((8, film.movie_id, film.variant, 0.5) for film in mixed),
        (9, ids[0], None, None),
    ]


def test_a_film_is_withdrawn_and_restored(sample_engine: Engine) -> None:
    url = url_of(sample_engine)
    with Recommender(url) as recommender:
        first = recommender.popular(1)[0].movie_id
        recommender.withdraw_movie(first, datetime.now(UTC) + timedelta(hours=1))
        assert recommender.popular(1)[0].movie_id == first
        recommender.withdraw_movie(first)
        assert first not in {film.movie_id for film in recommender.popular(150)}

        async def main() -> None:
            async with AsyncRecommender(url) as awaiting:
                await awaiting.restore_movie(first)

        asyncio.run(main())
        assert recommender.popular(1)[0].movie_id == first
        for refused in (recommender.withdraw_movie, recommender.restore_movie):
            with pytest.raises(InvalidRequest, match="unknown movie: 9999"):
                refused(9999)


@pytest.mark.parametrize(
    ("movie_id", "rating", "says"),
    [
        (9999, 4, "unknown movie: 9999"),
        (1, 5.5, "rating is 5.5"),
        (1, 0, "rating is 0"),
        (1, float("nan"), "rating is nan"),
        (2**70, 3, "out of range"),
    ],
)
def test_a_rating_that_cannot_be_names_the_value(
    sample_engine: Engine, movie_id: int, rating: float, says: str
) -> None:
    with (
        Recommender(url_of(sample_engine)) as recommender,
        pytest.raises(InvalidRequest, match=says),
    ):
        recommender.rate(-5, movie_id, rating)


def test_a_text_that_cannot_be_encoded_is_refused(engine: Engine) -> None:
    with (
        Recommender(url_of(engine)) as recommender,
        pytest.raises(InvalidRequest, match=r"a text has '\\ud800', which is no character"),
    ):
        recommender.search_titles("up \ud800")
