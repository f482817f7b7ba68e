"""Stars of many users and films at once, by the ranker that the tables hold.

What `recsys_internal.find_rater`, `predict_stars` and `rerank` do for one user, in matrix products.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sqlalchemy import Connection, select
from torch import Tensor

from recsys.arrays import Index
from recsys.database.copy import read_columns
from recsys.database.tables import ranker_units
from recsys.learning.network import Units, clipped
from recsys.learning.raters import Prior, Raters, rater_facts

PAIRS_A_CHUNK = 50_000
# A film that came after the ranker had learned has no features of its own.
FEATURES = """
    select v.movie_id,
        coalesce(f.features, recsys_internal.ranker_features(r, v.movie_id)) as features
    from recsys.movie_vectors v
    join recsys.rankers r on r.model_id = v.model_id
    left join recsys.ranker_films f on f.model_id = v.model_id and f.movie_id = v.movie_id
    where v.model_id = {}
    order by v.movie_id
"""
# Only those whose vector is still that of their ratings; see recsys_internal.find_rater.
RATERS = """
    select s.user_id, s.embedding, r.n, r.n * r.variance, r.halves, r.seconds
    from (
        select r.user_id, count(*) as n, var_pop(r.rating::double precision) as variance,
            count(*) filter (where r.rating <> floor(r.rating)) as halves,
            sum(date_part('epoch', least(greatest(
                r.rated_at, k.oldest_rated_at), k.newest_rated_at) - k.mean_rated_at)) as seconds,
            bit_xor(recsys_internal.rating_hash(r.movie_id, r.rating)) as digest
        from recsys.ratings r
        cross join recsys.rankers k
        where k.model_id = {0} and r.user_id between {1} and {2}
        group by r.user_id
    ) r
    join recsys.ranker_users s on s.user_id = r.user_id and s.model_id = {0}
    where (s.rating_count, s.rating_digest) = (r.n, r.digest)
    order by s.user_id
"""


class BulkStars:
    """A model's ranker in memory.

    Attributes
    ----------
    candidates
        How many films are to be put in order, at least.
    features
        ``(n_films, d + 1)`` float32, in the order of the ids that it was read with.
    """

    def __init__(self, connection: Connection, model_id: int, movie_ids: Index) -> None:
        self.model_id = model_id
        self.mean, self.candidates, self.weight, self.dimension, *prior = (
            connection.exec_driver_sql(
                "select mean, candidates, weight, vector_dims(ridge),"
                " rating_variance, half_share, typical_ratings, time_unit"
                f" from recsys.rankers where model_id = {model_id}"
            ).one()
        )
        self.prior = Prior(*prior)
        self.units = _read_units(connection, model_id)
        rows = read_columns(
            connection, FEATURES.format(model_id), movie_id="i8", features=self.dimension
        )
        places = np.searchsorted(rows["movie_id"], movie_ids)
        self.features = torch.from_numpy(rows["features"][places])

    def raters(self, connection: Connection, first: int, last: int) -> tuple[Index, Raters]:
        """Return ids, ascending, and what is known of those users between two ids whose stored
        vector is up to date."""
        rows = read_columns(
            connection,
            RATERS.format(self.model_id, first, last),
            user_id="i8",
            embedding=self.dimension,
            n="i8",
            squares="f8",
            halves="i8",
            seconds="f8",
        )
        facts = rater_facts(rows["n"], rows["squares"], rows["halves"], rows["seconds"], self.prior)
        vectors = torch.from_numpy(rows["embedding"])
        vectors[:, -1] = 1
        return rows["user_id"], Raters(vectors, torch.from_numpy(facts).float())

    def reranked(self, raters: Raters, scores: Tensor, films: Tensor) -> Tensor:
        """Return ``(n_users, n)`` float64 scores in which the stars count, too.

        Parameters
        ----------
        scores, films
            ``(n_users, n)``: scores of retrieval, minus infinity where there are too few films;
            and the films' places.
        """
        scores = scores.double()
        best = scores.abs().where(scores.isfinite(), 0).amax(1, keepdim=True)  # (n_users, 1)
        usual = self.mean + self.features[films, -1]  # mean and bias
        ranked: Tensor = scores + self.weight * best * (self.stars(raters, films) - usual)
        return ranked

    def stars(self, raters: Raters, films: Tensor) -> Tensor:
        """Return ``(n_users, n)`` stars of the films at ``(n_users, n)`` places."""
        size = max(1, PAIRS_A_CHUNK // films.shape[1])  # users
        chunks = zip(*(part.split(size) for part in (*raters, films)), strict=True)
        return torch.cat([self._stars(*chunk) for chunk in chunks])

    def _stars(self, vectors: Tensor, facts: Tensor, films: Tensor) -> Tensor:
        units = self.units
        # For one user, a unit of the first layer is one vector that meets the film's.
        ours = torch.cat([units.by_film + units.by_pair * vectors[:, None], vectors[:, None]], 1)
        sums = self.features[films] @ ours.mT  # (n_users, n, n_units + 1)
        biases = units.biases[0] + torch.cat([vectors, facts], 1) @ units.by_user.T
        hidden = sums[..., :-1] + biases[:, None]  # (n_users, n, n_units)
        for weights, bias in zip(units.weights, units.biases[1:], strict=True):
            hidden = torch.relu(hidden) @ weights.T + bias
        return clipped(self.mean + sums[..., -1] + hidden[..., 0])


def find_bulk_stars(connection: Connection, model_id: int, movie_ids: Index) -> BulkStars | None:
    """Return the model's ranker, or None if it has none that changes the order."""
    found = connection.exec_driver_sql(
        f"select exists (select from recsys.rankers where model_id = {model_id} and weight > 0)"
    ).scalar_one()
    return BulkStars(connection, model_id, movie_ids) if found else None


def _read_units(connection: Connection, model_id: int) -> Units:
    rows = connection.execute(
        select(ranker_units)
        .where(ranker_units.c.model_id == model_id)
        .order_by(ranker_units.c.layer, ranker_units.c.unit)
    ).all()
    layers = [[row for row in rows if row.layer == layer] for layer in range(1, rows[-1].layer + 1)]

    def stacked(units: list[Any], column: str) -> Tensor:
        return torch.from_numpy(np.array([getattr(u, column) for u in units], dtype=np.float32))

    return Units(
        biases=[torch.tensor([unit.bias for unit in units]) for units in layers],
        by_user=stacked(layers[0], "user_weights"),
        by_film=stacked(layers[0], "weights"),
        by_pair=stacked(layers[0], "pair_weights"),
        weights=[stacked(units, "weights") for units in layers[1:]],
    )
