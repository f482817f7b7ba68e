"""Parameters chosen on held-out positives, the search, and the comparison of models."""

from __future__ import annotations

import doctest
import math
import time
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from recsys.errors import InvalidRequest
from recsys.learning import tuning
from recsys.learning.als import Factors
from recsys.learning.likes import Likes
from recsys.learning.search import search
from recsys.learning.tuning import MOST_STEPS, Trial, Validation, climb, mean, resolved
from recsys.models.versions import activate_model
from recsys.parameters import Parameters
from recsys.training import comparison
from recsys.training.data import read
from recsys.training.train import train

WEIGHTS: dict[str, Any] = {"alpha": 0.3, "regularization": 0.01}
FEW = Parameters(factors=4, epochs=4)


def tastes(n_users: int = 200, n_movies: int = 120, seed: int = 0) -> Likes:
    """Four tastes; each user likes a third of the films of one, and a few others."""
    generator = np.random.default_rng(seed)
    users, movies = np.arange(n_users)[:, None], np.arange(n_movies)
    likely = np.where(users % 4 == movies % 4, 0.35, 0.02)
    user, movie = np.nonzero(generator.random(likely.shape) < likely)
    return Likes.from_pairs(user + 1000, movie + 7)


def test_what_is_held_out_is_not_learned_from() -> None:
    positives = tastes()
    validation = Validation(positives)
    learned = set(zip(validation.users, validation.movies, strict=True))
    held_out = set(zip(*validation.held_out, strict=True))
    assert not learned & held_out
    assert len(learned) + len(held_out) == len(positives.user_index)
    assert len(held_out) == pytest.approx(0.2 * len(positives.user_index), rel=0.05)


def test_quality_is_that_of_lists_made_by_hand() -> None:
    positives = tastes(30, 20)
    validation = Validation(positives)
    generator = torch.Generator().manual_seed(0)
    users, items = (torch.randn(n, 3, generator=generator) for n in validation.shape)
    learned = Factors(users, items, 0.0)
    expected = []
    for user in range(validation.shape[0]):
        known = set(validation.movies[validation.users == user].tolist())
        truth = set(validation.held_out[1][validation.held_out[0] == user].tolist())
        scores = (learned.items @ learned.users[user]).tolist()
        best = sorted(set(range(validation.shape[1])) - known, key=lambda m: -scores[m])[:10]
        gain = sum(1 / math.log2(place + 2) for place, film in enumerate(best) if film in truth)
        ideal = sum(1 / math.log2(place + 2) for place in range(min(10, len(truth))))
        expected.append(gain / ideal if truth else math.nan)
    np.testing.assert_allclose(validation.quality(learned), expected, rtol=1e-6)


def test_some_users_are_judged_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    positives = tastes()
    whole = Validation(positives)
    monkeypatch.setattr(tuning, "MOST_JUDGED", 40)
    some = Validation(positives)
    assert len(some.judged) == 40
    generator = torch.Generator().manual_seed(0)
    users, items = (torch.randn(n, 3, generator=generator) for n in whole.shape)
    learned = Factors(users, items, 0.0)
    np.testing.assert_allclose(some.quality(learned), whole.quality(learned)[some.judged])


def test_a_part_of_the_users_serves_where_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    positives = tastes()
    monkeypatch.setattr(tuning, "MOST_POSITIVES", 500)
    validation = Validation(positives)
    pairs = len(validation.users) + len(validation.held_out[0])
    assert 450 < pairs <= 500
    whole = dict(zip(*np.unique(positives.user_index, return_counts=True), strict=True))
    for index, user_id in enumerate(validation.user_ids):  # all pairs of each user who serves
        own = (validation.users == index).sum() + (validation.held_out[0] == index).sum()
        assert own == whole[np.searchsorted(positives.user_ids, user_id)]


@given(st.integers(-MOST_STEPS, MOST_STEPS), st.floats(0.1, 3), st.floats(0.1, 3))
def test_climbing_finds_a_single_peak(peak: int, up: float, down: float) -> None:
    evaluated: list[int] = []

    def quality(place: int) -> float:
        evaluated.append(place)
        return (place - peak) * (up if place < peak else -down)

    found = climb(quality)
    assert abs(found - peak) <= (0 if abs(peak) < MOST_STEPS - 1 else 1)
    assert len(evaluated) == len(set(evaluated)) <= MOST_STEPS // 2 + 5


