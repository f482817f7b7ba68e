"""The ranker's learning: factorization of stars, network; and that SQL does the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sqlalchemy import Engine

from recsys.arrays import Index, Values
from recsys.learning import ranker
from recsys.learning.network import (
    Examples,
    Network,
    Units,
    fit_network,
    rmse,
    stars,
)
from recsys.learning.posteriors import RatingFactors
from recsys.learning.ranker import LearnedRanker, learn_ranker
from recsys.learning.raters import Layout, Raters, Typical, extended, film_inputs, raters
from recsys.learning.ratings import SECONDS_1970_TO_2000, Films, Ratings
from recsys.learning.stars import fit, predict, solve_users
from recsys.loading.load import load
from recsys.parameters import Parameters
from recsys.progress import silent
from recsys.sources import open_source
from recsys.training import learn as learning
from recsys.training.train import train

PARAMETERS = Parameters(8, epochs=4, alpha=0.3, regularization=0.01)


def table_of(
    users: Any, films: Any, given: Any, times: Any = None, n_films: int | None = None
) -> tuple[Ratings, Films]:
    """Ratings at seconds since 1970, and films without genres or years."""
    users, films = np.asarray(users, dtype=np.int64), np.asarray(films, dtype=np.int64)
    count = n_films or int(films.max()) + 1
    order = np.lexsort((films, users))
    seconds = np.zeros(len(users)) if times is None else np.asarray(times, float)
    rated_at = (1e6 * (seconds - SECONDS_1970_TO_2000)).round().astype(np.int64)
    ratings = Ratings.of(
        users[order],
        films[order],
        np.asarray(given, dtype=np.float64)[order],
        rated_at[order],
        (int(users.max()) + 1, count),
    )
    return ratings, Films(np.full(count, np.nan), np.zeros((count, 0), dtype=bool), [])


def planted(
    n_users: int = 300, n_films: int = 120, share: float = 0.3, noise: float = 0.3
) -> tuple[Index, Index, Values]:
    """Ratings made of biases and two factors."""
    generator = np.random.default_rng(0)
    users, films = np.nonzero(generator.random((n_users, n_films)) < share)
    exact = (
        3.2
        + generator.normal(0, 0.3, n_users)[users]
        + generator.normal(0, 0.4, n_films)[films]
        + (generator.normal(0, 0.6, (n_users, 2))[users]
           * generator.normal(0, 0.8, (n_films, 2))[films]).sum(1)
    )  # fmt: skip
    return users, films, exact + generator.normal(0, noise, len(users))


def random_model(n_films: int = 30, factors: int = 3, n_known: int = 4) -> RatingFactors:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return RatingFactors(
        mean=3.5,
        noise=0.6,
        films=torch.cat([draw(n_films, factors + n_known), torch.ones(n_films, 1).double()], 1),
        biases=draw(n_films) / 3,
        spread=draw(n_films, factors).square() / 5,
        user_variance=draw(factors + n_known + 1).square() + 0.1,
        side=draw(2, factors + 1),
        film_variance=torch.ones(factors + 1).double(),
    )


def test_users_solve_their_equation() -> None:
    model = random_model()
    generator = np.random.default_rng(1)
    users, films = np.nonzero(generator.random((7, 30)) < 0.4)
    users, films = users[users != 3], films[users != 3]  # somebody has no ratings
    given = generator.uniform(0.5, 5, len(users))
    ratings = Ratings.of(users, films, given, shape=(7, 30))
    given = ratings.stars.astype(np.float64)
    found = solve_users(model, ratings).numpy()
    x, spread = model.films.numpy(), np.pad(model.spread.numpy(), ((0, 0), (0, 5)))
    for user in range(7):
        mine = films[users == user]
        left = given[users == user] - 3.5 - model.biases.numpy()[mine]
        gram = x[mine].T @ x[mine] + np.diag(
            0.6 / model.user_variance.numpy() + spread[mine].sum(axis=0)
        )
        np.testing.assert_allclose(found[user], np.linalg.solve(gram, x[mine].T @ left), atol=1e-6)
    assert not found[3].any()


@pytest.mark.parametrize("most", [1_000_000, 2000])
def test_what_made_the_ratings_is_found_again(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where only some of the users are learned from first."""
    monkeypatch.setattr("recsys.learning.stars.MOST_RATINGS", most)
    users, films, given = planted()
    held_out = np.random.default_rng(1).random(len(users)) < 0.2
    ratings, of_films = table_of(users[~held_out], films[~held_out], given[~held_out])
    known, facts = film_inputs(ratings, of_films, Typical.of(ratings, of_films))
    learned = fit(ratings, known, facts, factors=4, epochs=40)
    rows = solve_users(learned, ratings)[users[held_out]]
    predicted = predict(learned, rows, torch.from_numpy(films[held_out])).numpy()
    error = np.sqrt(np.mean((predicted - given[held_out]) ** 2))
    assert error < 0.4  # the noise is 0.3, and 0.95 is what biases alone leave
    assert np.sqrt(learned.noise) == pytest.approx(0.3, abs=0.05)


