"""The order of the lists into the tables, and from them for many users at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from sqlalchemy import Connection, select
from torch import Tensor

from recsys.arrays import Index
from recsys.database.copy import read_columns, write_columns
from recsys.database.tables import order_units, orders
from recsys.learning.additive import DIRECTIONS, Additive
from recsys.learning.likes import Likes
from recsys.learning.order import OF_USER, Order, Units
from recsys.learning.questions import LearnedOrder
from recsys.learning.ratings import Ratings
from recsys.learning.standing import (
    CANDIDATES,
    FEW_LIKES,
    POPULAR,
    RECENT_UNIT,
    FilmFacts,
    Viewers,
    inputs,
    popular,
    viewers,
)

USERS_A_CHUNK = 200
FILMS = """
    select v.movie_id, coalesce(f.liked::vector, n.nothing), coalesce(f.rated::vector, n.nothing),
        coalesce(f.outward::vector, n.nothing || n.nothing), coalesce(f.age, 'NaN'),
        m.popularity, m.liked_count
    from recsys.movie_vectors v
    join recsys.movies m on m.movie_id = v.movie_id
    left join recsys.order_films f on f.model_id = v.model_id and f.movie_id = v.movie_id
    cross join (select array_fill(0, array[{1}])::vector) n (nothing)
    where v.model_id = {0}
    order by v.movie_id
"""
RATINGS = """
    select r.user_id, r.movie_id, r.rating >= m.liked_from,
        date_part('epoch', least(greatest(r.rated_at, o.oldest_rated_at), o.newest_rated_at))
    from recsys.ratings r
    cross join recsys.models m
    join recsys.orders o on o.model_id = m.model_id
    where m.model_id = {0} and r.user_id between {1} and {2}
"""


def write_order(
    connection: Connection, model_id: int, learned: LearnedOrder, ratings: Ratings, likes: Likes
) -> None:
    """Write the order of a model that has just been written, from the ratings and likes that it
    was made from."""
    oldest, newest = (
        datetime.fromtimestamp(float(time), UTC)
        for time in (ratings.seconds.min(), ratings.seconds.max())
    )
    units = learned.order.units()
    row: dict[str, Any] = {
        "model_id": model_id,
        "name": learned.name,
        "taught_by": learned.taught_by,
        "candidates": CANDIDATES,
        "popular_candidates": POPULAR,
        "directions": DIRECTIONS,
        "recent_unit": RECENT_UNIT,
        "oldest_rated_at": oldest,
        "newest_rated_at": newest,
        "lowest_facts": units.lowest.tolist(),
        "highest_facts": units.highest.tolist(),
        "least_weights": units.least.tolist(),
        "typical_inputs": learned.typical,
        "metrics": learned.metrics,
    }
    connection.execute(orders.insert(), row)
    connection.execute(
        order_units.insert(),
        [
            {
                "model_id": model_id,
                "unit": place,
                "bias": float(bias),
                "by_fact": by_fact.numpy(),
                "outputs": outputs.numpy(),
            }
            for place, (by_fact, bias, outputs) in enumerate(
                zip(units.by_fact, units.biases, units.outputs, strict=True), start=1
            )
        ],
    )
    rated = np.unique(ratings.movie_index)
    liked = np.isin(ratings.movie_ids[rated], likes.movie_ids)
    write_columns(
        connection,
        "recsys.order_films",
        {
            "model_id": np.full(len(rated), model_id, dtype=np.int64),
            "movie_id": ratings.movie_ids[rated],
            **{
                name: vectors[rated].astype(np.float16)
                for name, vectors in learned.vectors._asdict().items()
            },
            "age": np.where(liked, learned.facts.age[rated], np.nan).astype(np.float32),
        },
    )
    for name in ("orders", "order_units", "order_films"):
        connection.exec_driver_sql(f"analyze recsys.{name}")


def read_order(connection: Connection, model_id: int) -> LearnedOrder | None:
    """Return a model's order without films; None if it has none, or one of other lengths."""
    row = connection.execute(select(orders).where(orders.c.model_id == model_id)).one_or_none()
    if row is None or row.directions != DIRECTIONS or "ridge" not in row.metrics:
        return None
    return LearnedOrder(
        row.name,
        row.taught_by,
        Order.of(_read_units(connection, model_id)),
        row.typical_inputs,
        row.metrics,
    )


