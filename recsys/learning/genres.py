"""Genres from the vectors of texts: a small network in torch alone.

One hidden layer of rectified units, then a sigmoid a genre, since a film has several. A genre is
predicted from a probability on that suits it: one common threshold would leave out rare genres,
and a genre's own is chosen on few films. So it is the mean of the two that do best, by F1, on
films held out; the network then learns from all films.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recsys.learning.cores import one_core

HIDDEN = 128
DROPOUT = 0.3
EPOCHS = 30
BATCH = 256  # at most; fewer films are taken in steps of fewer
LEAST_STEPS = 32  # an epoch, of which the first few alone would learn nothing
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-4
HELD_OUT = 6  # one film of so many chooses the thresholds
THRESHOLDS = np.arange(0.1, 0.7, 0.02)

Floats = NDArray[np.float32]
Labels = NDArray[np.bool_]


@dataclass(frozen=True)
class GenreClassifier:
    """A network that has been learned.

    Attributes
    ----------
    genres
        Name of each unit of the last layer.
    layers
        ``(weights (out, in), bias (out,))`` float32 of each layer, the first one first.
    thresholds
        ``(n_genres,)`` float32, the least probability from which a genre is predicted.
    metrics
        ``micro_f1`` and ``macro_f1`` of the films that chose the thresholds.
    """

    genres: list[str]
    layers: list[tuple[Floats, Floats]]
    thresholds: Floats
    metrics: dict[str, float]

    def probabilities(self, vectors: Floats) -> Floats:
        """Return the probability of each genre, ``(n, n_genres)``, for ``(n, d)`` vectors."""
        layers = [(torch.from_numpy(w), torch.from_numpy(b)) for w, b in self.layers]
        found: Floats = torch.sigmoid(_logits(layers, torch.from_numpy(vectors))).numpy()
        return found


def learn_genres(
    vectors: Floats,
    labels: Labels,
    names: Sequence[str],
    seed: int = 0,
    on_epoch: Callable[[int, float], None] = lambda epoch, loss: None,
) -> GenreClassifier:
    """Learn which genres go with which vectors; the same input and seed give the same network.

    Parameters
    ----------
    vectors
        ``(n, d)`` float32, of length 1.
    labels
        ``(n, n_genres)``, whether a film is of a genre.
    on_epoch
        Called after each of 2 * EPOCHS epochs with its number from 1 and its loss.
    """
    # Coordinates of about 1, as the network's first weights expect; in the end its weights are
    # multiplied instead.
    scale = math.sqrt(vectors.shape[1])
    x, y = torch.from_numpy(vectors) * scale, torch.from_numpy(labels).float()
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(x), generator=generator)
    held, rest = order[: len(x) // HELD_OUT], order[len(x) // HELD_OUT :]
    with one_core():
        trial = _fit(x[rest], y[rest], seed, on_epoch)
        layers = _fit(x, y, seed, lambda epoch, loss: on_epoch(EPOCHS + epoch, loss))
    truth = labels[held.numpy()]
    found = torch.sigmoid(_logits(trial, x[held])).numpy()
    thresholds = choose_thresholds(found, truth)
    layers[0] = layers[0][0] * scale, layers[0][1]
    return GenreClassifier(
        list(names),
        [(weights.numpy(), bias.numpy()) for weights, bias in layers],
        thresholds,
        f1_scores(found >= thresholds, truth),
    )


def _fit(
    x: Tensor, y: Tensor, seed: int, on_epoch: Callable[[int, float], None]
) -> list[tuple[Tensor, Tensor]]:
    """Minimize the cross-entropy by AdamW, the learning rate up and down in one cycle."""
    # Of its own: torch's global one stays as it is.
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for inputs, outputs in ((x.shape[1], HIDDEN), (HIDDEN, y.shape[1])):
        bound = 1 / math.sqrt(inputs)
        weights, bias = (
            ((2 * torch.rand(shape, generator=generator) - 1) * bound).requires_grad_()
            for shape in ((outputs, inputs), (outputs,))
        )
        layers.append((weights, bias))
    batch = max(min(BATCH, len(x) // LEAST_STEPS), 1)
    optimizer = torch.optim.AdamW(
        [tensor for layer in layers for tensor in layer],
        LEARNING_RATE,
        weight_decay=WEIGHT_DECAY,
        foreach=False,
    )
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=EPOCHS * math.ceil(len(x) / batch)
    )
    for epoch in range(1, EPOCHS + 1):
        losses = []
        for rows in torch.randperm(len(x), generator=generator).split(batch):
            kept = torch.rand(len(rows), HIDDEN, generator=generator) >= DROPOUT
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                _logits(layers, x[rows], kept / (1 - DROPOUT)), y[rows]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            cycle.step()
            losses.append(loss.item())
        on_epoch(epoch, float(np.mean(losses)))
    return [(weights.detach(), bias.detach()) for weights, bias in layers]


def _logits(
    layers: Sequence[tuple[Tensor, Tensor]], x: Tensor, kept: Tensor | None = None
) -> Tensor:
    """Return the logits ``(n, n_genres)``; `kept` ``(n, HIDDEN)`` multiplies the hidden units."""
    *hidden, (weights, bias) = layers
    for inner, inner_bias in hidden:
        x = torch.relu(x @ inner.T + inner_bias)
        x = x if kept is None else x * kept
    return x @ weights.T + bias


def choose_thresholds(probabilities: Floats, labels: Labels) -> Floats:
    """Return each genre's threshold, ``(n_genres,)``; both arguments are ``(n, n_genres)``.

    A genre of none of the films has the common threshold.
    """
    counts = [_right_and_wrong(probabilities >= threshold, labels) for threshold in THRESHOLDS]
    right, wrong = (np.array(part) for part in zip(*counts, strict=True))  # (thresholds, genres)
    common = THRESHOLDS[np.argmax(_f1(right.sum(axis=1), wrong.sum(axis=1)))]
    own = THRESHOLDS[np.argmax(_f1(right, wrong), axis=0)]
    chosen: Floats = ((np.where(labels.any(axis=0), own, common) + common) / 2).astype(np.float32)
    return chosen


def f1_scores(predicted: Labels, labels: Labels) -> dict[str, float]:
    """Return F1 over all pairs of film and genre, and its mean over the genres of some film."""
    right, wrong = _right_and_wrong(predicted, labels)
    there = labels.any(axis=0)
    return {
        "micro_f1": float(_f1(right.sum(), wrong.sum())),
        "macro_f1": float(_f1(right, wrong)[there].mean()) if there.any() else 0.0,
    }


def _right_and_wrong(
    predicted: Labels, labels: Labels
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count true positives, and false ones of both kinds, ``(n_genres,)`` each."""
    return (predicted & labels).sum(axis=0), (predicted ^ labels).sum(axis=0)


def _f1(right: NDArray[np.int64], wrong: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return ``2 right / (2 right + wrong)``, 0 where there is neither."""
    f1: NDArray[np.float64] = 2 * right / np.maximum(2 * right + wrong, 1)
    return f1
