"""Simulated ratings: exact numbers, order, power laws, and tastes that a model finds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import SourceError
from recsys.learning.als import fit
from recsys.learning.metrics import judge, ndcg
from recsys.parameters import Parameters
from recsys.sources.batches import COLUMNS, Source
from recsys.sources.simulated import synthetic
from recsys.sources.simulated.synthetic import GENRES, SyntheticSource


def ratings_of(source: Source) -> pd.DataFrame:
    parts = [batch.rows for batch in source.batches() if batch.kind == "ratings"]
    return pd.concat(parts, ignore_index=True)


@st.composite
def sizes(draw: st.DrawFn) -> tuple[int, int, int]:
    users, movies = draw(st.integers(1, 60)), draw(st.integers(1, 80))
    return users, movies, draw(st.integers(users, users * movies))


def check(rows: pd.DataFrame, users: int, movies: int, ratings: int) -> None:
    assert tuple(rows.columns) == COLUMNS["ratings"]
    types = ["int64", "int64", "int64", "float32", "float64"]
    assert [str(kind) for kind in rows.dtypes] == types
    assert rows["line"].tolist() == list(range(1, ratings + 1))
    assert rows["user_id"].nunique() == users
    assert rows["user_id"].between(1, users).all()
    assert rows["movie_id"].between(1, movies).all()
    key = rows["user_id"].to_numpy() * (movies + 1) + rows["movie_id"].to_numpy()
    assert (np.diff(key) > 0).all()  # in order, no pair twice
    assert set(rows["rating"]) <= set(np.arange(1, 11) / 2)
    assert rows["rated_at"].between(1_451_606_400, 1_704_067_200).all()


@given(sizes(), st.integers(0, 1_000_000))
@settings(max_examples=60, deadline=None)
def test_exact_numbers_in_order_and_repeatable(size: tuple[int, int, int], seed: int) -> None:
    rows = ratings_of(SyntheticSource(*size, seed=seed))
    check(rows, *size)
    pd.testing.assert_frame_equal(rows, ratings_of(SyntheticSource(*size, seed=seed)))


@pytest.mark.parametrize(
    "size",
    [(100, 50, 4_000), (100, 50, 5_000), (1, 3_000, 2_999), (3_000, 1, 3_000), (5_000, 30, 9_000)],
)
def test_dense_and_narrow_sizes(size: tuple[int, int, int]) -> None:
    check(ratings_of(SyntheticSource(*size)), *size)


def test_films_and_genres_come_first() -> None:
    source = SyntheticSource(20, 300, 500)
    batches = list(source.batches())
    assert [batch.kind for batch in batches] == ["movies", "movie_genres", "ratings"]
    films, genres, _ = (batch.rows for batch in batches)
    assert films["movie_id"].tolist() == films["line"].tolist() == list(range(1, 301))
    assert films["title"][16] == "Synthetic film 17"
    assert films["year"].between(1929, 2015).all()
    assert tuple(genres.columns) == COLUMNS["movie_genres"]
    assert set(genres["genre"]) == set(GENRES)
    assert not genres.duplicated().any()
    assert set(genres.groupby("line").size()) == {1, 2, 3}
    assert genres["line"].nunique() == 300
    assert sum(batch.size for batch in batches) == source.size == 800
    assert "simulated" in source.notice


def test_the_rows_do_not_depend_on_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "BLOCK", 700)
    source = SyntheticSource(300, 200, 9_000)
    whole = ratings_of(source)
    monkeypatch.setattr(synthetic, "ROWS_A_BATCH", 1_000)
    batches = [batch for batch in source.batches() if batch.kind == "ratings"]
    assert len(batches) > 5
    assert all(1_000 <= len(batch.rows) < 2_000 for batch in batches[:-1])
    parts = pd.concat([batch.rows for batch in batches], ignore_index=True)
    pd.testing.assert_frame_equal(parts, whole)
    check(whole, 300, 200, 9_000)


def test_another_seed_gives_other_ratings() -> None:
    one, other = (ratings_of(SyntheticSource(50, 100, 1_000, seed=seed)) for seed in (0, 1))
    assert not one["movie_id"].equals(other["movie_id"])


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return ratings_of(SyntheticSource(3_000, 2_000, 200_000))


@pytest.mark.parametrize(
    ("column", "number", "top", "share"),
    [("movie_id", 2_000, 20, 0.15), ("user_id", 3_000, 30, 0.08)],
)
def test_power_laws(rows: pd.DataFrame, column: str, number: int, top: int, share: float) -> None:
    counts = np.sort(np.bincount(rows[column], minlength=number + 1)[1:])[::-1]
    assert counts[:top].sum() / counts.sum() > share  # the first in 100
    assert np.median(counts) < 0.7 * counts.mean()
    # Frequency falls with rank as a straight line on log-log axes.
    rank = np.arange(top // 2, number // 2)
    slope, _ = np.polyfit(np.log(rank), np.log(counts[rank]), 1)
    assert -1.6 < slope < -0.5
    assert np.corrcoef(np.log(rank), np.log(counts[rank]))[0, 1] < -0.95


def test_nearly_every_film_is_rated_and_stars_look_like_stars(rows: pd.DataFrame) -> None:
    assert rows["movie_id"].nunique() > 0.99 * 2_000
    assert 3 < rows["rating"].mean() < 4
    assert rows["rating"].value_counts(normalize=True).max() < 0.3
    assert rows["rating"].nunique() == 10
    span = rows.groupby("user_id")["rated_at"].agg(lambda times: times.max() - times.min())
    assert span.max() <= 3 * 365 * 86_400
    assert 7 < span.median() / 86_400 < 365


def test_tastes_are_found_by_a_factorization(rows: pd.DataFrame) -> None:
    shape = (3_000, 2_000)
    liked = rows[rows["rating"] >= 4]
    held_out = np.random.default_rng(0).random(len(liked)) < 0.2
    pairs = liked[["user_id", "movie_id"]].to_numpy() - 1
    train = torch.from_numpy(pairs[~held_out])
    learned = fit(
        train[:, 0],
        train[:, 1],
        shape,
        Parameters(factors=16, epochs=5, alpha=0.3, regularization=0.01),
    )
    seen = torch.zeros(shape, dtype=torch.bool)
    seen[train[:, 0], train[:, 1]] = True
    popularity = torch.bincount(train[:, 1], minlength=shape[1]).float().expand(shape)

    def quality(scores: torch.Tensor) -> float:
        best = scores.masked_fill(seen, -torch.inf).topk(10).indices
        return float(np.nanmean(ndcg(*judge(best.numpy(), *pairs[held_out].T), 10)))

    assert quality(learned.users @ learned.items.T) > 1.4 * quality(popularity)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((10, 10, 101), "10 users cannot give 101 ratings to 10 movies.*100 at most"),
        ((10, 10, 9), "9 ratings do not suffice for 10 users"),
        ((0, 10, 10), "must be 1 or more"),
        ((10, -1, 10), "must be 1 or more"),
        ((10, 10, 0), "must be 1 or more"),
        ((10, 10, 20, -1), "the seed must be 0 or more"),
    ],
)
def test_impossible_numbers(size: tuple[int, ...], message: str) -> None:
    with pytest.raises(SourceError, match=message) as error:
        SyntheticSource(*size)
    assert "\n" not in str(error.value)


def test_sizes_beyond_memory_are_refused() -> None:
    with pytest.raises(SourceError, match="the most that are simulated"):
        SyntheticSource(10, 10**15, 100)