def test_a_seed_means_the_same_vectors() -> None:
    users, films, given = planted(60, 40)
    one = torch.ones(40, 1, dtype=torch.float64)
    ratings, _ = table_of(users, films, given)
    first, again, other = (
        fit(ratings, one[:, :0], one, factors=2, epochs=5, seed=seed) for seed in (0, 0, 1)
    )
    assert torch.equal(first.films, again.films)
    assert not torch.equal(first.films, other.films)


def test_ratings_that_are_all_alike() -> None:
    users, films = np.nonzero(np.ones((20, 15)))
    table = table_of(users, films, np.full(300, 4.0))
    found = learn_ranker(*table, 0)
    everything = stars(
        found.factors,
        found.network,
        raters(found.factors, Typical.of(*table), table[0]).part(torch.from_numpy(users)),
        torch.from_numpy(films),
    )
    np.testing.assert_allclose(everything.numpy(), 4, atol=0.01)


def test_facts_of_users_and_films_by_hand() -> None:
    year = 31_557_600.0
    ratings, _ = table_of(
        [0, 0, 0, 1], [0, 1, 2, 1], [1, 3.5, 4.5, 4], [0, year, 2 * year, 5 * year], 4
    )
    ratings = replace(ratings, user_ids=np.arange(3))  # the last one has rated nothing
    films = Films(
        years=np.array([1980, 2010, np.nan, 1990]),
        genres=np.array([[1, 1], [1, 0], [0, 0], [0, 1]], dtype=bool),
        genre_names=["Comedy", "War"],
    )
    typical = Typical.of(ratings, films)
    assert typical.year == 1995  # of the films that were rated and have one
    assert typical.rated_at == 2 * year
    assert typical.halves == 0.5
    known, facts = film_inputs(ratings, films, typical)
    comedy, war = (0.5**0.5 + 1) / 4, (0.5**0.5 + 1) / 4
    np.testing.assert_allclose(
        known.numpy(),
        [
            [0.5**0.5 - comedy, 0.5**0.5 - war, -1, (np.log(2) - 3) / 1.5, -2 / 2 / 5],
            [1 - comedy, -war, 1, (np.log(3) - 3) / 1.5, (-1 + 3) / 3 / 5],
            [-comedy, -war, 0, (np.log(2) - 3) / 1.5, 0],
            [-comedy, 1 - war, -1 / 3, -2, 0],
        ],
    )
    np.testing.assert_allclose(facts[:, 0], 1)
    np.testing.assert_allclose(facts[:, -1], known[:, 2] ** 2)
    learned = random_model(4, 2, 5)
    found = raters(learned, typical, ratings).facts.numpy()
    variance = np.var([1, 3.5, 4.5, 4])
    np.testing.assert_allclose(
        found,
        [
            [
                np.log(4),
                np.sqrt((3 * np.var([1, 3.5, 4.5]) + 5 * variance) / 8),
                (2 + 2.5) / 8,
                -3 / 4 / 5,
            ],
            [np.log(2), np.sqrt(5 * variance / 6), 2.5 / 6, 3 / 2 / 5],
            [0, np.sqrt(variance), 0.5, 0],
        ],
    )


def test_the_units_are_the_network() -> None:
    model = random_model()
    network = Network(Layout(3, 1))
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weights in network.parameters():
            weights.copy_(torch.randn(weights.shape, generator=generator))
    network.center.copy_(torch.randn(len(network.center), generator=generator))
    network.scale.copy_(torch.rand(len(network.scale), generator=generator) + 0.5)
    facts = torch.randn(30, 4, generator=generator, dtype=torch.float64)
    pairs = Raters(torch.randn(30, 8, generator=generator, dtype=torch.float64), facts)
    films = extended(model)
    with torch.no_grad():
        wanted = network(network.inputs(pairs, films)).numpy()
    np.testing.assert_allclose(by_units(network.units(), pairs, films), wanted, rtol=1e-4)


def by_units(units: Units, pairs: Raters, films: torch.Tensor) -> Values:
    """What `Units` says, a pair at a time."""
    found = []
    for vector, facts, film in zip(pairs.vectors, pairs.facts, films, strict=True):
        user = torch.cat([vector, torch.ones(1).double()])
        layer = torch.relu(
            units.biases[0]
            + units.by_user @ torch.cat([user, facts])
            + (units.by_film + units.by_pair * user) @ film
        )
        layer = torch.relu(units.biases[1] + units.weights[0] @ layer)
        found.append(float(units.biases[2] + units.weights[1] @ layer))
    return np.array(found)


