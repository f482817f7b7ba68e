"""The order's network: it finds what was planted, and gives way where it is worse than a rule."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from recsys.learning import order as module
from recsys.learning.metrics import judge, ndcg
from recsys.learning.order import (
    FACTS,
    INPUTS,
    SIMPLE,
    Order,
    Questions,
    choose_order,
    fit_order,
    quality,
)

Rule = Callable[[Tensor, Tensor], Tensor]  # facts and inputs to what a user likes, (n, c)


@pytest.fixture(autouse=True)
def learn_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEPS", 150)


def asked(rule: Rule, seed: int = 0, n: int = 300, c: int = 30) -> Questions:
    """Users who like the five candidates that are best by a rule."""
    generator = torch.Generator().manual_seed(seed)
    facts = torch.randn(n, len(FACTS), generator=generator)
    # Of very unlike spreads, and far from zero.
    scales = torch.tensor([0.1, 0.5, 0.2, 2.0, 1.0, 3.0])
    inputs = torch.randn(n, c, len(INPUTS), generator=generator) * scales + 2 * scales
    there = torch.rand(n, c, generator=generator) < 0.9
    values = rule(facts, (inputs - 2 * scales) / scales).masked_fill(~there, -torch.inf)
    liked = torch.zeros(n, c).scatter_(1, values.topk(5).indices, 1)
    return Questions(facts, inputs, there, liked, torch.full((n,), 5))


def by_input(name: str, sign: float = 1) -> Rule:
    return lambda facts, inputs: sign * inputs[:, :, INPUTS.index(name)]


def by_habit(facts: Tensor, inputs: Tensor) -> Tensor:
    """Users with a low second fact follow what is popular, the others their taste."""
    follows = torch.sigmoid(-4 * facts[:, 1:2])
    return follows * inputs[:, :, 3] + (1 - follows) * inputs[:, :, 1]


@pytest.mark.parametrize(
    "rule", [by_input("additive"), by_input("age", -1), by_input("likes", -1), by_habit]
)
def test_a_planted_rule_is_found(rule: Rule) -> None:
    order, others = fit_order(asked(rule), 0), asked(rule, 1)
    learned = quality(order, others).mean()
    simple = max(quality(Order(weights), others).mean() for weights in SIMPLE.values())
    assert learned > 0.9
    assert learned > min(simple + 0.1, 0.95)


def test_a_seed_means_the_same_order() -> None:
    questions = asked(by_habit)
    first, again = (fit_order(questions, 0).units() for _ in range(2))
    assert all(map(torch.equal, first, again))


def test_units_weigh_as_the_network_does() -> None:
    """With facts beyond those that were seen, too."""
    order, others = fit_order(asked(by_habit), 0), asked(by_habit, 1)
    facts = others.facts * 5
    weights = order.units().weights(facts)
    assert (weights[:, :4] >= 0).all()
    found = (others.inputs @ weights[:, :, None])[:, :, 0]
    with torch.no_grad():
        wanted = order(facts, others.inputs)
    assert found.numpy() == pytest.approx(wanted.numpy(), rel=1e-3, abs=1e-3)


def test_what_never_varied_says_nothing_later() -> None:
    """Its weight would be beyond measure otherwise."""
    questions = asked(by_input("additive"))
    questions.inputs[:, :, 3] = -6.2146
    questions.facts[:, 2] = 0.3
    units = fit_order(questions, 0).units()
    others = asked(by_input("additive"), 1)
    assert not units.outputs[:, 3].any()
    assert not units.by_fact[:, 2].any()
    found = (others.inputs @ units.weights(others.facts)[:, :, None])[:, :, 0]
    assert torch.isfinite(found).all()


def test_quality_is_the_ndcg_of_the_lists() -> None:
    questions = asked(by_habit, n=40)
    questions.relevant[::2] = 12  # some of them no candidates
    order = Order({"popular": 1.0})
    scores = questions.inputs[:, :, 3].masked_fill(~questions.there, -torch.inf)
    lists = scores.topk(10).indices.numpy()
    users, films = np.nonzero(questions.liked.numpy())
    extra_users = np.repeat(np.arange(0, 40, 2), 7)
    extra = np.tile(np.arange(100, 107), 20)
    pairs = np.concatenate([users, extra_users]), np.concatenate([films, extra])
    by_user = np.lexsort((pairs[1], pairs[0]))
    hits, relevant = judge(lists, pairs[0][by_user], pairs[1][by_user])
    assert quality(order, questions) == pytest.approx(ndcg(hits, relevant, 10), abs=1e-6)


def test_the_smooth_ndcg_comes_close_to_the_exact_one() -> None:
    questions = asked(by_habit, n=40)
    scores = questions.inputs[:, :, 3].masked_fill(~questions.there, -1e4)
    smooth = module._smooth_ndcg(scores, questions, 1e-6).numpy()
    ranks = (-scores).argsort(1).argsort(1) + 1.0
    kept = torch.sigmoid((12 - ranks) / 2)  # it looks at ranks beyond 10, the less the farther
    ideal = sum(1 / np.log2(1 + place) for place in range(1, 6))
    gains = questions.liked * kept / torch.log2(1 + ranks)
    assert smooth == pytest.approx(gains.sum(1).numpy() / ideal, abs=1e-3)


def test_the_learned_order_serves_where_it_is_better() -> None:
    parts = [asked(by_habit, seed, 100) for seed in range(4)]
    name, order, metrics = choose_order(parts[:2], parts[2:], 0)
    assert name == "learned"
    assert quality(order, asked(by_habit, 9)).mean() > 0.9
    reached = metrics["ndcg@10"]
    assert reached["learned"] > max(reached[simple] for simple in SIMPLE)


@pytest.mark.parametrize("kept", ["retrieval", "popular"])
def test_a_simple_order_serves_where_the_learned_one_is_worse(kept: str) -> None:
    """What there was to learn no longer holds on the validation."""
    learning = [asked(by_input("age"), seed, 100) for seed in range(2)]
    validation = [asked(by_input(kept), seed, 100) for seed in (2, 3)]
    name, order, metrics = choose_order(learning, validation, 0)
    assert name == kept
    assert quality(order, asked(by_input(kept), 9)) == pytest.approx(1)
    assert metrics["ndcg@10"][kept] == pytest.approx(1)
