"""The ranker into the tables, from which SQL predicts stars."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from sqlalchemy import Connection, select
from torch import Tensor

from recsys.arrays import Values, Vectors
from recsys.database.copy import read_columns, write_columns
from recsys.database.tables import ranker_terms, ranker_units, rankers
from recsys.learning.network import Network, Units
from recsys.learning.posteriors import INITIAL, RatingFactors
from recsys.learning.ranker import LearnedRanker
from recsys.learning.raters import (
    TIME_UNIT,
    TYPICAL_RATINGS,
    Layout,
    Typical,
    extended,
    film_terms,
)
from recsys.learning.ratings import Films, Ratings
from recsys.learning.stars import FACTORS
from recsys.learning.vectors import without_dust


def write_ranker(
    connection: Connection, model_id: int, ranker: LearnedRanker, ratings: Ratings, films: Films
) -> None:
    """Write the ranker of a model that has just been written."""
    learned = ranker.factors
    connection.execute(rankers.insert(), _ranker_row(model_id, ranker, ratings))
    connection.execute(ranker_units.insert(), _unit_rows(model_id, ranker.network))
    connection.execute(
        ranker_terms.insert(),
        [
            {"model_id": model_id, "term": term, "features": _single(row[None])[0]}
            for term, row in film_terms(learned, films, ranker.typical).items()
        ],
    )
    n_films, n_users = len(ratings.movie_ids), len(ratings.user_ids)
    write_columns(
        connection,
        "recsys.ranker_films",
        {
            "model_id": np.full(n_films, model_id, dtype=np.int64),
            "movie_id": ratings.movie_ids,
            "features": _single(extended(learned).numpy()),
            "spread": _single(learned.spread.numpy()),
        },
    )
    write_columns(
        connection,
        "recsys.ranker_users",
        {
            "user_id": ratings.user_ids,
            "model_id": np.full(n_users, model_id, dtype=np.int64),
            "embedding": _single(np.pad(ranker.users.numpy(), ((0, 0), (0, 1)))),
            "rating_count": np.bincount(ratings.user_index, minlength=n_users),
            "rating_digest": ratings.digests,
        },
    )
    for name in ("ranker_films", "ranker_users", "ranker_units"):
        connection.exec_driver_sql(f"analyze recsys.{name}")


def read_ranker(
    connection: Connection, model_id: int, ratings: Ratings, films: Films
) -> LearnedRanker | None:
    """Return a model's ranker with these films, row by row, and without users.

    None if it has none, or one of other genres.
    """
    row = connection.execute(select(rankers).where(rankers.c.model_id == model_id)).one_or_none()
    names = connection.execute(
        select(ranker_terms.c.term).where(
            ranker_terms.c.model_id == model_id, ranker_terms.c.term.startswith("genre:")
        )
    ).scalars()
    layout = Layout(FACTORS, len(films.genre_names))
    genres = {f"genre:{name}" for name in films.genre_names}
    if row is None or "noise" not in row.metrics or set(names) != genres:
        return None
    kept = read_columns(
        connection,
        f"""
        select movie_id, features, spread from recsys.ranker_films
        where model_id = {model_id} order by movie_id
        """,
        movie_id="i8", features=layout.bias + 1, spread=FACTORS,
    )  # fmt: skip
    known = np.isin(ratings.movie_ids, kept["movie_id"])
    places = np.flatnonzero(np.isin(kept["movie_id"], ratings.movie_ids))
    features = np.zeros((len(known), layout.bias + 1))
    features[known] = kept["features"][places]
    spread = np.full((len(known), FACTORS), INITIAL["film"])
    spread[known] = kept["spread"][places]
    noise = row.metrics["noise"]
    variance = noise / np.asarray(row.ridge, dtype=np.float64)[:-1]
    nothing = torch.empty(0)  # side and variance of the films come from the others
    learned = RatingFactors(
        row.mean,
        noise,
        films=torch.from_numpy(features[:, :-1]),
        biases=torch.from_numpy(features[:, -1].copy()),
        spread=torch.from_numpy(spread),
        user_variance=torch.from_numpy(variance),
        side=nothing,
        film_variance=nothing,
    )
    return LearnedRanker(
        learned,
        Typical.of(ratings, films),
        Network.of(layout, _read_units(connection, model_id)),
        nothing,
        row.metrics,
    )


def _read_units(connection: Connection, model_id: int) -> Units:
    rows = connection.execute(
        select(ranker_units)
        .where(ranker_units.c.model_id == model_id)
        .order_by(ranker_units.c.layer, ranker_units.c.unit)
    ).all()
    layers = [[row for row in rows if row.layer == layer] for layer in range(1, rows[-1].layer + 1)]

    def matrix(of: Sequence[Any], name: str) -> Tensor:
        return torch.from_numpy(np.array([getattr(row, name) for row in of], dtype=np.float64))

    first = layers[0]
    return Units(
        [matrix(layer, "bias") for layer in layers],
        by_user=matrix(first, "user_weights"),
        by_film=matrix(first, "weights"),
        by_pair=matrix(first, "pair_weights"),
        weights=[matrix(layer, "weights") for layer in layers[1:]],
    )


def _ranker_row(model_id: int, ranker: LearnedRanker, ratings: Ratings) -> dict[str, Any]:
    ridge = (ranker.factors.noise / ranker.factors.user_variance).numpy()
    return {
        "model_id": model_id,
        "mean": ranker.factors.mean,
        "ridge": np.append(ridge, 0),
        "mean_year": ranker.typical.year,
        "mean_rated_at": datetime.fromtimestamp(ranker.typical.rated_at, UTC),
        "oldest_rated_at": datetime.fromtimestamp(float(ratings.seconds.min()), UTC),
        "newest_rated_at": datetime.fromtimestamp(float(ratings.seconds.max()), UTC),
        "rating_variance": ranker.typical.variance,
        "half_share": ranker.typical.halves,
        "typical_ratings": TYPICAL_RATINGS,
        "time_unit": TIME_UNIT,
        "metrics": ranker.metrics | {"noise": ranker.factors.noise},
    }


def _unit_rows(model_id: int, network: Network) -> list[dict[str, Any]]:
    units = network.units()
    columns = {
        "weights": _single(units.by_film.numpy()),
        "pair_weights": _single(units.by_pair.numpy()),
        "user_weights": _single(units.by_user.numpy()),
    }
    rows = []
    for layer, biases in enumerate(units.biases, start=1):
        of_layer: dict[str, Any] = (
            columns if layer == 1 else {"weights": _single(units.weights[layer - 2].numpy())}
        )
        for unit, bias in enumerate(biases.tolist()):
            row = {"model_id": model_id, "layer": layer, "unit": unit + 1, "bias": bias}
            row |= dict.fromkeys(columns)
            rows.append(row | {name: values[unit] for name, values in of_layer.items()})
    return rows


def _single(rows: Values) -> Vectors:
    """Return rows as the database holds them, without what would underflow."""
    return without_dust(rows.astype(np.float32), negligible=0.0)