def examples(n: int, seed: int, slope: float) -> Examples:
    """Ratings that their last input says something about that the factorization does not know."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(n, 11, generator=generator, dtype=torch.float64)
    noise = torch.randn(n, generator=generator, dtype=torch.float64) / 10
    predicted = 2.5 + inputs[:, 0] / 4
    return Examples(inputs, predicted, predicted + slope * inputs[:, -1].abs() + noise)


def test_the_network_learns_what_the_factorization_leaves() -> None:
    network = Network(Layout(3, 1))
    before = rmse(network, examples(500, 1, 0.5))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recsys.learning.network.EPOCHS", 20)
        best = fit_network(network, examples(4000, 0, 0.5), examples(500, 1, 0.5))
    assert best == rmse(network, examples(500, 1, 0.5))
    assert before > 0.45
    assert best < 0.2


def test_what_never_varied_says_nothing_later() -> None:
    network = Network(Layout(3, 1))
    training, other = examples(2000, 0, 0.5), examples(500, 1, 0.5)
    training.inputs[:, 5], other.inputs[:, 5] = 0.0, 0.0
    fit_network(network, training, other)
    with torch.no_grad():
        before = network(other.inputs)
        other.inputs[:, 5] = 0.3
        assert before.any()
        assert torch.equal(network(other.inputs), before)
    assert not network.units().by_user[:, -2].any()


def test_a_network_that_learns_nothing_corrects_nothing() -> None:
    network = Network(Layout(3, 1))
    # Validated where the opposite holds, no epoch is better than none.
    best = fit_network(network, examples(2000, 0, 0.5), examples(500, 1, -0.5))
    assert best == rmse(Network(Layout(3, 1)), examples(500, 1, -0.5))
    assert not network(examples(50, 2, 0.5).inputs).any()


def test_unseen_ratings_leave_no_trace() -> None:
    users, films, given = planted(80, 40)
    ratings, of_films = table_of(users, films, given, np.arange(len(users)))
    unseen = np.random.default_rng(1).permutation(len(users)) % 5 == 0
    changed = replace(
        ratings,
        stars=np.where(unseen, np.float32(0.5), ratings.stars),
        rated_at=np.where(unseen, 10**15, ratings.rated_at),
    )
    # What is typical is of all ratings: a handful of numbers, the same for both.
    typical = Typical.of(ratings, of_films)
    one, two = (
        ranker._fit_each(of_films, typical, [(rows.part(~unseen), rows.part(unseen))], 0, silent)[0]
        for rows in (ratings, changed)
    )
    for mine, theirs in zip(one.learned, two.learned, strict=True):
        assert torch.equal(torch.as_tensor(mine), torch.as_tensor(theirs))
    assert torch.equal(one.raters.vectors, two.raters.vectors)
    assert torch.equal(one.raters.facts, two.raters.facts)


def test_few_ratings_are_enough_to_say_something() -> None:
    table = table_of([0, 0, 1], [0, 1, 1], [5, 3, 1])
    found = learn_ranker(*table, 0)
    assert found.metrics == {}
    assert torch.isfinite(found.factors.films).all()


def test_sql_predicts_what_torch_does(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    load(engine, open_source("sample"))
    kept: list[tuple[LearnedRanker, Ratings, Films]] = []

    def learn(ratings: Ratings, films: Films, *rest: Any) -> LearnedRanker:
        kept.append((learn_ranker(ratings, films, *rest), ratings, films))
        return kept[0][0]

    monkeypatch.setattr(learning, "learn_ranker", learn)
    train(engine, PARAMETERS, device="cpu")
    learned, table, films = kept[0]
    with engine.connect() as connection:
        everybody = raters(learned.factors, Typical.of(table, films), table)
        for row in range(0, len(table.user_ids), 40):
            asked = int(table.user_ids[row]), table.movie_ids.tolist()
            rows = connection.exec_driver_sql(
                "select movie_id, predicted_rating from recsys.score_movies(%s, %s)", asked
            )
            found = {one.movie_id: one.predicted_rating for one in rows}
            n = len(table.movie_ids)
            wanted = stars(
                learned.factors,
                learned.network,
                everybody.part(torch.full((n,), row)),
                torch.arange(n),
            )
            np.testing.assert_allclose(
                [found[movie] for movie in table.movie_ids.tolist()], wanted.numpy(), atol=1e-4
            )
