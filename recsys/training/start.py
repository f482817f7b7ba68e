"""Where a training begins: at the active model, if little has changed since it was trained."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from sqlalchemy import Connection
from torch import Tensor

from recsys.database.copy import read_columns
from recsys.learning.questions import LearnedOrder
from recsys.learning.ranker import LearnedRanker
from recsys.learning.ratings import Films, Ratings
from recsys.models.orders import read_order
from recsys.models.ranker import read_ranker
from recsys.models.versions import active_model, show_model
from recsys.parameters import Parameters

# Ratings since the last training from scratch, as a share of those that it had. Measured up to a
# tenth (benchmarks/quality/warm_start.py).
MOST_NEW = 0.25
EPOCHS = 4


class Start(NamedTuple):
    """What a training goes on from.

    Attributes
    ----------
    notes
        Kept with the model: at which it began, and how many ratings the last one from scratch had.
    items
        ``(n_movies, factors)`` float32 of the catalogue's films, NaN for those without a vector.
    """

    parameters: Parameters
    notes: dict[str, Any]
    items: Tensor
    ranker: LearnedRanker
    order: LearnedOrder


def find_start(
    connection: Connection, wanted: Parameters, threshold: float, ratings: Ratings, films: Films
) -> Start | None:
    """Return the active model as something to begin at; None where it is not good for that.

    It must have been trained here, with the parameters and the threshold that are wanted, on about
    as many ratings, and on films of the same genres.
    """
    model_id = active_model(connection)
    if model_id is None:
        return None
    model = show_model(connection, model_id)
    had = model["parameters"]
    if model["algorithm"] != "ials" or had.get("threshold") != threshold:
        return None
    given = {name: value for name, value in vars(wanted).items() if value is not None}
    if any(had.get(name) != value for name, value in given.items()):
        return None
    before = had.get("ratings_from_scratch", model["data"]["ratings"])
    if abs(len(ratings.stars) - before) > MOST_NEW * before:
        return None
    ranker = read_ranker(connection, model_id, ratings, films)
    order = read_order(connection, model_id)
    if ranker is None or order is None:
        return None
    return Start(
        Parameters(**{name: had[name] for name in vars(wanted)}),
        {"began_at": model_id, "ratings_from_scratch": before, "chosen": had.get("chosen", [])},
        _read_items(connection, model, ratings),
        ranker,
        order,
    )


def _read_items(connection: Connection, model: dict[str, Any], ratings: Ratings) -> Tensor:
    """Return the vectors of the films as they were learned."""
    factors = model["factors"]
    kept = read_columns(
        connection,
        f"""
        select movie_id, embedding from recsys.movie_vectors
        where model_id = {model["model_id"]} and not content order by movie_id
        """,
        movie_id="i8", embedding=factors + 1,
    )  # fmt: skip
    items = np.full((len(ratings.movie_ids), factors), np.nan, dtype=np.float32)
    known = np.isin(ratings.movie_ids, kept["movie_id"])
    there = np.isin(kept["movie_id"], ratings.movie_ids)
    items[known] = kept["embedding"][there, :-1] * model["item_norm"]
    return torch.from_numpy(items)
