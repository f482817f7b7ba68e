"""The second stage: a network that says how many stars a user gives a film, in torch alone.

It corrects what the factorization of the ratings predicts (`recsys.learning.stars`) by what that
is made of: the part of the learned factors, that of genres, year and popularity, the biases, and
facts of user and film. Its examples are ratings that the factorization has not seen, so that it
learns how far to trust it. The wide part and the deep part add up as in Cheng et al., "Wide & Deep
Learning for Recommender Systems" (DLRS 2016).

Of the pair, a unit of the first layer sees weighted sums over user, film, and the products of
their coordinates, so that for one user it is one vector that meets the film's: that is how the
database evaluates it (`Units`).
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from recsys.learning.cores import one_core
from recsys.learning.posteriors import RatingFactors
from recsys.learning.raters import Layout, Raters, extended
from recsys.learning.stars import predict
from recsys.progress import Progress, silent

HIDDEN = 32, 16
EPOCHS, PATIENCE = 15, 6
SMALLEST_BATCH, LARGEST_BATCH, STEPS = 32, 1024, 60  # of the ratings, so many steps an epoch
LEARNING_RATE, WEIGHT_DECAY = 3e-3, 1e-2
LEAST_SPREAD = 0.01  # of an input that the network looks at
N_USER_FACTS = 4
LOWEST, HIGHEST = 0.5, 5.0


class Units(NamedTuple):
    """The network as rows of weights, float64; see `Network.units`.

    The first layer's unit k, of a user with vector m and facts t and a film f, each with what
    `extended` appends, gives ``relu(bias_k + by_user_k . (m, 1, t) + (by_film_k + by_pair_k * (m,
    1)) . f)``; each later one ``relu(bias_k + weights_k . (the layer before))``, the last without
    relu. The stars are the factorization's and that.

    Attributes
    ----------
    biases
        One ``(n_units,)`` a layer.
    by_user, by_film, by_pair
        ``(n_units, d + 1 + 4)``, ``(n_units, d + 1)`` twice: the first layer.
    weights
        ``(n_units, n_units before)`` for each layer after it.
    """

    biases: list[Tensor]
    by_user: Tensor
    by_film: Tensor
    by_pair: Tensor
    weights: list[Tensor]


class Network(nn.Module):
    """Residual of a rating, from sums over the coordinates of user and film.

    Parameters
    ----------
    layout
        Of the films' features, of which the facts are inputs in their own right.
    """

    center: Tensor
    scale: Tensor

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        n = 2 + 1 + N_USER_FACTS + (layout.facts.stop - layout.facts.start) + 1
        self.register_buffer("center", torch.zeros(n, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(n, dtype=torch.float64))
        self.first = nn.Linear(n, HIDDEN[0])
        self.second = nn.Linear(*HIDDEN)
        self.last = nn.Linear(HIDDEN[1], 1)
        nn.init.zeros_(self.last.weight)  # it begins as no correction at all
        nn.init.zeros_(self.last.bias)

    @classmethod
    def of(cls, layout: Layout, units: Units) -> Network:
        """Return the network whose `units` are these."""
        network = cls(layout)
        by_user, by_film, by_pair = units.by_user, units.by_film, units.by_pair
        first = [
            by_pair[:, :1],
            by_pair[:, layout.factors : layout.factors + 1],
            by_user[:, layout.one :][:, :1],
            by_user[:, layout.bias + 1 :],
            by_film[:, layout.facts],
            by_film[:, layout.bias :],
        ]
        weights = [torch.cat(first, 1), *units.weights]
        layers = network.first, network.second, network.last
        with torch.no_grad():
            for layer, weight, bias in zip(layers, weights, units.biases, strict=True):
                layer.weight.copy_(weight)
                layer.bias.copy_(bias)
        return network

    def inputs(self, raters: Raters, films: Tensor) -> Tensor:
        """Return ``(n, n_inputs)`` of pairs; films as `extended` gives them, ``(n, bias + 1)``."""
        layout = self.layout
        products = raters.vectors * films[:, : layout.bias]  # (n, bias)
        return torch.cat(
            [
                products[:, : layout.factors].sum(1, keepdim=True),
                products[:, layout.factors : layout.one].sum(1, keepdim=True),
                raters.vectors[:, layout.one :],  # the user's bias
                raters.facts,
                films[:, layout.facts],
                films[:, layout.bias :],  # the film's
            ],
            1,
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return ``(n,)`` corrections in stars, float32."""
        return self.correction(self.standardized(inputs))

    def standardized(self, inputs: Tensor) -> Tensor:
        """Return the inputs in their spreads, float32."""
        return ((inputs - self.center) / self.scale).float()

    def correction(self, standardized: Tensor) -> Tensor:
        """Return ``(n,)`` corrections from inputs in their spreads."""
        hidden = torch.relu(self.second(torch.relu(self.first(standardized))))
        correction: Tensor = self.last(hidden)[:, 0]
        return correction

    @torch.no_grad()
    def units(self) -> Units:
        """Return the weights with the standardization in them, spread over the coordinates."""
        first = self.first.weight.double() / self.scale  # (n_units, n_inputs)
        layout = self.layout
        by_user, by_film, by_pair = first.new_zeros(3, len(first), layout.bias + 1)
        by_pair[:, : layout.factors] = first[:, :1]
        by_pair[:, layout.factors : layout.one] = first[:, 1:2]
        by_user[:, layout.one] = first[:, 2]
        by_film[:, layout.facts] = first[:, 3 + N_USER_FACTS : -1]
        by_film[:, layout.bias] = first[:, -1]
        layers = self.first, self.second, self.last
        biases = [layer.bias.double() for layer in layers]
        biases[0] -= first @ self.center
        return Units(
            biases=biases,
            by_user=torch.cat([by_user, first[:, 3 : 3 + N_USER_FACTS]], 1),
            by_film=by_film,
            by_pair=by_pair,
            weights=[layer.weight.double() for layer in layers[1:]],
        )


