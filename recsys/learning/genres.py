"""Genres from the vectors of texts: a small network in torch alone.

One hidden layer of rectified units, then a sigmoid a genre, since a film has several. A genre is
predicted from its threshold on: one threshold for all would leave out rare genres, and one of its
own is chosen on few films. So it is the mean of the two that do best, by F1, on films held out; the
network then learns from all films.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from recsys.arrays import Mask, Values, Vectors
from recsys.learning.cores import one_core
from recsys.progress import Progress, silent

HIDDEN = 128
DROPOUT = 0.3
EPOCHS = 30
BATCH = 256  # at most; fewer films are taken in steps of fewer
LEAST_STEPS = 32  # an epoch, of which the first few alone would learn nothing
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-4
HELD_OUT = 6  # one film of so many chooses the thresholds
THRESHOLDS = np.arange(0.1, 0.7, 0.02)


@dataclass(frozen=True)
class GenreClassifier:
    """A network that has been learned.

    Attributes
    ----------
    genres
        Name of each unit of the last layer.
    layers
        ``(weights (out, in), bias (out,))`` float32 of the hidden layer and of the last one.
    thresholds
        ``(n_genres,)``, the least probability from which a genre is predicted.
    metrics
        ``micro_f1`` and ``macro_f1`` of the films that chose the thresholds.
    """

    genres: list[str]
    layers: list[tuple[Vectors, Vectors]]
    thresholds: Vectors
    metrics: dict[str, float]

    def probabilities(self, vectors: Vectors) -> Vectors:
        """Return the probability of each genre, ``(n, n_genres)``, for ``(n, d)`` vectors."""
        hidden, last = ([torch.from_numpy(part) for part in layer] for layer in self.layers)
        units = functional.linear(torch.from_numpy(vectors), *hidden).relu()  # (n, HIDDEN)
        found: Vectors = functional.linear(units, *last).sigmoid().numpy()
        return found


def learn_genres(
    vectors: Vectors,
    labels: Mask,
    names: Sequence[str],
    seed: int = 0,
    progress: Progress = silent,
) -> GenreClassifier:
    """Return a classifier of genres; the same input and seed give the same network.

    Parameters
    ----------
    vectors
        ``(n, d)``, of length 1.
    labels
        ``(n, n_genres)``, whether a film is of a genre.
    progress
        Told after each of 2 * EPOCHS epochs, with the loss: ``genres``.
    """
    # Coordinates of about 1, as the network's first weights expect; in the end its weights are
    # multiplied instead.
    scale = math.sqrt(vectors.shape[1])
    x, y = torch.from_numpy(vectors) * scale, torch.from_numpy(labels).float()
    with one_core(), torch.random.fork_rng(devices=[]):  # torch's own draws go on as before
        torch.default_generator.manual_seed(seed)
        order = torch.randperm(len(x))
        held, rest = order[: len(x) // HELD_OUT], order[len(x) // HELD_OUT :]
        trial = _fit(x[rest], y[rest], 0, progress)
        network = _fit(x, y, EPOCHS, progress)
    found = trial(x[held]).detach().sigmoid().numpy()
    truth = labels[held.numpy()]
    thresholds = choose_thresholds(found, truth)
    parts = [part.detach() for part in network.parameters()]
    parts[0] *= scale
    inner, inner_bias, outer, outer_bias = (part.numpy() for part in parts)
    return GenreClassifier(
        list(names),
        [(inner, inner_bias), (outer, outer_bias)],
        thresholds,
        f1_scores(found >= thresholds, truth),
    )


def _fit(x: Tensor, y: Tensor, epochs_before: int, progress: Progress) -> nn.Sequential:
    """Return a network of least cross-entropy, by AdamW, the learning rate up and down once."""
    network = nn.Sequential(
        nn.Linear(x.shape[1], HIDDEN),
        nn.ReLU(),
        nn.Dropout(DROPOUT),
        nn.Linear(HIDDEN, y.shape[1]),
    )
    batch = max(min(BATCH, len(x) // LEAST_STEPS), 1)
    optimizer = torch.optim.AdamW(
        network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY, foreach=False
    )
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=EPOCHS * math.ceil(len(x) / batch)
    )
    for epoch in range(1, EPOCHS + 1):
        losses = []
        for rows in torch.randperm(len(x)).split(batch):
            loss = functional.binary_cross_entropy_with_logits(network(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            cycle.step()
            losses.append(loss.item())
        progress("genres", epochs_before + epoch, 2 * EPOCHS, f"loss {np.mean(losses):.4f}")
    return network.eval()


def choose_thresholds(probabilities: Vectors, labels: Mask) -> Vectors:
    """Return each genre's threshold, ``(n_genres,)``; both arguments are ``(n, n_genres)``.

    A genre of none of the films has the common threshold.
    """
    predicted = probabilities >= THRESHOLDS[:, None, None]  # (n_thresholds, n, n_genres)
    common = THRESHOLDS[_f1(predicted, labels, (1, 2)).argmax()]
    own = THRESHOLDS[_f1(predicted, labels, 1).argmax(axis=0)]
    chosen: Vectors = ((np.where(labels.any(axis=0), own, common) + common) / 2).astype(np.float32)
    return chosen


def f1_scores(predicted: Mask, labels: Mask) -> dict[str, float]:
    """Return F1 over all pairs of film and genre, and its mean over the genres of some film."""
    there = labels.any(axis=0)
    return {
        "micro_f1": float(_f1(predicted, labels)),
        "macro_f1": float(_f1(predicted, labels, 0)[there].mean()) if there.any() else 0.0,
    }


# scikit-learn's refuses an empty part, takes one genre for two classes, and one threshold a call.
def _f1(predicted: Mask, labels: Mask, axis: int | tuple[int, ...] | None = None) -> Values:
    """Return ``2 right / (2 right + wrong)`` over some axes, 0 where there is neither."""
    right, wrong = (predicted & labels).sum(axis), (predicted ^ labels).sum(axis)
    f1: Values = 2 * right / np.maximum(2 * right + wrong, 1)
    return f1
