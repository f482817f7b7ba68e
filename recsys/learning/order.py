"""The order of a list: a network weighs what is known of candidates, by what is known of the user.

A candidate's score is a weighted sum of `INPUTS`; the weights are what a small network gives for
facts of the user (`FACTS`): whether they like few films, how long ago they rated, for how long. So
the score of a film is a sum over what the user rated, what is popular, and the rest, whatever the
network has learned.

It learns from questions that have been asked of the past: part of the ratings are held out, all
else is made of the others, and the candidates that were liked later belong on top. The loss goes by
lists: first the cross entropy of the liked ones (Cao et al., "Learning to Rank: From Pairwise
Approach to Listwise Approach", ICML 2007), then a smooth NDCG@10 (Qin, Liu, Li, "A General
Approximation Framework for Direct Optimization of Information Retrieval Measures", 2010). Scores
are divided by their spread over a user's candidates, so that all users count alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from recsys.arrays import Values
from recsys.learning.cores import one_core

INPUTS = "retrieval", "additive", "recent", "popular", "likes", "age"
FACTS = "few", "idle", "span"
HIDDEN = 8
K = 10
STEPS, BATCH, MOST_LIKED = 300, 64, 20
LEARNING_RATE, WEIGHT_DECAY = 1e-2, 1e-2
TEMPERATURES = 0.3, 0.1  # of the smooth ranks, in spreads of a user's scores: first and last
CUT, CUT_UNIT = K + 2.0, 2.0  # where the smooth NDCG@10 stops looking, and how softly
LEAST_SPREAD, LEAST_INPUT = 0.05, 1e-5
OF_USER = 3  # the first inputs, which are sums over what the user rated
# Least weights, in spreads: what goes with a user's taste, and what is popular, never counts
# against a film; and taste always counts a little, since popularity alone gives no reasons.
LEAST_WEIGHTS = 0.0, 0.1, 0.0, 0.0, -torch.inf, -torch.inf
BEGIN = 0.1  # what weights with a limit begin with, where the plain order has none
FARTHEST = 2.0  # spreads: facts farther from the mean count as that far, since few such were seen
# The additive scores are fractions of a like, as retrieval's are, and count one each; half of
# retrieval's own made all lists better that were looked at.
PLAIN = {"retrieval": 0.5, "additive": 1.0}
SIMPLE = {"retrieval": {"retrieval": 1.0}, "plain": PLAIN, "popular": {"popular": 1.0}}


class Questions(NamedTuple):
    """Users and their candidates, and which of these they turned out to like.

    Attributes
    ----------
    facts
        ``(n, n_facts)``, float32, as all of them.
    inputs
        ``(n, c, n_inputs)``.
    there
        ``(n, c)`` bool, False where a user has fewer candidates.
    liked
        ``(n, c)``, 1 where the candidate is liked.
    relevant
        ``(n,)`` int64: how many films each likes, candidates or not.
    """

    facts: Tensor
    inputs: Tensor
    there: Tensor
    liked: Tensor
    relevant: Tensor

    def part(self, chosen: Tensor) -> Questions:
        """Return the questions at a mask or at places."""
        return Questions(*(column[chosen] for column in self))


class Units(NamedTuple):
    """The weights of a user are ``relu(facts @ by_fact.T + biases) @ outputs``.

    ``by_fact (n_units, n_facts)``, ``biases (n_units,)``, ``outputs (n_units, n_inputs)``, float32;
    the first unit is a constant 1. Facts below ``lowest (n_facts,)`` or above ``highest`` count as
    those, and weights below ``least (n_inputs,)`` as that.
    """

    lowest: Tensor
    highest: Tensor
    by_fact: Tensor
    biases: Tensor
    outputs: Tensor
    least: Tensor

    def weights(self, facts: Tensor) -> Tensor:
        """Return ``(n, n_inputs)``."""
        clipped = facts.clamp(self.lowest, self.highest)
        weights = torch.relu(clipped @ self.by_fact.T + self.biases) @ self.outputs
        return weights.maximum(self.least)


class Order(nn.Module):
    """Weights of the inputs, from facts of a user."""

    center: Tensor
    scale: Tensor
    unit: Tensor
    least: Tensor

    def __init__(self, weights: dict[str, float]) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(len(FACTS)))
        self.register_buffer("scale", torch.ones(len(FACTS)))
        self.register_buffer("unit", torch.ones(len(INPUTS)))
        self.register_buffer("least", torch.full((len(INPUTS),), -torch.inf))
        self.base = nn.Parameter(torch.tensor([weights.get(name, 0.0) for name in INPUTS]))
        self.hidden = nn.Linear(len(FACTS), HIDDEN)
        self.last = nn.Linear(HIDDEN, len(INPUTS), bias=False)
        nn.init.zeros_(self.last.weight)

    @classmethod
    def of(cls, units: Units) -> Order:
        """Return the order whose `units` are these."""
        order = cls({})
        reach = (units.highest - units.lowest) / 2
        order.center.copy_(units.lowest + reach)
        order.scale.copy_(torch.where(reach > 0, reach / FARTHEST, torch.inf))
        order.least.copy_(units.least)
        by_fact = units.by_fact[1:]
        with torch.no_grad():
            order.base.copy_(units.outputs[0])
            order.last.weight.copy_(units.outputs[1:].T)
            order.hidden.weight.copy_(by_fact * torch.where(reach > 0, reach / FARTHEST, 0))
            order.hidden.bias.copy_(units.biases[1:] + by_fact @ order.center)
        return order

    def standardize(self, questions: Questions) -> None:
        """Count facts and inputs in their spreads from now on; the weights mean the same."""
        self.center.copy_(questions.facts.mean(0))
        spread = questions.facts.std(0)
        self.scale.copy_(torch.where(spread > LEAST_SPREAD, spread, torch.inf))
        spread = questions.inputs[questions.there].std(0)
        # What is the same for all candidates tells nothing, and its weight would be beyond measure.
        self.unit.copy_(torch.where(spread > LEAST_INPUT, spread, torch.inf))
        with torch.no_grad():
            scaled = self.base * spread
            scaled /= scaled.abs().max().clamp_min(1e-6)
            self.base.copy_(scaled)
            self.least.copy_(torch.tensor(LEAST_WEIGHTS))
            self.base.copy_(
                torch.where(self.least.isfinite(), self.base.clamp_min(BEGIN), self.base)
            )

    def forward(self, facts: Tensor, inputs: Tensor) -> Tensor:
        """Return ``(n, c)`` scores."""
        facts = ((facts - self.center) / self.scale).clamp(-FARTHEST, FARTHEST)
        hidden = torch.relu(self.hidden(facts))
        weights = (self.base + self.last(hidden)).maximum(self.least) / self.unit  # (n, n_inputs)
        scores: Tensor = (inputs @ weights[:, :, None])[:, :, 0]
        return scores

    @torch.no_grad()
    def units(self) -> Units:
        """Return the same without what standardizes."""
        by_fact = self.hidden.weight / self.scale
        biases = self.hidden.bias - by_fact @ self.center
        outputs = torch.cat([self.base[None], self.last.weight.T]) / self.unit
        reach = FARTHEST * torch.where(self.scale.isfinite(), self.scale, 0)
        return Units(
            self.center - reach,
            self.center + reach,
            torch.cat([torch.zeros_like(by_fact[:1]), by_fact]),
            torch.cat([torch.ones_like(biases[:1]), biases]),
            outputs,
            torch.where(self.unit.isfinite(), self.least / self.unit, 0),
        )


@one_core()
def fit_order(questions: Questions, seed: int) -> Order:
    """Learn from questions, of which those without a liked candidate say nothing."""
    questions = questions.part(questions.liked.sum(1) > 0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        order = Order(PLAIN)
    order.standardize(questions)
    temperature = nn.Parameter(torch.zeros(()))
    network = [*order.hidden.parameters(), *order.last.parameters()]
    groups: list[dict[str, Any]] = [
        {"params": [order.base, temperature], "weight_decay": 0.0},
        {"params": network, "weight_decay": WEIGHT_DECAY},
    ]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS)
    generator = torch.Generator().manual_seed(seed)
    batches = _batches(len(questions.facts), generator)
    for step in range(STEPS):
        some = questions.part(next(batches))
        scores = _standardized(order(some.facts, some.inputs), some.there)
        if step < STEPS / 2:
            loss = _cross_entropy(scores * temperature.exp(), some)
        else:
            first, last = TEMPERATURES
            loss = -_smooth_ndcg(scores, some, first * (last / first) ** (2 * step / STEPS - 1))
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
        schedule.step()
    return order


def _batches(n: int, generator: torch.Generator) -> Iterator[Tensor]:
    while True:
        yield from torch.randperm(n, generator=generator).split(BATCH)


def _standardized(scores: Tensor, there: Tensor) -> Tensor:
    """Return scores in their spread over a user's candidates, far below where there is none."""
    n = there.sum(1, keepdim=True)
    left = (scores - (scores * there).sum(1, keepdim=True) / n) * there
    spread = (left.square().sum(1, keepdim=True) / n + 1e-6).sqrt()
    return (left / spread).masked_fill(~there, -1e4)


