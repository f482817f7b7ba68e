"""The learner against hand values, exact solves and the checkerboard."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
import torch
from recsys import factorization
from recsys.factorization import Positives, fit, loss_of, solve
from recsys.parameters import Parameters


def checkerboard(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Even users like even items, odd users odd items, save each user's own item."""
    pairs = [(u, i) for u in range(n) for i in range(n) if (u + i) % 2 == 0 and u != i]
    users, items = zip(*pairs, strict=True)
    return torch.tensor(users), torch.tensor(items)


def random_positives(seed: int = 0, shape: tuple[int, int] = (30, 20)) -> Positives:
    generator = np.random.default_rng(seed)
    rows, columns = np.nonzero(generator.random(shape) < 0.3)
    return Positives(torch.from_numpy(rows), torch.from_numpy(columns), shape)


def test_checkerboard_recommends_the_held_out_item_of_the_own_colour() -> None:
    n = 40
    users, items = checkerboard(n)
    learned = fit(users, items, (n, n), Parameters(factors=4))
    scores = learned.users @ learned.items.T
    same_colour = (torch.arange(n)[:, None] + torch.arange(n)) % 2 == 0
    assert scores[same_colour].min() > scores[~same_colour].max() + 0.5


def test_solve_reaches_the_exact_solution_of_every_row() -> None:
    positives = random_positives()
    parameters = Parameters(factors=8, alpha=0.3, regularization=0.05)
    items = torch.randn(20, 8, generator=torch.Generator().manual_seed(1))
    found = solve(torch.zeros(30, 8), items, positives, parameters, steps=50, tolerance=1e-7)
    for user in range(30):
        liked = items[positives.columns[positives.rows == user]].double()
        weight = parameters.regularization * (len(liked) + parameters.alpha * 20)
        matrix = parameters.alpha * items.double().T @ items.double() + liked.T @ liked
        exact = torch.linalg.solve(matrix + weight * torch.eye(8), liked.sum(0))
        torch.testing.assert_close(found[user].double(), exact, rtol=1e-4, atol=1e-5)


def test_loss_by_hand() -> None:
    # One user, two items, the first one liked: w = 2, h = (0.25, 0.5).
    positives = Positives(torch.tensor([0]), torch.tensor([0]), (1, 2))
    transposed = Positives(torch.tensor([0]), torch.tensor([0]), (2, 1))
    users, items = torch.tensor([[2.0]]), torch.tensor([[0.25], [0.5]])
    parameters = Parameters(factors=1, alpha=0.1, regularization=0.01)
    # (0.5 - 1)^2 + 0.1 (0.5^2 + 1^2) + 0.01 (1.2 * 4 + 1.1 * 0.0625 + 0.1 * 0.25)
    expected = 0.25 + 0.125 + 0.01 * (4.8 + 0.06875 + 0.025)
    assert loss_of(users, items, positives, transposed, parameters) == pytest.approx(expected)


def test_the_portable_path_equals_the_sparse_one(monkeypatch: pytest.MonkeyPatch) -> None:
    sparse = random_positives()
    if not sparse.sparse:
        pytest.skip("this build of torch has no sampled product on the CPU")
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    monkeypatch.setattr(factorization, "BLOCK", 7)
    portable = random_positives()
    assert not portable.sparse
    users, items = torch.randn(30, 5), torch.randn(20, 5)
    torch.testing.assert_close(portable.sums(items), sparse.sums(items))
    torch.testing.assert_close(portable.products(users, items), sparse.products(users, items))
    torch.testing.assert_close(portable.scores(users, items), sparse.scores(users, items))


def test_every_epoch_lowers_the_loss() -> None:
    losses: list[float] = []
    positives = random_positives(2, (60, 40))
    fit(
        positives.rows,
        positives.columns,
        positives.shape,
        Parameters(factors=8),
        on_epoch=lambda _, loss: losses.append(loss),
    )
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.9 * losses[0]


def test_same_seed_same_vectors() -> None:
    users, items = checkerboard(30)
    first, again, other = (
        fit(users, items, (30, 30), Parameters(factors=8, seed=seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first.users, again.users)
    assert torch.equal(first.items, again.items)
    assert not torch.equal(first.items, other.items)


def test_stored_users_solve_the_equation_of_the_final_items() -> None:
    positives = random_positives(3)
    parameters = Parameters(factors=8)
    learned = fit(positives.rows, positives.columns, positives.shape, parameters)
    again = solve(learned.users, learned.items, positives, parameters, steps=50, tolerance=1e-7)
    torch.testing.assert_close(learned.users, again, rtol=1e-4, atol=1e-5)


def test_examples() -> None:
    assert doctest.testmod(factorization).failed == 0
