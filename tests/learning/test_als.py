"""The learner against hand values, exact solves and the checkerboard."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pytest
import torch

from recsys.learning import als, blocks
from recsys.learning.als import Factorization, fit, principal_axes
from recsys.learning.blocks import Side, solve
from recsys.parameters import Parameters

WEIGHTS: dict[str, Any] = {"alpha": 0.3, "regularization": 0.01}


def checkerboard(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Even users like even items, odd users odd items, save each user's own item."""
    pairs = [(u, i) for u in range(n) for i in range(n) if (u + i) % 2 == 0 and u != i]
    users, items = zip(*pairs, strict=True)
    return torch.tensor(users), torch.tensor(items)


def random_pairs(
    seed: int = 0, shape: tuple[int, int] = (30, 20)
) -> tuple[torch.Tensor, torch.Tensor]:
    rows, columns = np.nonzero(np.random.default_rng(seed).random(shape) < 0.3)
    return torch.from_numpy(rows), torch.from_numpy(columns)


def side_of(rows: torch.Tensor, columns: torch.Tensor, shape: tuple[int, int]) -> Side:
    return Side(torch.bincount(rows, minlength=shape[0]), columns, shape[1])


def random_vectors(n: int, factors: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(n, factors, generator=torch.Generator().manual_seed(seed))


def exact_loss(
    users: torch.Tensor,
    items: torch.Tensor,
    pairs: tuple[torch.Tensor, torch.Tensor],
    alpha: float,
    regularization: float,
) -> float:
    """L(W, H) of the module's equation, term by term over the full matrix."""
    scores = users.double() @ items.double().T
    liked = torch.zeros_like(scores)
    liked[pairs] = 1
    loss = (liked * (scores - 1).square()).sum() + alpha * scores.square().sum()
    for vectors, counts, others in (
        (users, liked.sum(1), len(items)),
        (items, liked.sum(0), len(users)),
    ):
        weights = regularization * (counts + alpha * others)
        loss += (weights * vectors.double().square().sum(1)).sum()
    return float(loss)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 7)
    monkeypatch.setattr(blocks, "BLOCK_POSITIVES", 20)


def test_checkerboard_recommends_the_held_out_item_of_the_own_colour() -> None:
    n = 40
    users, items = checkerboard(n)
    learned = fit(users, items, (n, n), Parameters(4, **WEIGHTS))
    scores = learned.users @ learned.items.T
    same_colour = (torch.arange(n)[:, None] + torch.arange(n)) % 2 == 0
    assert scores[same_colour].min() > scores[~same_colour].max() + 0.5


@pytest.mark.usefixtures("small_blocks")
def test_solve_reaches_the_exact_solution_of_every_row() -> None:
    rows, columns = random_pairs()
    items, found = random_vectors(20, 8), torch.zeros(30, 8)
    side = side_of(rows, columns, (30, 20))
    assert len(side.blocks) > 5
    solve(found, items, side, alpha=0.3, regularization=0.05, steps=50, tolerance=1e-7)
    for user in range(30):
        liked = items[columns[rows == user]].double()
        weight = 0.05 * (len(liked) + 0.3 * 20)
        matrix = 0.3 * items.double().T @ items.double() + liked.T @ liked
        exact = torch.linalg.solve(matrix + weight * torch.eye(8), liked.sum(0))
        torch.testing.assert_close(found[user].double(), exact, rtol=1e-4, atol=1e-5)


def test_blocks_cover_every_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 3)
    monkeypatch.setattr(blocks, "BLOCK_POSITIVES", 4)
    rows = torch.tensor([0, 0, 2, 2, 2, 2, 2, 2, 8])  # a row with more than a block may hold
    side = side_of(rows, torch.tensor([0, 1, 0, 1, 2, 3, 4, 5, 2]), (12, 6))
    assert [block.start for block in side.blocks] == [0, *[b.stop for b in side.blocks[:-1]]]
    assert side.blocks[-1].stop == 12
    ones = torch.ones(6, 1)
    sums = torch.zeros(12, 1)
    for block in side.blocks:
        own = sums[block.start : block.stop]
        block.weigh(1.0, 0.0, own, ones)
        block.add_up(ones, own)
    assert sums[:, 0].tolist() == torch.bincount(rows, minlength=12).tolist()