def test_climbing_a_plain_ends() -> None:
    assert abs(climb(lambda place: 0.5)) <= 3


def test_chosen_parameters_find_the_tastes_and_are_repeatable() -> None:
    positives, trials = tastes(), list[Trial]()
    chosen = resolved(positives, FEW, on_trial=trials.append)
    assert chosen == resolved(positives, FEW)
    assert chosen.alpha == pytest.approx(20 * len(positives.user_index) / (200 * 120))
    best = max(trials, key=lambda trial: trial.quality or 0)
    # Half a step below the best one tried.
    assert chosen.regularization == pytest.approx(best.parameters["regularization"] / 1.25**0.5)
    validation = Validation(positives)
    ends = []
    for factor in (0.02, 1, 50):
        regularization = factor * best.parameters["regularization"]
        tried = replace(chosen, regularization=regularization)
        ends.append(tuning.try_out(validation, tried, "cpu").quality or 0)
    assert ends[1] == max(ends)


def test_given_parameters_stay() -> None:
    given_ = replace(FEW, **WEIGHTS)
    assert resolved(tastes(), given_, on_trial=lambda trial: pytest.fail("tried")) == given_
    assert resolved(tastes(), replace(FEW, alpha=0.7)).alpha == 0.7


def test_too_little_to_hold_out_is_no_error() -> None:
    positives = Likes.from_pairs(np.array([1, 2, 3]), np.array([1, 2, 1]))
    assert resolved(positives, FEW).regularization is not None


def test_a_search_is_no_worse_than_the_usual_choice() -> None:
    positives, trials = tastes(), list[Trial]()
    found = search(positives, Parameters(), 0.1, on_trial=trials.append)
    usual = resolved(positives, Parameters())
    validation = Validation(positives)
    of_found, of_usual = (
        tuning.try_out(validation, parameters, "cpu").quality or 0 for parameters in (found, usual)
    )
    assert of_found >= 0.98 * of_usual
    assert max(trial.quality or 0 for trial in trials) == pytest.approx(of_found, rel=1e-3)


def test_a_search_without_time_tries_nothing() -> None:
    found = search(tastes(), FEW, 0, on_trial=lambda trial: pytest.fail("tried"))
    assert found.regularization == pytest.approx(0.015 / 1.25**0.5)


def test_trials_are_kept_with_the_model(sample_engine: Engine) -> None:
    seen: list[tuple[int, str]] = []

    def progress(what: str, done: int, of: int | None = None, note: str = "") -> None:
        if what == "choosing":
            seen.append((done, note))

    model_id = train(sample_engine, FEW, device="cpu", progress=progress)
    with sample_engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "select parameters, metric, value, model_id from recsys.trials order by trial_id"
        ).all()
        positives = read(connection, 4.0).likes
    trials: list[Trial] = []
    resolved(positives, FEW, on_trial=trials.append)  # the same ones
    assert [tuple(row) for row in rows] == [
        (trial.parameters, "ndcg@10", trial.quality, model_id) for trial in trials
    ]
    best = [f"best {max(trial.quality or 0 for trial in trials[:n]):.4f}" for n in range(1, 9)]
    assert seen == list(enumerate(best[: len(trials)], start=1))
    assert len(seen) >= 4


def latest(engine: Engine) -> Any:
    with engine.connect() as connection:
        return connection.exec_driver_sql(
            "select model_id, metrics, model_id = (recsys_internal.find_model(null)).model_id "
            "as active from recsys.models order by model_id desc limit 1"
        ).one()


def test_only_a_better_model_is_activated(sample_engine: Engine) -> None:
    worse = Parameters(factors=2, epochs=1, alpha=0.3, regularization=1.0)
    train(sample_engine, worse, device="cpu")
    good = Parameters(factors=8, alpha=0.3, regularization=0.03)
    better = train(sample_engine, good, device="cpu", if_better="recall@5")
    row = latest(sample_engine)
    assert row.active
    assert row.metrics["recall@5"] > row.metrics["active"]["recall@5"]
    for parameters in (worse, good):  # the same again is no improvement
        train(sample_engine, parameters, device="cpu", if_better="ndcg@10")
        row = latest(sample_engine)
        assert not row.active
        assert row.metrics["active"]["model_id"] == better
    assert row.metrics["ndcg@10"] == row.metrics["active"]["ndcg@10"]


