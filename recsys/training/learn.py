"""What a training learns: vectors, stars, the order of the lists; anew, or from a start on."""

from __future__ import annotations

import platform
from dataclasses import asdict, replace
from datetime import timedelta
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from recsys.learning.als import fit
from recsys.learning.cores import give_back_memory
from recsys.learning.popularity import choose_half_life
from recsys.learning.processes import several
from recsys.learning.questions import LearnedOrder, learn_order, renew_order
from recsys.learning.ranker import LearnedRanker, learn_ranker, renew_ranker
from recsys.learning.ratings import Ratings
from recsys.learning.vectors import UserSolve, require_finite
from recsys.models.vectors import TrainedModel
from recsys.parameters import POSITIVE_STARS, Parameters
from recsys.progress import Progress, silent
from recsys.training.choice import Choice
from recsys.training.data import TrainingData
from recsys.training.start import EPOCHS, Start

# What the ranker learns, one after the other, in the words of one step's progress.
RANKING = {"ratings": "users and films", "network": "network", "order": "order of the lists"}


class Learned(NamedTuple):
    """All that a training writes."""

    model: TrainedModel
    ranker: LearnedRanker
    order: LearnedOrder


def learn(
    data: TrainingData,
    choice: Choice,
    device: str,
    progress: Progress,
    taught_by: str | None = None,
) -> Learned:
    """Learn the vectors, the stars, and the order of the lists."""
    model = fit_model(data, choice.parameters, device, progress)
    require_finite(model.users, model.movies)

    ranking = partial(_ranking, progress)
    give_back_memory()
    ranker = learn_ranker(data.ratings, data.films, choice.parameters.seed, ranking)
    give_back_memory()
    half_life = find_half_life(data.ratings, choice.parameters.seed)
    give_back_memory()
    order = learn_order(
        data.ratings,
        choice.parameters,
        data.threshold,
        None if half_life is None else half_life.total_seconds(),
        taught_by,
        device,
        ranking,
    )
    give_back_memory()
    model = replace(
        model,
        half_life=half_life,
        parameters=model.parameters | choice.notes,
        metrics=model.metrics | choice.metrics,
    )
    return Learned(model, ranker, order)


def go_on(data: TrainingData, start: Start, device: str, progress: Progress) -> Learned:
    """Learn vectors and stars from where they were, and keep how stars are corrected and lists put
    in order."""
    parameters, items = start.parameters, start.items
    seed = parameters.seed
    liked = torch.from_numpy(np.searchsorted(data.ratings.movie_ids, data.likes.movie_ids))
    fewer = replace(parameters, epochs=min(EPOCHS, parameters.epochs))
    model = fit_model(data, fewer, device, progress, items[liked])
    require_finite(model.users, model.movies)
    give_back_memory()
    ranker = renew_ranker(start.ranker, data.ratings, data.films, seed, partial(_ranking, progress))
    give_back_memory()
    half_life = find_half_life(data.ratings, seed)
    seconds = None if half_life is None else half_life.total_seconds()
    order = renew_order(start.order, data.ratings, seed, data.threshold, seconds)
    return Learned(
        replace(
            model,
            half_life=half_life,
            parameters=model.parameters | asdict(parameters) | start.notes,
        ),
        ranker,
        order,
    )


def _ranking(
    progress: Progress, what: str, done: int, of: int | None = None, _note: str = ""
) -> None:
    progress("ranking", done, of, RANKING[what])


def find_half_life(ratings: Ratings, seed: int) -> timedelta | None:
    """Return the age at which a like should count half in the popularity of films.

    None if all likes should count alike. Likes are those of `recsys.movies.liked_count`, whatever
    the threshold of the training.
    """
    likes = ratings.part(ratings.stars >= np.float32(POSITIVE_STARS))
    chosen = choose_half_life(
        likes.movie_index, likes.user_index, likes.seconds, ratings.shape[1], seed
    )
    return None if chosen is None else timedelta(seconds=chosen)


def fit_model(
    data: TrainingData,
    parameters: Parameters,
    device: str = "cpu",
    progress: Progress = silent,
    begin_at: torch.Tensor | None = None,
) -> TrainedModel:
    """Factorize the likes; alpha and regularization are given, and films' vectors may be."""
    alpha, regularization = parameters.weights
    likes = data.likes
    users, items = torch.from_numpy(likes.user_index), torch.from_numpy(likes.movie_index)
    if several():
        from recsys.learning.divided import fit_divided

        learned = fit_divided(users, items, likes.shape, parameters, progress, begin_at)
    else:
        learned = fit(users, items, likes.shape, parameters, device, progress, begin_at)
    movies = learned.items.numpy()
    return TrainedModel(
        algorithm="ials",
        user_ids=likes.user_ids,
        movie_ids=likes.movie_ids,
        users=learned.users.numpy(),
        movies=movies,
        parameters={**asdict(parameters), "threshold": data.threshold, "device": device},
        data=data.facts,
        versions={
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        metrics={"loss": learned.loss},
        duration=timedelta(0),
        solve=UserSolve(
            # The films' Gram matrix is diagonal; what does not depend on the user joins it.
            diagonal=alpha * np.square(movies).sum(axis=0, dtype=np.float64)
            + regularization * alpha * likes.shape[1],
            ridge=regularization,
            liked_from=data.threshold,
            liked_counts=np.bincount(likes.user_index, minlength=likes.shape[0]),
            liked_digests=data.ratings.liked_digests(likes),
        ),
    )