def _cross_entropy(scores: Tensor, questions: Questions) -> Tensor:
    share = questions.liked / questions.liked.sum(1, keepdim=True)
    return -(share * torch.log_softmax(scores, 1)).sum(1)


def _smooth_ndcg(scores: Tensor, questions: Questions, temperature: float) -> Tensor:
    """Return NDCG@10 with ranks that are sums of sigmoids, ``(n,)``."""
    best = questions.liked.topk(min(MOST_LIKED, scores.shape[1]), 1)  # liked ones, then others
    own = scores.gather(1, best.indices)
    above = torch.sigmoid((scores[:, None] - own[:, :, None]) / temperature)  # (n, m, c)
    ranks = 0.5 + above.sum(2)  # a film is half above itself
    gains = best.values / torch.log2(1 + ranks) * torch.sigmoid((CUT - ranks) / CUT_UNIT)
    return gains.sum(1) / _ideal(questions.relevant)


def _ideal(relevant: Tensor) -> Tensor:
    discounts = 1 / torch.log2(torch.arange(2.0, K + 2))
    return discounts.cumsum(0)[relevant.clamp(1, K) - 1]


@torch.no_grad()
def quality(order: Order, questions: Questions) -> Values:
    """Return NDCG@10 of each question's list, ``(n,)``."""
    scores = order(questions.facts, questions.inputs).masked_fill(~questions.there, -torch.inf)
    best = scores.topk(min(K, scores.shape[1]), 1).indices
    discounts = 1 / torch.log2(torch.arange(2.0, best.shape[1] + 2))
    found: Values = (
        (questions.liked.gather(1, best) @ discounts / _ideal(questions.relevant)).double().numpy()
    )
    return found