def test_newer_ratings_make_the_same_parameters_better(sample_engine: Engine) -> None:
    """The active model knows half of what is known now."""
    with sample_engine.begin() as connection:
        connection.exec_driver_sql(
            "create table public.later as select * from recsys.ratings where mod(movie_id, 2) = 0"
        )
        connection.exec_driver_sql("delete from recsys.ratings where mod(movie_id, 2) = 0")
        connection.exec_driver_sql("update recsys.ratings set rated_at = '2020-01-01'")
    parameters = Parameters(factors=8, alpha=0.3, regularization=0.03)
    train(sample_engine, parameters, device="cpu")
    with sample_engine.begin() as connection:
        connection.exec_driver_sql("update public.later set rated_at = '2021-01-01'")
        connection.exec_driver_sql("insert into recsys.ratings select * from public.later")
    train(sample_engine, parameters, device="cpu", if_better="ndcg@10")
    assert latest(sample_engine).active


def test_quality_as_of_all_that_is_known_is_the_quality() -> None:
    positives = tastes()
    validation, parameters = Validation(positives), replace(FEW, **WEIGHTS)
    trial = tuning.try_out(validation, parameters, "cpu")
    again = validation.quality_as_of(positives, parameters, "cpu")
    assert mean(again) == pytest.approx(trial.quality, rel=1e-3)


def test_a_first_model_is_better_than_none(engine: Engine, sample_engine: Engine) -> None:
    with sample_engine.begin() as connection:
        connection.exec_driver_sql("delete from recsys.models")
    train(sample_engine, replace(FEW, **WEIGHTS), device="cpu", if_better="ndcg@10")
    assert latest(sample_engine).active


@pytest.mark.parametrize("metric", ["ndcg", "ndcg@0", "nonsense@10", "ndcg@-1", ""])
def test_no_such_metric(sample_engine: Engine, metric: str) -> None:
    with pytest.raises(InvalidRequest, match=r"no metric .* name one of ndcg, recall"):
        train(sample_engine, FEW, if_better=metric)


def test_a_model_from_elsewhere_cannot_be_compared_with(sample_engine: Engine) -> None:
    with sample_engine.begin() as connection:
        connection.exec_driver_sql("update recsys.models set algorithm = 'import'")
    with pytest.raises(InvalidRequest, match="was not trained here"):
        train(sample_engine, FEW, if_better="ndcg@10")


def test_a_trial_keeps_all_parameters() -> None:
    trials: list[Trial] = []
    resolved(tastes(40, 20), FEW, on_trial=trials.append)
    assert set(trials[0].parameters) == set(asdict(Parameters()))


def test_examples() -> None:
    assert doctest.testmod(tuning).failed == 0


def test_a_search_takes_any_seed() -> None:
    assert search(tastes(40, 20), Parameters(seed=2**32), 0.02).seed == 2**32


def test_a_search_keeps_its_budget() -> None:
    started = time.monotonic()
    chosen = search(tastes(), Parameters(factors=16, epochs=16), 1e-9)
    assert chosen.regularization is not None
    assert time.monotonic() - started < 2


@pytest.mark.slow
def test_another_activation_meanwhile_stays(
    sample_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = Parameters(factors=2, epochs=1, alpha=0.3, regularization=1.0)
    train(sample_engine, bad, device="cpu")
    other = train(sample_engine, bad, device="cpu")
    with sample_engine.begin() as connection:
        activate_model(connection, other - 1)

    def and_activate(*arguments: Any) -> Any:
        with sample_engine.begin() as connection:
            activate_model(connection, other)
        return comparison.compare(*arguments)

    monkeypatch.setattr("recsys.training.choice.compare", and_activate)
    good = Parameters(factors=8, alpha=0.3, regularization=0.03)
    train(sample_engine, good, device="cpu", if_better="ndcg@10")
    row = latest(sample_engine)
    assert row.metrics["ndcg@10"] > row.metrics["active"]["ndcg@10"]
    assert not row.active
