"""The ranker by brute force in NumPy: predicted stars, from the tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from tests.helpers.oracle import Array

YEAR = 31_557_600.0  # seconds
TYPICAL = 5  # ratings that a user's facts are drawn towards everybody's by

Rating = tuple[int, float, float]  # movie_id, stars, seconds since 1970, which may be infinite


class Rater(NamedTuple):
    """A user as the ranker sees them."""

    vector: Array  # (m, 1), (d + 1,)
    facts: Array  # (4,)


class Ranker:
    """All of a model's ranker, read once; no dataclass, since hypothesis prints those."""

    def __init__(self, connection: Connection, model_id: int) -> None:
        run = connection.exec_driver_sql
        self.row = run(
            "select mean, ridge::real[] as ridge, mean_year, mean_rated_at, oldest_rated_at, "
            "newest_rated_at, rating_variance, half_share "
            "from recsys.rankers where model_id = %s",
            (model_id,),
        ).one()
        self.mean = self.row.mean
        films = run(
            "select movie_id, features::real[], spread::real[] from recsys.ranker_films "
            "where model_id = %s",
            (model_id,),
        ).all()
        self.features = {row[0]: np.array(row[1], dtype=np.float64) for row in films}
        self.spread = {row[0]: np.array(row[2], dtype=np.float64) for row in films}
        self.terms = {
            row[0]: np.array(row[1], dtype=np.float64)
            for row in run(
                "select term, features::real[] from recsys.ranker_terms where model_id = %s",
                (model_id,),
            )
        }
        columns = "array[bias]", "weights::real[]", "pair_weights::real[]", "user_weights::real[]"
        self.layers = [  # of each layer: biases, then weights (n_units, n)
            [
                np.array(rows, dtype=np.float64)
                for column in (columns if layer == 1 else columns[:2])
                for rows in [
                    run(
                        f"select {column} from recsys.ranker_units "
                        "where model_id = %s and layer = %s order by unit",
                        (model_id, layer),
                    )
                    .scalars()
                    .all()
                ]
            ]
            for layer in (1, 2, 3)
        ]

    def rater(self, ratings: Sequence[Rating]) -> Rater:
        """A user with these ratings; the equation is that of the comment on rankers.ridge."""
        ridge = np.array(self.row.ridge, dtype=np.float64)  # (d + 1,), the last one 0
        known = [(self.features[m], self.spread[m], s) for m, s, _ in ratings if m in self.features]
        vector = np.zeros(len(ridge))
        if known:
            f = np.array([one[0] for one in known])  # (n, d + 1)
            spread = np.array([one[1] for one in known]).sum(axis=0)
            left = np.array([one[2] for one in known]) - self.mean - f[:, -1]
            f = f[:, :-1]
            a = f.T @ f + np.diag(ridge[:-1] + np.pad(spread, (0, f.shape[1] - len(spread))))
            vector[:-1] = np.linalg.solve(a, f.T @ left)
        vector[-1] = 1
        n, stars = len(ratings), np.array([one[1] for one in ratings])
        oldest, mean, newest = (
            when.timestamp()
            for when in (self.row.oldest_rated_at, self.row.mean_rated_at, self.row.newest_rated_at)
        )
        since = sum(min(max(when, oldest), newest) - mean for _, _, when in ratings)
        squares = float(((stars - stars.mean()) ** 2).sum()) if n else 0.0
        halves = float((stars % 1 > 0).sum())
        facts = [
            math.log(1 + n),
            math.sqrt((squares + TYPICAL * self.row.rating_variance) / (n + TYPICAL)),
            (halves + TYPICAL * self.row.half_share) / (n + TYPICAL),
            since / (n + 1) / (5 * YEAR),
        ]
        return Rater(vector, np.array(facts))

    def expected(self, year: int | None, genres: set[str]) -> Array:
        """The features of a film that came after the ranker had learned, of its terms."""
        features = self.terms["base"].copy()
        if year is not None:
            features += (year - self.row.mean_year) * self.terms["year"]
            features += (year - self.row.mean_year) ** 2 * self.terms["year_squared"]
        for name in genres:
            if f"genre:{name}" in self.terms:
                features += self.terms[f"genre:{name}"] / math.sqrt(len(genres))
        return features

    def stars_of(self, rater: Rater, features: Array) -> float:
        """The network, as the comment on ranker_units has it, and what it corrects."""
        seen = np.append(rater.vector, rater.facts)
        biases, weights, pair_weights, user_weights = self.layers[0]
        layer = biases[:, 0] + user_weights @ seen  # (n_units,)
        layer += (weights + pair_weights * rater.vector) @ features
        for biases, weights in self.layers[1:]:
            layer = biases[:, 0] + weights @ layer.clip(0)
        return float(np.clip(self.mean + rater.vector @ features + layer[0], 0.5, 5))

    def stars(self, rater: Rater) -> dict[int, float]:
        """The stars that a user would give each film that the ranker knows."""
        return {m: self.stars_of(rater, features) for m, features in self.features.items()}


def ratings_of(connection: Connection, user_id: int) -> list[Rating]:
    """All ratings of a user, as of now."""
    rows = connection.exec_driver_sql(
        "select movie_id, rating, date_part('epoch', rated_at) from recsys.ratings "
        "where user_id = %s",
        (user_id,),
    )
    return [(m, s, when) for m, s, when in rows]