@pytest.mark.usefixtures("small_blocks")
def test_every_epoch_lowers_the_loss_and_says_by_how_much() -> None:
    pairs = random_pairs(2, (60, 40))
    learner = Factorization(*pairs, (60, 40), Parameters(8, **WEIGHTS))
    losses = [learner.loss / learner.n] + [learner.epoch() for _ in range(5)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.9 * losses[0]
    expected = exact_loss(learner.users[learner.row], learner.items, pairs, **WEIGHTS)
    assert learner.loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.usefixtures("small_blocks")
def test_the_portable_path_equals_the_sparse_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs, items = random_pairs(), random_vectors(20, 5)
    solved = []
    for mkl in (True, False):
        if mkl and not torch.backends.mkl.is_available():
            pytest.skip("this build of torch has no sampled product on the CPU")
        if not mkl:
            monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
        users = torch.zeros(30, 5)
        side = side_of(*pairs, (30, 20))
        assert side.blocks[0].sparse is mkl
        gain = solve(users, items, side, **WEIGHTS, steps=4)
        solved.append((users, torch.tensor(gain)))
    torch.testing.assert_close(*solved)


def test_the_axes_leave_dot_products_and_make_the_gram_matrix_diagonal() -> None:
    vectors = random_vectors(30, 6)
    turned = vectors @ principal_axes(vectors)
    gram = turned.T @ turned
    torch.testing.assert_close(gram, gram.diagonal().diag(), atol=1e-4, rtol=0)
    torch.testing.assert_close(turned @ turned.T, vectors @ vectors.T, atol=1e-4, rtol=1e-4)


def test_same_seed_same_vectors() -> None:
    users, items = checkerboard(30)
    first, again, other = (
        fit(users, items, (30, 30), Parameters(8, seed=seed, **WEIGHTS)) for seed in (1, 1, 2)
    )
    assert torch.equal(first.users, again.users)
    assert torch.equal(first.items, again.items)
    assert not torch.equal(first.items, other.items)


def test_finished_users_solve_the_equation_of_the_finished_items() -> None:
    pairs = random_pairs(3)
    learner = Factorization(*pairs, (30, 20), Parameters(8, **WEIGHTS))
    for _ in range(5):
        learner.epoch()
    going_on = learner.items.clone()
    learned = learner.finished()
    assert torch.equal(learner.items, going_on)
    gram = learned.items.T @ learned.items
    torch.testing.assert_close(gram, gram.diagonal().diag(), atol=1e-5, rtol=0)
    again = learned.users.clone()
    side = side_of(*pairs, (30, 20))
    solve(again, learned.items, side, **WEIGHTS, steps=50, tolerance=1e-7)
    torch.testing.assert_close(learned.users, again, rtol=1e-4, atol=1e-5)


def test_examples() -> None:
    assert doctest.testmod(als).failed == 0


@pytest.mark.usefixtures("small_blocks")
def test_an_error_in_a_block_stops_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs, done = random_pairs(1, (400, 20)), []

    def fail(block: blocks.Block, *rest: object) -> torch.Tensor:
        done.append(block.start)
        raise KeyboardInterrupt if len(done) == 1 else RuntimeError

    monkeypatch.setattr(blocks, "_solve_block", fail)
    side = side_of(*pairs, (400, 20))
    with pytest.raises((KeyboardInterrupt, RuntimeError)):
        solve(torch.zeros(400, 4), random_vectors(20, 4), side, **WEIGHTS, steps=2)
    assert len(done) <= torch.get_num_threads() < len(side.blocks)
