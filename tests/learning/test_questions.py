"""Questions asked of the past: nothing of what is held out is in them; data with a known order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from recsys.learning import order, questions
from recsys.learning.order import INPUTS
from recsys.learning.questions import _later, _Learner, _missing, learn_order
from recsys.learning.ratings import Ratings
from recsys.learning.standing import CANDIDATES, POPULAR, FilmFacts
from recsys.parameters import Parameters

PARAMETERS = Parameters(4, epochs=4, alpha=0.3, regularization=0.01)
DAY = 86_400
LEARNER = _Learner(PARAMETERS, 4.0, 100.0 * DAY, "cpu")


def ratings_of(users: Any, movies: Any, stars: Any, days: Any, shape: tuple[int, int]) -> Ratings:
    """Ratings at days since 2000; of a pair that is given twice, the first."""
    pairs, first = np.unique(np.asarray(users) * shape[1] + movies, return_index=True)
    rated_at = np.asarray(days, dtype=np.float64)[first] * DAY * 1e6
    return Ratings.of(
        pairs // shape[1],
        pairs % shape[1],
        np.asarray(stars, dtype=np.float64)[first],
        rated_at.astype(np.int64),
        shape,
    )


def by_chance(n: int = 2000, shape: tuple[int, int] = (60, 250)) -> Ratings:
    generator = np.random.default_rng(0)
    return ratings_of(
        generator.integers(0, shape[0], n),
        generator.integers(0, shape[1], n) ** 2 // shape[1],  # some more often than others
        generator.integers(2, 6, n),
        generator.integers(0, 1000, n),
        shape,
    )


def masks_of(ratings: Ratings, way: str) -> tuple[Any, Any]:
    ways = {"later": _later(ratings, 4.0), "missing": _missing(ratings, 0)}
    return list(ways[way])[1]


@pytest.mark.parametrize("way", ["later", "missing"])
def test_questions_by_brute_force(way: str) -> None:
    """Candidates are the best of retrieval and the popular; liked are those of the held-out part
    among them, and none that is known."""
    ratings = by_chance()
    known, held_out = masks_of(ratings, way)
    assert not (known & held_out).any()
    if way == "later":
        assert ratings.rated_at[known].max() < ratings.rated_at[held_out].min()
    asked = LEARNER.ask(ratings, known, held_out)
    assert asked is not None
    found = asked.questions(100.0)
    stars, pairs = ratings.stars, list(zip(ratings.user_index, ratings.movie_index, strict=True))
    truth = {p for p, s, held in zip(pairs, stars, held_out, strict=True) if held and s >= 4}
    seen = {p for p, is_known in zip(pairs, known, strict=True) if is_known}
    likers = {u for (u, _), s, is_known in zip(pairs, stars, known, strict=True)
              if is_known and s >= 4}  # fmt: skip
    assert asked.users.tolist() == sorted({u for u, _ in truth} & likers)
    facts = FilmFacts.of(ratings.part(known), 100.0 * DAY)
    by_popularity = sorted(range(250), key=lambda m: (-facts.decayed[m], -facts.likes[m], m))
    for row, user in enumerate(asked.users.tolist()):
        there = found.there[row].numpy()
        films = asked.candidates[asked.films[row]][there].tolist()
        assert len(set(films)) == len(films)
        assert not {(user, film) for film in films} & seen
        popular = [m for m in by_popularity if (user, m) not in seen][:POPULAR]
        assert set(popular) <= set(films)
        best = [m for m in films[:CANDIDATES] if m not in popular] + popular
        assert set(films) <= set(best) | set(films[:CANDIDATES])
        assert CANDIDATES <= len(films) <= CANDIDATES + POPULAR
        liked = asked.candidates[asked.films[row]][found.liked[row] > 0]
        assert sorted(liked.tolist()) == sorted(m for m in films if (user, m) in truth)
        assert found.relevant[row] == sum(u == user for u, _ in truth)
        # The inputs that are the films' own.
        inputs = found.inputs[row][found.there[row]].numpy()
        assert inputs[:, INPUTS.index("popular")] == pytest.approx(facts.popular[films], abs=1e-4)
        assert inputs[:, INPUTS.index("age")] == pytest.approx(facts.age[films], abs=1e-4)


@pytest.mark.parametrize("way", ["later", "missing"])
def test_what_is_held_out_leaves_no_trace(way: str) -> None:
    """Other films, stars and times of what is not known change no candidate and no input."""
    ratings = by_chance()
    known, held_out = masks_of(ratings, way)
    generator = np.random.default_rng(1)
    other = generator.integers(0, 250, len(known))
    changed = replace(
        ratings,
        movie_index=np.where(known, ratings.movie_index, other),
        stars=np.where(known | (ratings.stars < 4), ratings.stars, np.float32(4.5)),
        rated_at=np.where(known, ratings.rated_at, 10**17),
    )
    one, two = (LEARNER.ask(rows, known, held_out) for rows in (ratings, changed))
    assert one is not None
    assert two is not None
    assert np.array_equal(one.users, two.users)
    mine, theirs = one.questions(100.0), two.questions(100.0)
    assert np.array_equal(one.candidates[one.films], two.candidates[two.films])
    for name in ("facts", "inputs", "there"):
        assert torch.equal(getattr(mine, name), getattr(theirs, name))
    assert not torch.equal(mine.liked, theirs.liked)


def test_few_films_are_all_candidates() -> None:
    ratings = by_chance(600, (60, 30))
    asked = LEARNER.ask(ratings, *masks_of(ratings, "missing"))
    assert asked is not None
    known = masks_of(ratings, "missing")[0]
    for row, user in enumerate(asked.users.tolist()):
        mine = ratings.movie_index[known & (ratings.user_index == user)]
        films = asked.candidates[asked.films[row]][asked.there[row]].tolist()
        assert sorted(films) == sorted(set(range(30)) - set(mine.tolist()))


def taste(n: int = 8000) -> Ratings:
    """A checkerboard: even users like even films, at all times."""
    generator = np.random.default_rng(0)
    users, movies = generator.integers(0, 150, n), generator.integers(0, 120, n)
    stars = np.where((users + movies) % 2 == 0, 5, 2)
    return ratings_of(users, movies, stars, generator.integers(0, 1000, n), (150, 120))


def fashion() -> Ratings:
    """First the checkerboard; then newcomers like other films, which all users like in the end.

    So those who learn from the time before learn that what is popular tells nothing.
    """
    generator = np.random.default_rng(0)
    users, movies = generator.integers(0, 150, 9000), generator.integers(30, 150, 9000)
    new = np.repeat(np.arange(150, 230), 3)
    late = np.repeat(np.arange(150), 6)
    return ratings_of(
        np.concatenate([users, new, late]),
        np.concatenate([movies, generator.integers(0, 30, len(new) + len(late))]),
        np.concatenate(
            [np.where((users + movies) % 2 == 0, 5, 2), np.full(len(new) + len(late), 5)]
        ),
        np.concatenate(
            [
                generator.integers(0, 750, 9000),
                generator.integers(750, 790, len(new)),
                generator.integers(790, 1000, len(late)),
            ]
        ),
        (230, 150),
    )


def test_popularity_wins_where_fashion_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "STEPS", 100)
    learned = learn_order(fashion(), PARAMETERS, 4.0, 10.0 * DAY)
    assert (learned.name, learned.taught_by) == ("popular", "later")
    reached = learned.metrics["ndcg@10"]
    assert reached["popular"] == max(reached.values())


def test_popularity_does_not_win_where_tastes_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "STEPS", 100)
    learned = learn_order(taste(), PARAMETERS, 4.0, None)
    assert learned.name != "popular"
    reached = learned.metrics["ndcg@10"]
    assert reached[learned.name] > reached["popular"]


def test_without_times_what_is_missing_teaches() -> None:
    ratings = taste(3000)
    same = replace(ratings, rated_at=np.zeros_like(ratings.rated_at))
    assert learn_order(same, PARAMETERS, 4.0, None).taught_by == "missing"
    assert learn_order(ratings, PARAMETERS, 4.0, None).taught_by == "later"
    assert learn_order(ratings, PARAMETERS, 4.0, None, "missing").taught_by == "missing"


def test_few_ratings_teach_nothing() -> None:
    ratings = ratings_of([0, 0, 1], [0, 1, 1], [5, 3, 4], [0, 1, 2], (2, 2))
    learned = learn_order(ratings, PARAMETERS, 4.0, None)
    assert (learned.name, learned.metrics) == ("plain", {"ridge": questions.RIDGE})
    assert np.isfinite(learned.vectors.outward).all()


def test_likes_that_no_candidate_could_be_teach_nothing() -> None:
    """All films are new when they are liked: there is nothing that could be put on top."""
    generator = np.random.default_rng(0)
    n = 6000
    days = np.sort(generator.integers(0, 1000, n))
    users, movies = generator.integers(0, 100, n), days // 2
    ratings = ratings_of(users, movies, np.full(n, 5), days, (100, 500))
    learned = learn_order(ratings, PARAMETERS, 4.0, None, "later")
    assert all(torch.isfinite(column).all() for column in learned.order.units()[:-1])


def test_a_part_of_the_users_serves_where_there_are_too_many() -> None:
    ratings = by_chance()
    some = ratings.some_users(500, 0)
    assert 400 < len(some.stars) <= 500
    counts, whole = (np.bincount(r.user_index) for r in (some, ratings))
    assert (counts == whole[some.user_ids]).all()
    assert some.shape == (len(counts), ratings.shape[1])
    first = some.movie_index[some.user_index == 0]
    assert np.array_equal(first, ratings.movie_index[ratings.user_index == some.user_ids[0]])