def typical_inputs(questions: Questions) -> list[float]:
    """Return what stands for a film of which nothing is learned but its score of retrieval.

    The first three, sums over what the user rated, are multiples of that score; the others are
    those of the average candidate.
    """
    found = questions.inputs[questions.there].double()  # (n, n_inputs)
    own = found[:, :1]
    slopes = (found[:, :OF_USER] * own).sum(0) / own.square().sum().clamp_min(1e-12)
    return [*slopes.tolist(), *found[:, OF_USER:].mean(0).tolist()]


def choose_order(
    learning: list[Questions], validation: list[Questions], seed: int
) -> tuple[str, Order, dict[str, Any]]:
    """Return the order to serve, under its name, and what each reaches on the validation.

    The learned one serves, taught by the validation's questions, too, in the end. Only where the
    best of the simple ones is better, by more than a standard error of the difference, that serves.
    """
    reached = {
        name: np.concatenate([quality(Order(weights), part) for part in validation])
        for name, weights in SIMPLE.items()
    }
    means = {name: float(found.mean()) for name, found in reached.items()}
    simple = max(means, key=lambda name: means[name])
    learned = fit_order(joined(learning), seed)
    found = np.concatenate([quality(learned, part) for part in validation])
    worse = reached[simple] - found
    metrics = {f"ndcg@{K}": means | {"learned": float(found.mean())}}
    if worse.mean() > worse.std() / np.sqrt(len(worse)):
        return simple, Order(SIMPLE[simple]), metrics
    return "learned", fit_order(joined([*learning, *validation]), seed), metrics


def joined(parts: list[Questions]) -> Questions:
    """Return the questions of all parts."""
    return Questions(*map(torch.cat, zip(*parts, strict=True)))
