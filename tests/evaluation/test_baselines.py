"""Which baselines there are, and what is chosen for them; without a database."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.evaluation import baselines
from recsys.evaluation.baselines import Baselines, ask_baselines
from recsys.evaluation.data import RatingData
from recsys.evaluation.outcomes import BASELINES
from recsys.evaluation.protocol import Division, Protocol
from recsys.learning.ratings import Films, Ratings

DAY = 86_400_000_000
USERS, MOVIES = 200, 40


def asked(times: np.ndarray, movies: np.ndarray, protocol: Protocol) -> Baselines:
    """Six likes of each user."""
    users = np.repeat(np.arange(USERS), 6)
    order = np.lexsort((movies, users))
    stars = np.full(len(users), 5.0)
    ratings = Ratings.of(users, movies[order], stars, times[order], (USERS, MOVIES))
    films = Films(np.full(MOVIES, np.nan), np.zeros((MOVIES, 0), dtype=bool), [])
    data = RatingData(ratings, films, np.ones(len(users), dtype=bool), {}, "")
    return ask_baselines([Division.of(data, protocol, 0)], [None], protocol)


@pytest.fixture
def fashions() -> tuple[np.ndarray, np.ndarray]:
    """Each day a user comes and likes six of the eight films of these forty days."""
    generator = np.random.default_rng(0)
    films = [generator.permutation(8)[:6] + user // 40 * 8 for user in range(USERS)]
    return np.repeat(np.arange(USERS) * DAY, 6), np.concatenate(films)


def test_where_fashions_change_decayed_follows_them(
    fashions: tuple[np.ndarray, np.ndarray],
) -> None:
    protocol = Protocol(split="time", share=0.15)
    found = asked(*fashions, protocol)
    assert tuple(found.lists[0]) == BASELINES
    for films in found.lists[0]["decayed"]:
        assert set(films[:8]) == set(range(32, 40))
    assert not set(found.lists[0]["popularity"][0, :8]) & set(range(32, 40))
    days = found.parameters["decayed_half_life_days"]
    assert 0 < days < 40
    assert any(f"{days:,.0f} days" in note or "hours" in note for note in found.notes)
    assert set(found.parameters) == {
        *("decayed_half_life_days", "user_knn_neighbours", "ease_lambda", "slim_ridge")
    }


def test_without_times_decayed_is_left_out(fashions: tuple[np.ndarray, np.ndarray]) -> None:
    found = asked(np.zeros(USERS * 6, dtype=np.int64), fashions[1], Protocol())
    assert "decayed" not in found.lists[0]
    assert any(note.startswith("decayed is left out") for note in found.notes)


def test_what_would_take_too_long_is_left_out(
    fashions: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baselines, "EASE_MOST_MOVIES", MOVIES - 1)
    monkeypatch.setattr(baselines, "SLIM_MOST_PRODUCTS", 1000)
    found = asked(*fashions, Protocol())
    assert not {"ease", "slim"} & set(found.lists[0])
    assert any("slim is left out" in note for note in found.notes)
    assert any("ease is left out: it inverts a matrix of 40" in note for note in found.notes)