class Examples(NamedTuple):
    """Pairs as the network sees them: ``inputs (n, n_inputs)``, what the factorization predicts,
    and what the stars are, ``(n,)``."""

    inputs: Tensor
    predicted: Tensor
    stars: Tensor


@one_core()
def fit_network(
    network: Network,
    training: Examples,
    validation: Examples,
    seed: int = 0,
    progress: Progress = silent,
) -> float:
    """Train in place, and stop once the validation gets no better; return its RMSE.

    The best epoch's weights stay; those of before the first one, if none is better.
    """
    network.center.copy_(training.inputs.mean(0))
    # What hardly varies here teaches nothing, and must say nothing if it varies later: half stars,
    # say, where all have been whole.
    spread = training.inputs.std(0)
    network.scale.copy_(torch.where(spread > LEAST_SPREAD, spread, torch.inf))
    inputs = network.standardized(training.inputs)
    wanted = (training.stars - training.predicted).float()
    n = len(wanted)
    size = min(max(n // STEPS, SMALLEST_BATCH), LARGEST_BATCH)
    steps = EPOCHS * -(-n // size)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    best, kept, since = rmse(network, validation), copy.deepcopy(network.state_dict()), 0
    generator = torch.Generator().manual_seed(seed)
    for epoch in range(1, EPOCHS + 1):
        for batch in torch.randperm(n, generator=generator).split(size):
            optimizer.zero_grad()
            loss = (network.correction(inputs[batch]) - wanted[batch]).square().mean()
            loss.backward()
            optimizer.step()
            schedule.step()
        error = rmse(network, validation)
        progress("network", epoch, EPOCHS, f"RMSE {error:.3f}")
        since += 1
        if error < best:
            best, kept, since = error, copy.deepcopy(network.state_dict()), 0
        if since == PATIENCE:
            break
    network.load_state_dict(kept)
    return best


@torch.no_grad()
def rmse(network: Network, examples: Examples) -> float:
    """Return the root of the mean squared error in stars."""
    stars = clipped(examples.predicted + network(examples.inputs))
    return float((stars - examples.stars).square().mean().sqrt())


@torch.no_grad()
def stars(learned: RatingFactors, network: Network, raters: Raters, film_index: Tensor) -> Tensor:
    """Return ``(n,)`` stars of users and films, pair by pair."""
    films = extended(learned)[film_index]
    correction = network(network.inputs(raters, films))
    return clipped(predict(learned, raters.vectors, film_index) + correction)


def clipped(stars: Tensor) -> Tensor:
    """Return the stars that there are to give nearest to what is predicted."""
    return stars.clamp(LOWEST, HIGHEST)