class BulkOrder:
    """A model's order in memory: what `recsys_internal.rerank` does for one user, for many.

    Attributes
    ----------
    candidates, popular_candidates
        How many films of retrieval, and how many popular ones, are put in order.
    least_likes
        Users with fewer keep retrieval's order.
    is_popular
        Whether all users get the films that are popular now.
    """

    def __init__(self, connection: Connection, model_id: int) -> None:
        self.model_id = model_id
        row = connection.execute(select(orders).where(orders.c.model_id == model_id)).one()
        self.is_popular, directions = row.name == "popular", row.directions
        self.candidates, self.popular_candidates = row.candidates, row.popular_candidates
        self.newest = row.newest_rated_at.timestamp()
        self.typical = torch.tensor(row.typical_inputs)
        # As recsys_internal.find_ordering: of users with fewer it may have learned nothing.
        self.least_likes = FEW_LIKES if row.highest_facts[0] <= row.lowest_facts[0] else 0
        self.units = _read_units(connection, model_id)
        rows = read_columns(
            connection,
            FILMS.format(model_id, directions),
            movie_id="i8", liked=directions, rated=directions, outward=2 * directions,
            age="f4", popularity="f8", liked_count="i8",
        )  # fmt: skip
        self.movie_ids = rows["movie_id"]
        self.vectors = Additive(rows["liked"], rows["rated"], rows["outward"])
        self.outward = torch.from_numpy(rows["outward"])
        decayed, likes = rows["popularity"], rows["liked_count"].astype(np.float64)
        self.facts = FilmFacts(decayed, likes, popular(decayed), rows["age"].astype(np.float64))
        # As recsys_internal.popular_movies: ids are ascending, and the sort is stable.
        self.by_popularity = np.lexsort((-likes, -decayed))

    def viewers(self, connection: Connection, users: Index) -> Viewers:
        """Return some users, ascending, as of this statement."""
        rows = read_columns(
            connection,
            RATINGS.format(self.model_id, users[0], users[-1]),
            user_id="i8", movie_id="i8", liked="?", seconds="f8",
        )  # fmt: skip
        theirs = np.isin(rows["user_id"], users)
        films = rows["movie_id"][theirs]
        places = np.searchsorted(self.movie_ids, films) % len(self.movie_ids)
        return viewers(
            self.vectors,
            np.searchsorted(users, rows["user_id"][theirs]),
            np.where(self.movie_ids[places] == films, places, -1),
            rows["liked"][theirs],
            rows["seconds"][theirs],
            len(users),
            self.newest,
        )

    def scores(self, who: Viewers, retrieval: Tensor, films: Tensor) -> Tensor:
        """Return ``(n_users, c)`` scores of films at ``(n_users, c)`` places in `movie_ids`."""
        weights = self.units.weights(who.facts)
        rows = torch.arange(len(films)).split(USERS_A_CHUNK)
        return torch.cat(
            [
                (self._inputs(who.part(row), retrieval[row], films[row]) @ weights[row, :, None])
                for row in rows
            ]
        )[:, :, 0]

    def _inputs(self, who: Viewers, retrieval: Tensor, films: Tensor) -> Tensor:
        """Return the inputs, typical ones for films of which nothing is learned."""
        found = inputs(self.outward, self.facts, who, retrieval, films)
        of_user, others = self.typical[:OF_USER], self.typical[OF_USER:]
        typical = torch.cat(
            [retrieval[:, :, None] * of_user, others.expand(*films.shape, len(others))], 2
        )
        return typical.where(found[:, :, -1:].isnan(), found)


def find_bulk_order(connection: Connection, model_id: int) -> BulkOrder | None:
    """Return the model's order, or None if its lists have that of retrieval."""
    found = connection.exec_driver_sql(
        "select exists (select from recsys.orders"
        f" where model_id = {model_id} and name <> 'retrieval')"
    ).scalar_one()
    return BulkOrder(connection, model_id) if found else None


def _read_units(connection: Connection, model_id: int) -> Units:
    bounds = connection.execute(
        select(orders.c.lowest_facts, orders.c.highest_facts, orders.c.least_weights).where(
            orders.c.model_id == model_id
        )
    ).one()
    rows = connection.execute(
        order_units.select().where(order_units.c.model_id == model_id).order_by("unit")
    ).all()
    by_fact, outputs = (
        torch.from_numpy(np.array([getattr(row, name) for row in rows], dtype=np.float32))
        for name in ("by_fact", "outputs")
    )
    biases = torch.tensor([row.bias for row in rows])
    lowest, highest, least = map(torch.tensor, bounds)
    return Units(lowest, highest, by_fact, biases, outputs, least)
