"""The whole line on real data: ml-latest-small, with the defaults."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pgvector import Vector
from sqlalchemy import URL, Connection, Engine

from recsys.evaluation.evaluate import evaluate
from recsys.evaluation.outcomes import OURS
from recsys.evaluation.protocol import Protocol
from recsys.models.experiments import Variant, start_experiment
from tests.helpers.databases import open_database
from tests.helpers.oracle import call


def test_counts(movielens: Engine) -> None:
    with movielens.connect() as connection:
        counts = connection.exec_driver_sql("""
            select (select count(*) from recsys.movies),
                (select count(distinct user_id) from recsys.ratings),
                (select count(*) from recsys.ratings),
                (select count(*) from recsys.genres),
                (select count(*) from recsys.movies where year is null),
                (select count(*) from recsys.tags),
                (select count(*) from recsys.load_rejects)
        """).one()
    assert tuple(counts) == (9742, 610, 100836, 19, 13, 3683, 0)


def test_sql_serves_the_models_own_order(movielens: Engine) -> None:
    """For every user, the top 10 of brute force over the stored factors; ties aside."""
    with movielens.connect() as connection:

        def vectors(query: str) -> tuple[np.ndarray, np.ndarray]:
            rows = connection.exec_driver_sql(query).all()
            parsed = np.array([Vector.from_text(row[1]).to_numpy() for row in rows])
            return np.array([row[0] for row in rows]), parsed.astype(np.float64)

        user_ids, users = vectors("select user_id, embedding::text from recsys.user_vectors")
        movie_ids, movies = vectors("select movie_id, embedding::text from recsys.movie_vectors")
        factors, norm = connection.exec_driver_sql(
            "select factors, item_norm from recsys.models"
        ).one()
        served: dict[int, list[tuple[int, float]]] = {}
        for user_id, movie_id, score in connection.exec_driver_sql(
            "select u.user_id, r.movie_id, r.score from recsys.user_vectors u, "
            "lateral recsys.recommend(u.user_id, rerank => false) r order by u.user_id, r.rank"
        ):
            served.setdefault(user_id, []).append((movie_id, score))
        rated: dict[int, set[int]] = {}
        for user_id, movie_id in connection.exec_driver_sql(
            "select user_id, movie_id from recsys.ratings"
        ):
            rated.setdefault(user_id, set()).add(movie_id)
    # The learned factors alone: the appended coordinate takes no part in the model's own score.
    scores = users[:, :factors] @ (movies[:, :factors] * norm).T  # (n_users, n_movies)
    column = {movie_id: place for place, movie_id in enumerate(movie_ids)}
    assert len(user_ids) == 609  # one user likes nothing
    for row, user_id in enumerate(user_ids):
        allowed = np.array([movie_id not in rated[user_id] for movie_id in movie_ids])
        best = np.sort(scores[row][allowed])[::-1][:10]
        films = [movie_id for movie_id, _ in served[user_id]]
        assert len(set(films)) == 10
        assert not rated[user_id].intersection(films)
        own = [scores[row][column[film]] for film in films]
        assert own == pytest.approx(best, abs=1e-6)
        assert [score for _, score in served[user_id]] == pytest.approx(best, abs=1e-6)


def test_ten_unrated_comedies(movielens: Engine) -> None:
    with movielens.connect() as connection:
        rows = connection.exec_driver_sql("""
            select r.genres, (select count(*) from recsys.ratings o
                where o.user_id = 1 and o.movie_id = r.movie_id)
            from recsys.recommend(1, genres => '{Comedy}') r
        """).all()
    assert len(rows) == 10
    assert all("Comedy" in genres and rated == 0 for genres, rated in rows)


@pytest.mark.slow
def test_ranking_through_sql(
    movielens: Engine, server_url: URL, copies: Callable[[str], str]
) -> None:
    engine = open_database(server_url, copies(str(movielens.url.database)))
    scores = evaluate(engine, Protocol(seeds=2)).scores
    assert scores is not None
    found = {
        name: figures["ndcg", 10].value
        for name, figures in scores.by_method().items()
        if ("ndcg", 10) in figures  # biases predict stars alone
    }
    assert found[OURS] >= 0.25
    # What others measured for these methods by this protocol.
    assert found["popularity"] == pytest.approx(0.141, abs=0.01)
    assert found["ease"] == pytest.approx(0.265, abs=0.01)
    assert found["item-knn"] >= 0.225


def test_a_draft_of_all_films_ends(real: Connection) -> None:
    start_experiment(real, "e", [Variant("a"), Variant("b", rerank=False)])
    real.exec_driver_sql("set local statement_timeout = '60s'")
    drafted = call(real, "interleave", user_id=1, experiment="e", k=10_000)
    assert [row["rank"] for row in drafted] == list(range(1, len(drafted) + 1))
    plain = call(real, "recommend", user_id=1, k=10_000)
    assert {row["movie_id"] for row in drafted} == {row["movie_id"] for row in plain}
