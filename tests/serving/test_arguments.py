"""Arguments that have no answer: refused by name, with the value."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, NullPool, create_engine

from recsys import (
    AsyncRecommender,
    InvalidRequest,
    Recommender,
    UnknownGenre,
    UnknownModel,
    UnknownMovie,
)
from recsys.serving.arguments import integer
from tests.helpers.examples import examples

LAST = datetime(9999, 12, 31, tzinfo=UTC)
ODD = "O'Brien: \\ \n is 'x': y"


@pytest.fixture(scope="module")
def asked(server_url: Any, sample_name: str) -> Iterator[Recommender]:
    url = server_url.set(database=sample_name)
    with Recommender.on(create_engine(url, poolclass=NullPool)) as recommender:
        yield recommender


@pytest.mark.parametrize(
    ("ask", "kind", "argument", "value"),
    [
        (lambda r: r.movie(9999), UnknownMovie, "movie_id", 9999),
        (lambda r: r.movies([1, 9999]), UnknownMovie, "movie_ids", 9999),
        (lambda r: r.rate(1, 9999, 3), UnknownMovie, "movie_id", 9999),
        (lambda r: r.mark(1, 9999, "seen"), UnknownMovie, "movie_id", 9999),
        (lambda r: r.withdraw_movie(9999), UnknownMovie, "movie_id", 9999),
        (lambda r: r.explain(9999, 9999), UnknownMovie, "movie_id", 9999),
        (
            lambda r: r.similar_movies(9999, exclude_movies=[9999]),
            UnknownMovie,
            "movie_id",
            9999,
        ),
        (lambda r: r.recommend_for([1, 9999], 5), UnknownMovie, "liked", 9999),
        (lambda r: r.more_like([1], [9999]), UnknownMovie, "disliked", 9999),
        (lambda r: r.score_movies(1, [1, 9999]), UnknownMovie, "movie_ids", 9999),
        (lambda r: r.recommend(1, genres=["Drama", ODD]), UnknownGenre, "genres", ODD),
        (lambda r: r.popular(genres=["Drama"], exclude_genres=["?"]), UnknownGenre,
         "exclude_genres", "?"),
        (lambda r: r.recommend(77, model_id=77), UnknownModel, "model_id", 77),
        (lambda r: r.recommend_many([1, 2], model_id=77), UnknownModel, "model_id", 77),
        (lambda r: r.user_vector(1, 77), UnknownModel, "model_id", 77),
        (lambda r: r.recommend(1, 0), InvalidRequest, "k", 0),
        (lambda r: r.ratings(1, 0), InvalidRequest, "k", 0),
        (lambda r: r.recommend(1, diversity=1.5), InvalidRequest, "diversity", 1.5),
        (lambda r: r.recommend_for([]), InvalidRequest, "liked", []),
        (lambda r: r.recommend_group([]), InvalidRequest, "user_ids", []),
        (lambda r: r.recommend_group([1], strategy=ODD), InvalidRequest, "strategy", ODD),
        (lambda r: r.similar_movies(1, by=ODD), InvalidRequest, "by", ODD),
        (lambda r: r.mark(1, 1, ODD), InvalidRequest, "kind", ODD),
        (lambda r: r.rate(1, 1, 5.5), InvalidRequest, "rating", 5.5),
        (lambda r: r.rate(1, 1, 5, LAST), InvalidRequest, "rated_at", LAST),
        (lambda r: r.log_shown(1, [1], shown_at=LAST), InvalidRequest, "shown_at", LAST),
        (lambda r: r.withdraw_movie(1, LAST), InvalidRequest, "withdrawn_at", LAST),
        (lambda r: r.recommend(1, year_from="1990"), InvalidRequest, "year_from", "1990"),
        (lambda r: r.recommend("1"), InvalidRequest, "user_id", "1"),
        (lambda r: r.recommend(True), InvalidRequest, "user_id", True),
        (lambda r: r.recommend(1, 2.5), InvalidRequest, "k", 2.5),
        (lambda r: r.recommend(1, 2**31), InvalidRequest, "k", 2**31),
        (lambda r: r.movie(2**63), InvalidRequest, "movie_id", 2**63),
        (lambda r: r.movie(None), InvalidRequest, "movie_id", None),
        (lambda r: r.recommend_many([1, "2"]), InvalidRequest, "user_ids", "2"),
        (lambda r: r.recommend_for("12"), InvalidRequest, "liked", "12"),
        (lambda r: r.recommend_for(12), InvalidRequest, "liked", 12),
        (lambda r: r.recommend(1, genres="Drama"), InvalidRequest, "genres", "Drama"),
        (lambda r: r.recommend(1, exclude_movies=[1.0]), InvalidRequest, "exclude_movies", 1.0),
    ],
)  # fmt: skip
def test_an_error_names_argument_and_value(
    asked: Recommender,
    ask: Callable[[Recommender], Any],
    kind: type[InvalidRequest],
    argument: str,
    value: object,
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        ask(asked)
    error = caught.value
    assert (type(error), error.argument, error.value) == (kind, argument, value)
    assert type(error.value) is type(value)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (kind, str(error), vars(error))


def test_in_asyncio_too(server_url: Any, sample_name: str) -> None:
    url = server_url.set(database=sample_name).render_as_string(hide_password=False)

    async def main() -> None:
        async with AsyncRecommender(url) as recommender:
            with pytest.raises(UnknownMovie) as caught:
                await recommender.more_like([1], [9999])
            assert (caught.value.argument, caught.value.value) == ("disliked", 9999)

    asyncio.run(main())


@settings(
    max_examples=examples(50),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(name=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_name_of_a_genre_comes_back_as_it_was(asked: Recommender, name: str) -> None:
    with pytest.raises(UnknownGenre) as caught:
        asked.recommend(1, genres=["Drama", name])
    assert (caught.value.argument, caught.value.value) == ("genres", name)


def test_integers_of_all_types_are_taken(asked: Recommender) -> None:
    one, three = np.int64(1), np.uint8(3)
    usual = asked.recommend(1, 3, exclude_movies=[1, 2])
    assert asked.recommend(one, three, exclude_movies=np.array([1, 2])) == usual  # type: ignore[arg-type]
    assert asked.recommend(1, 3, exclude_movies=(m for m in (1, 2))) == usual  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", [1.0, "1", Decimal(1), None, True, np.True_, [1], float("nan"), b"1"]
)
def test_what_is_no_integer_is_refused(value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^k is .*: give an integer$"):
        integer("k", value)


def test_a_malformed_url_is_an_invalid_request(engine: Engine) -> None:
    with pytest.raises(InvalidRequest, match="no PostgreSQL URL") as caught:
        Recommender("mysql://me:secret@host/x")
    assert caught.value.argument == "url"
    with pytest.raises(InvalidRequest, match="pool_size is 0") as caught:
        Recommender(engine.url.render_as_string(hide_password=False), pool_size=0)
    assert (caught.value.argument, caught.value.value) == ("pool_size", 0)
