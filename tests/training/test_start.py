"""Trainings that begin at the active model: what they keep, and when they begin afresh."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from sqlalchemy import Connection, Engine

from recsys.learning.order import FACTS, INPUTS, Order
from recsys.learning.ranker import LearnedRanker
from recsys.models.ranker import read_ranker
from recsys.models.ratings import read_films, read_ratings
from recsys.models.versions import activate_model, active_model, show_model
from recsys.parameters import POSITIVE_STARS, Parameters
from recsys.training.start import find_start
from recsys.training.train import train

ASKED = """
    select u, array_agg(r.movie_id order by r.rank)
    from generate_series(1, 60) u, recsys.recommend(u) r group by u order by u
"""


def start_of(connection: Connection, wanted: Parameters, threshold: float = POSITIVE_STARS) -> Any:
    ratings = read_ratings(connection)
    films = read_films(connection, ratings)
    return find_start(connection, wanted, threshold, ratings, films)


def ranker_of(connection: Connection) -> LearnedRanker:
    model_id = active_model(connection)
    assert model_id is not None
    ratings = read_ratings(connection)
    found = read_ranker(connection, model_id, ratings, read_films(connection, ratings))
    assert found is not None
    return found


@pytest.fixture
def wanted(sample_engine: Engine) -> Parameters:
    """What the active model was trained with."""
    with sample_engine.connect() as connection:
        model = show_model(connection, active_model(connection) or 0)["parameters"]
    return Parameters(**{name: model[name] for name in vars(Parameters())})


def test_it_goes_on_from_the_active_model(sample_engine: Engine, wanted: Parameters) -> None:
    """Parameters, network and order stay; the lists become those of a training from scratch."""
    with sample_engine.begin() as connection:
        before = active_model(connection)
        connection.exec_driver_sql(
            "insert into recsys.ratings values (900001, 1, 5), (900001, 2, 4.5), (1, 3, 2)"
            " on conflict do nothing"
        )
        network = ranker_of(connection).network
    warm = train(sample_engine, wanted, from_scratch=False)
    with sample_engine.connect() as connection:
        model = show_model(connection, warm)
        assert model["active"]
        assert model["parameters"]["began_at"] == before
        assert model["parameters"]["regularization"] == wanted.regularization
        assert model["parameters"]["epochs"] == wanted.epochs
        assert (
            connection.exec_driver_sql(
                "select count(*) from recsys.trials where model_id = %s", (warm,)
            ).scalar_one()
            == 0
        )
        orders = connection.exec_driver_sql(
            "select name, taught_by, typical_inputs, metrics from recsys.orders order by model_id"
        ).all()
        assert orders[0] == orders[-1]
        kept = ranker_of(connection).network
        for one, other in zip(network.parameters(), kept.parameters(), strict=True):
            assert torch.allclose(one, other, atol=1e-6)
        assert (
            connection.exec_driver_sql(
                "select source from recsys.recommend(900001) limit 1"
            ).scalar_one()
            == "personal"
        )
        lists = dict(map(tuple, connection.exec_driver_sql(ASKED).all()))
    train(sample_engine, wanted)
    with sample_engine.connect() as connection:
        afresh = dict(map(tuple, connection.exec_driver_sql(ASKED).all()))
    shared = np.mean([len(set(lists[user]) & set(afresh[user])) / 10 for user in afresh])
    assert shared > 0.6


def test_it_begins_where_the_model_was(sample_engine: Engine, wanted: Parameters) -> None:
    with sample_engine.connect() as connection:
        start = start_of(connection, wanted)
        assert start is not None
        movie_ids = read_ratings(connection).movie_ids
        scores = connection.exec_driver_sql(
            "select movie_id, score from recsys.recommend(1, k => 50, rerank => false)"
        ).all()
        user = connection.exec_driver_sql(
            "select embedding::text from recsys.user_vectors where user_id = 1"
        ).scalar_one()
    items = start.items.numpy()[:, : wanted.factors]
    vector = np.array(json.loads(user))[: wanted.factors]
    for movie_id, score in scores:
        exact = items[np.searchsorted(movie_ids, movie_id)] @ vector
        assert exact == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("change", ["factors", "seed", "regularization", "threshold", "ratings",
                                    "genres", "ranker", "order", "imported"])  # fmt: skip
def test_other_wishes_and_data_begin_afresh(
    sample_engine: Engine, wanted: Parameters, change: str
) -> None:
    threshold, given = POSITIVE_STARS, dict(vars(wanted))
    statements = {
        "ratings": "insert into recsys.ratings select 1000000 + n, movie_id, 4"
                   " from generate_series(1, 1000) n,"
                   " (select movie_id from recsys.movies limit 40) m",
        "genres": "with g as (insert into recsys.genres (name) values ('New') returning genre_id)"
                  " insert into recsys.movie_genres select 1, genre_id from g",
        "ranker": "delete from recsys.rankers",
        "order": "delete from recsys.orders",
        "imported": "update recsys.models set algorithm = 'import'",
    }  # fmt: skip
    with sample_engine.connect() as connection:
        assert start_of(connection, Parameters(wanted.factors, wanted.epochs)) is not None
        if change in statements:
            connection.exec_driver_sql(statements[change])
        elif change == "threshold":
            threshold = 4.5
        else:
            given[change] += 1
        assert start_of(connection, Parameters(**given), threshold) is None


def test_an_older_model_can_be_gone_on_from(sample_engine: Engine, wanted: Parameters) -> None:
    with sample_engine.connect() as connection:
        first = active_model(connection)
    train(sample_engine, wanted, from_scratch=False)
    with sample_engine.begin() as connection:
        activate_model(connection, first or 0)
    with sample_engine.connect() as connection:
        start = start_of(connection, wanted)
        assert start is not None
        assert start.notes["began_at"] == first


def test_an_order_is_what_its_units_are() -> None:
    torch.manual_seed(0)
    order = Order({"additive": 1.0, "popular": 0.3})
    order.center.copy_(torch.tensor([0.2, 3.0, 5.0]))
    order.scale.copy_(torch.tensor([torch.inf, 1.5, 2.0]))
    order.least.copy_(torch.tensor([0.0, 0.1, 0.0, 0.0, -torch.inf, -torch.inf]))
    torch.nn.init.normal_(order.last.weight)
    facts, inputs = torch.randn(20, len(FACTS)) * 9, torch.randn(20, 7, len(INPUTS))
    again = Order.of(order.units())
    torch.testing.assert_close(again(facts, inputs), order(facts, inputs))
    for one, other in zip(order.units(), again.units(), strict=True):
        torch.testing.assert_close(one, other)
