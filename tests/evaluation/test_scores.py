"""Figures of an evaluation against values made by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_squared_error

from recsys.evaluation.figures import Figure, Paired, Scores, verdict
from recsys.evaluation.outcomes import (
    BIASES,
    KNOWN_USERS,
    NEW_USERS,
    OURS,
    RETRIEVAL,
    Outcome,
    Predicted,
    Unseen,
    mean,
)
from recsys.evaluation.resampling import Resampling
from recsys.evaluation.scores import score, spread
from recsys.learning.metrics import NO_MOVIE, mean_stars
from recsys.learning.ratings import Films

GENRES = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [1, 1]], dtype=bool)
FILMS = Films(np.full(len(GENRES), np.nan), GENRES, ["Comedy", "Drama"])


def outcome(
    lists: dict[str, list[list[int]]],
    users: tuple[int, ...] = (0, 1, 2),
    predicted: Predicted | None = None,
    unseen: object = (),
) -> Outcome:
    rows, movies, stars = np.array(unseen, dtype=float).reshape(-1, 3).T
    return Outcome(
        users=np.array(users),
        lists={name: np.array(rows) for name, rows in lists.items()},
        truth_rows=np.array([0, 0, 1, 2]),
        truth_movies=np.array([0, 2, 3, 4]),
        known=np.array([0, 7, 120]),
        likes=np.array([4, 3, 2, 1, 0]),
        n_training_users=8,
        unseen=Unseen(rows.astype(int), movies.astype(int), stars),
        predicted=predicted,
    )


PERFECT = [[0, 2, 1], [3, 0, 1], [4, 0, 1]]
MIXED = [[1, 0, 3], [0, 1, NO_MOVIE], [4, 3, 2]]  # NDCG@2: hit at 2 of two, none, perfect


def find(scores: Scores, method: str, metric: str, k: int | None) -> Figure:
    return scores.by_method()[method][metric, k]


def test_figures_by_hand() -> None:
    scores = score([outcome({OURS: PERFECT, "other": MIXED})], FILMS, (2, 3))
    second = (1 / math.log2(3)) / (1 + 1 / math.log2(3))
    assert find(scores, OURS, "ndcg", 2).value == 1
    assert find(scores, "other", "ndcg", 2).value == pytest.approx((second + 0 + 1) / 3)
    assert find(scores, "other", "recall", 2).value == pytest.approx((1 / 2 + 0 + 1) / 3)
    pair = find(scores, OURS, "ndcg", 2).against["other"]
    assert pair.difference == pytest.approx(1 - (second + 1) / 3)
    assert pair.ratio == pytest.approx(3 / (second + 1))
    assert pair.ci_low <= pair.difference <= pair.ci_high
    assert find(scores, "other", "popularity", 2).value == pytest.approx((3.5 + 3.5 + 0.5) / 3)
    assert find(scores, "other", "novelty", 2).value == pytest.approx(1 - 7.5 / 3 / 8)
    assert find(scores, "other", "coverage", 2).value == 4 / 5
    assert scores.curves["ndcg"][OURS] == [1, 1, 1]
    assert scores.curves["recall"][OURS] == pytest.approx([(1 / 2 + 1 + 1) / 3, 1, 1])


def test_slices_by_hand() -> None:
    scores = score([outcome({OURS: PERFECT, "other": MIXED})], FILMS, (2,))
    found = {(one.method, one.metric, one.slice): one for one in scores.slices}
    assert found["other", "ndcg", "known 5-9"].value == 0
    assert found["other", "ndcg", "known 100+"].value == 1
    assert ("other", "ndcg", "known 1-2") not in found  # nobody is
    # Films 0 and 4 are comedies: the first user's stands at rank 2, the third's at 1.
    comedy = found["other", "ndcg", "genre Comedy"]
    assert comedy.users == 2
    assert comedy.value == pytest.approx((1 / math.log2(3) + 1) / 2)
    assert found["other", "recall", "genre Drama"].value == pytest.approx((0 + 0 + 1) / 3)


def test_known_and_new_users_by_hand() -> None:
    """Of user 0 no like is known; with all users known, there is nothing to tell apart."""
    both = outcome({OURS: PERFECT, "other": MIXED})
    scores = score([both], FILMS, (2, 3))
    second = (1 / math.log2(3)) / (1 + 1 / math.log2(3))
    new, known = (scores.by_method(group) for group in (NEW_USERS, KNOWN_USERS))
    assert new["other"]["ndcg", 2].value == pytest.approx(second)
    assert known["other"]["ndcg", 2].value == pytest.approx((0 + 1) / 2)
    assert (new["other"]["ndcg", 2].users, known["other"]["ndcg", 2].users) == (1, 2)
    assert known[OURS]["ndcg", 2].against["other"].difference == pytest.approx(1 / 2)
    assert known[OURS]["recall", 3].value == 1
    for known_likes in ([1, 7, 120], [0, 0, 0]):
        all_alike = replace(both, known=np.array(known_likes))
        assert not score([all_alike], FILMS, (2,)).by_method(KNOWN_USERS)
        assert not score([all_alike], FILMS, (2,)).by_method(NEW_USERS)


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (0.01, 0.03, "recommend is better than the best baseline, ease: the difference in NDCG@10"),
        (-0.03, -0.01, "recommend is worse than the best baseline, ease"),
        (
            -0.01,
            0.03,
            "recommend and the best baseline, ease, cannot be told apart by these 60 users",
        ),
        (0.0, 0.03, "cannot be told apart"),
    ],
)
def test_the_verdict(low: float, high: float, says: str) -> None:
    pairs = {
        name: Paired((low + high) / 2, low, high, 1, 1, 1)
        for name in (RETRIEVAL, "ease", "popularity", "model 3")
    }

    def ndcg(method: str, value: float, **more: Any) -> Figure:
        return Figure(method, "ndcg", 10, "", value, 0, 1, 60, 0, [value], **more)

    figures = [ndcg(OURS, 0.3, against=pairs), ndcg(RETRIEVAL, 0.4), ndcg("popularity", 0.1)]
    figures += [ndcg("ease", 0.2), ndcg("model 3", 0.5)]
    assert says in verdict(Scores(figures, [], {}), (5, 10))
    assert f"{low:+.4f} to {high:+.4f}" in verdict(Scores(figures, [], {}), (10,))
    alone = [ndcg(OURS, 0.3, against={"model 3": pairs["model 3"]}), figures[-1]]
    assert verdict(Scores(alone, [], {}), (10,)) == ""


def test_users_are_averaged_over_splits_first() -> None:
    first = outcome({OURS: PERFECT})
    second = outcome({OURS: MIXED}, users=(0, 1, 5))
    figure = find(score([first, second], FILMS, (2,)), OURS, "hit_rate", 2)
    # Users 0 and 1 stand in both: (1 + 1) / 2 and (1 + 0) / 2; 2 and 5 in one each.
    assert figure.value == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    assert figure.per_seed == pytest.approx([1, 2 / 3])
    assert figure.users == 4


def test_errors_of_stars_by_hand() -> None:
    users, films = np.array([0, 0, 2]), np.array([1, 2, 1])
    predicted, rated, biases = [3.5, 5.0, 4.0], [4.0, 4.0, 4.0], [3.0, 3.0, 4.5]
    stars = Predicted(
        users, films, np.array(rated), {OURS: np.array(predicted), BIASES: np.array(biases)}
    )
    scores = score([outcome({OURS: PERFECT}, predicted=stars)], FILMS, (2,))
    rmse, mae = find(scores, OURS, "rmse", None), find(scores, OURS, "mae", None)
    assert rmse.value == pytest.approx(math.sqrt((0.25 + 1 + 0) / 3))
    assert mae.value == pytest.approx((0.5 + 1) / 3)
    assert rmse.value == pytest.approx(mean_squared_error(rated, predicted) ** 0.5)
    assert mae.value == pytest.approx(mean_absolute_error(rated, predicted))
    assert rmse.users == 2
    assert rmse.ci_low <= rmse.value <= rmse.ci_high
    simple = find(scores, BIASES, "rmse", None)
    assert simple.value == pytest.approx(math.sqrt((1 + 1 + 0.25) / 3))
    assert find(scores, BIASES, "mae", None).value == pytest.approx(2.5 / 3)
    pair = rmse.against[BIASES]
    assert pair.difference == pytest.approx(rmse.value - simple.value)
    assert pair.ratio == pytest.approx(rmse.value / simple.value)
    # Of the users, only 0 and 2 have such ratings: a draw has one of them, or both.
    alone = 0 - 0.5, math.sqrt(1.25 / 2) - 1
    assert (pair.ci_low, pair.ci_high) == pytest.approx(alone)
    assert not [
        one
        for one in score([outcome({OURS: PERFECT})], FILMS, (2,)).figures
        if one.metric == "rmse"
    ]


def test_mean_stars_by_hand() -> None:
    """User 0 gave films 2, 0 and 3 stars 5, 4 and 1; user 1 gave film 0 two; user 2 film 1 three."""
    unseen = [(0, 2, 5.0), (0, 0, 4.0), (0, 3, 1.0), (1, 0, 2.0), (2, 1, 3.0)]
    lists = {OURS: PERFECT, "other": MIXED}
    scores = score([outcome(lists, unseen=unseen)], FILMS, (1, 2, 3))
    ours = {k: find(scores, OURS, "stars", k) for k in (1, 2, 3)}
    assert ours[1].value == 4  # that of user 0 alone
    assert (ours[1].users, ours[1].left_out) == (1, 2)
    assert ours[2].value == pytest.approx((4.5 + 2) / 2)
    assert ours[3].value == pytest.approx((4.5 + 2 + 3) / 3)
    others = {k: find(scores, "other", "stars", k) for k in (1, 2, 3)}
    assert others[1].value == 2  # that of user 1 alone, so that no user has both
    assert "other" not in ours[1].against
    assert others[3].value == pytest.approx(((4 + 1) / 2 + 2) / 2)
    pair = ours[3].against["other"]  # of users 0 and 1, not the difference of the means
    assert pair.difference == pytest.approx((4.5 - 2.5 + 0) / 2)
    assert pair.ratio == pytest.approx((4.5 + 2) / (2.5 + 2))
    assert pair.ci_low == 0
    assert pair.ci_high == pytest.approx(2)


def test_mean_stars_by_brute_force() -> None:
    generator = np.random.default_rng(0)
    lists = np.array([generator.permutation(30)[:8] for _ in range(12)])
    lists[generator.random(lists.shape) < 0.2] = NO_MOVIE
    pairs = generator.permutation(12 * 40)[:150]  # films that stand in no list, too
    users, movies = pairs // 40, pairs % 40
    stars = generator.integers(1, 11, size=150) / 2
    given = dict(zip(zip(users, movies, strict=True), stars, strict=True))
    expected = []
    for user, films in enumerate(lists):
        found = [given[user, film] for film in films if (user, film) in given]
        expected.append(np.mean(found) if found else np.nan)
    assert np.isfinite(expected).any()
    assert mean_stars(lists, users, movies, stars) == pytest.approx(expected, nan_ok=True)


def test_the_interval_of_coverage_holds_the_value() -> None:
    lists = np.random.default_rng(0).integers(0, 2000, size=(300, 10))
    covered, uneven = spread(OURS, [lists], [np.arange(300)], 2000, Resampling(300))
    assert covered.value == pytest.approx(len(np.unique(lists)) / 2000)
    for figure in (covered, uneven):
        # Without the shift, resampled coverage lies wholly below the value.
        assert figure.ci_low < figure.value < figure.ci_high


def test_resampling_gives_the_intervals_of_a_plain_bootstrap() -> None:
    generator = np.random.default_rng(0)
    values = generator.exponential(size=200)
    values[:20] = np.nan
    there = values[20:]
    drawn = [there[generator.integers(180, size=180)].mean() for _ in range(2000)]
    expected = np.percentile(drawn, [2.5, 97.5])
    width = expected[1] - expected[0]
    assert Resampling(200).interval(values) == pytest.approx(tuple(expected), abs=0.1 * width)
    nothing = Resampling(3).interval(np.full(3, np.nan))
    assert all(math.isnan(end) for end in nothing)


def test_an_interval_holds_the_mean_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    inside = 0
    for seed in range(300):
        low, high = Resampling(80, draws=300, seed=seed).interval(generator.exponential(size=80))
        inside += low <= 1 <= high
    assert 0.88 <= inside / 300 <= 0.98


def test_the_ratio_of_two_means() -> None:
    below = np.random.default_rng(0).exponential(size=100)
    assert Resampling(100).ratio(2 * below, below) == pytest.approx((2, 2, 2), rel=1e-5)
    assert math.isnan(Resampling(2).ratio(np.ones(2), np.zeros(2))[0])
    assert math.isnan(mean(np.array([np.nan])))
