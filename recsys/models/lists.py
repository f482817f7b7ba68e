"""Recommendations for all users at once, into a table that BI tools join."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, text
from torch import Tensor

from recsys.arrays import Index, Numbers
from recsys.database.copy import read_columns, write_columns
from recsys.database.engine import driver
from recsys.database.errors import reported_errors
from recsys.errors import InvalidRequest
from recsys.learning.retrieval import best
from recsys.models.orders import find_bulk_order
from recsys.progress import Progress, silent

USERS_A_CHUNK, ROWS_A_CHUNK = 2000, 10_000_000
USERS = """
    select distinct user_id from recsys.ratings union select user_id from recsys.users
    union select v.user_id
    from recsys.user_vectors v join recsys_internal.find_model(null) m on m.model_id = v.model_id
    where v.liked_count is null  -- from elsewhere: no ratings of theirs need be here
"""
# One row a user: what they rated, as the bytes of the ids, and what tells whether their stored
# vector is still that of the films they like; see recsys_internal.find_taste.
RATED = """
    select r.user_id, string_agg(int8send(r.movie_id), ''::bytea),
        count(*) filter (where r.rating >= m.liked_from),
        coalesce(bit_xor(recsys_internal.like_hash(r.movie_id))
            filter (where r.rating >= m.liked_from), 0)
    from recsys.ratings r
    cross join recsys.models m
    where r.user_id between %s and %s and m.model_id = %s
    group by r.user_id
    order by r.user_id
"""
STORED = """
    select user_id, embedding, coalesce(liked_count, -1), coalesce(liked_digest, 0)
    from recsys.user_vectors
    where model_id = {} and user_id between {} and {}
    order by user_id
"""
# Feedback that changes a list is the function's to judge.
WATCHERS = (
    "select distinct user_id from recsys.feedback"
    " where recsys_internal.watched(kind) or recsys_internal.away(kind, at)"
)
# Aside first: Citus cannot read what a function reads while it writes.
ONE_BY_ONE = """
    create temp table one_by_one on commit drop as
    select u.user_id, r.rank, r.movie_id, r.score, r.source, r.model_id,
        transaction_timestamp() as made_at
    from unnest(cast(:users as bigint[])) as u (user_id)
    cross join lateral recsys.recommend(u.user_id, k => :k, model_id => :model_id) r
"""
WRITE = """
    insert into recsys.recommendations
        (user_id, rank, movie_id, score, source, model_id, made_at)
    select user_id, rank, movie_id, score, source, model_id, made_at from one_by_one;
    drop table one_by_one
"""


def recommend_all(
    engine: Engine,
    k: int = 10,
    progress: Progress = silent,
) -> int:
    """Fill ``recsys.recommendations`` with what ``recsys.recommend`` gives each user.

    Old rows are replaced in one transaction: readers see them until it ends. Users whose stored
    vectors are up to date are scored together by matrix products, in a fraction of the time;
    all others are asked of the function one by one.

    Returns
    -------
    int
        The number of users.
    """
    if k < 1:
        raise InvalidRequest(f"k is {k}: it must be 1 or more")
    with reported_errors(), engine.connect() as connection:
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            # Two runs take turns; readers do not wait. It stands before the first snapshot.
            connection.exec_driver_sql(
                "lock table recsys.recommendations in share row exclusive mode"
            )
            connection.exec_driver_sql("delete from recsys.recommendations")
            model = connection.exec_driver_sql(
                "select m.model_id, m.factors, m.item_norm from recsys_internal.find_model(null) m"
            ).one()
            films = None if model.model_id is None else Films(connection, *model)
            if films is not None and not films.serves(k):
                films = None
            pool = k if films is None else films.pool(k)
            step = min(USERS_A_CHUNK, max(1, ROWS_A_CHUNK // pool))
            users = np.sort(read_columns(connection, USERS, user_id="i8")["user_id"])
            watchers = read_columns(connection, WATCHERS, user_id="i8")["user_id"]
            for start in range(0, len(users), step):
                chunk = users[start : start + step]
                known = np.setdiff1d(chunk, watchers)
                done = chunk[:0] if films is None else films.recommend(connection, known, k)
                left = np.setdiff1d(chunk, done)
                if len(left):
                    connection.execute(
                        text(ONE_BY_ONE),
                        {"users": left.tolist(), "k": k, "model_id": model.model_id},
                    )
                    connection.exec_driver_sql(WRITE)
                progress("recommending", start + len(chunk), len(users))
    return len(users)


class Films:
    """A model's vectors of the films on offer in memory, the longest first.

    Attributes
    ----------
    movie_ids
        ``(n_films,)`` int64.
    vectors
        ``(n_films, factors + 1)`` float32.
    norms
        ``(n_films,)`` float32: no score of a user u exceeds ``norm * |u| * item_norm``.
    content
        ``(n_films,)`` bool: the vector comes from what the film is.
    ranking
        What puts retrieved films in order, if anything does.
    """

    def __init__(
        self, connection: Connection, model_id: int, factors: int, item_norm: float
    ) -> None:
        self.model_id, self.dimension, self.item_norm = model_id, factors + 1, item_norm
        rows = read_columns(
            connection,
            "select v.movie_id, v.embedding, v.norm, v.content from recsys.movie_vectors v"
            " join recsys_internal.offered_movies(false) m on m.movie_id = v.movie_id"
            f" where v.model_id = {model_id} order by v.norm desc, v.movie_id",
            movie_id="i8",
            embedding=self.dimension,
            norm="f4",
            content="?",
        )
        self.movie_ids, self.norms = rows["movie_id"], torch.from_numpy(rows["norm"])
        self.content = rows["content"]
        self.vectors = torch.from_numpy(rows["embedding"])
        self.order = np.argsort(self.movie_ids)
        self.ranking = find_bulk_order(connection, model_id)
        if self.ranking is not None:
            # It also has the films that lists leave out: users may have rated them.
            self.place = np.searchsorted(self.ranking.movie_ids, self.movie_ids)
            row_of = np.full(len(self.ranking.movie_ids), -1)
            row_of[self.place] = np.arange(len(self.movie_ids))
            popular = row_of[self.ranking.by_popularity]
            self.by_popularity = torch.from_numpy(popular[popular >= 0])

    def serves(self, k: int) -> bool:
        """Tell whether lists of k films can be made here; others are left to the function.

        Those with popular films alone, or with more films than are put in order, are left.
        """
        if self.ranking is None:
            return k <= len(self.movie_ids)
        return (
            k <= min(self.ranking.candidates, len(self.movie_ids)) and not self.ranking.is_popular
        )

    def pool(self, k: int) -> int:
        """Return how many films are retrieved, of which k are chosen."""
        return k if self.ranking is None else self.ranking.candidates

    def recommend(self, connection: Connection, users: Index, k: int) -> Index:
        """Write the lists of those of the users whose vectors are up to date; return their ids."""
        first, last = int(users[0]), int(users[-1])
        with driver(connection).cursor(binary=True) as cursor:
            rows = cursor.execute(RATED, (first, last, self.model_id)).fetchall()
        raters = np.array([row[0] for row in rows], dtype=np.int64)
        counts, digests = np.array([row[2:] for row in rows], dtype=np.int64).reshape(-1, 2).T
        stored = read_columns(
            connection,
            STORED.format(self.model_id, first, last),
            user_id="i8",
            embedding=self.dimension,
            liked_count="i8",
            liked_digest="i8",
        )
        _, here, place = np.intersect1d(raters, stored["user_id"], return_indices=True)
        fixed = stored["liked_count"][place] < 0
        same = (counts[here] == stored["liked_count"][place]) & (
            digests[here] == stored["liked_digest"][place]
        )
        served = fixed | same
        if self.ranking is not None:
            served &= counts[here] >= self.ranking.least_likes  # others are left to the function
        here, place = here[served], place[served]
        rated = [np.frombuffer(rows[row][1], dtype=">i8") for row in here]
        scores, films = best(
            torch.from_numpy(stored["embedding"][place]),
            self.vectors,
            self.norms,
            *self._places(rated),
            self.pool(k),
        )
        # Lists that popular films must fill are left to the function.
        full = torch.isfinite(scores[:, k - 1])
        done: Index = raters[here][full.numpy()]
        scores, films = scores[full].double() * self.item_norm, films[full]
        if self.ranking is not None and len(done):
            seen = [ids for ids, kept in zip(rated, full.tolist(), strict=True) if kept]
            vectors = torch.from_numpy(stored["embedding"][place])[full]
            scores, films = self._ordered(connection, done, vectors, seen, scores, films)
            # So are those that go on with films that are not put in order.
            long = scores.isfinite().sum(1) > k
            done, scores, films = done[long.numpy()], scores[long], films[long]
        self._write(connection, done, scores.numpy(), films.numpy(), k)
        return done

    def _ordered(
        self,
        connection: Connection,
        users: Index,
        vectors: Tensor,
        rated: list[Index],
        scores: Tensor,
        films: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Return the candidates, with popular films, and their scores, minus infinity for none."""
        assert self.ranking is not None
        free = torch.ones(len(users), len(self.movie_ids), dtype=torch.bool)
        free[self._places(rated)] = False
        free = free[:, self.by_popularity]
        first = free & (free.cumsum(1) <= self.ranking.popular_candidates)
        chosen = first.float().topk(min(self.ranking.popular_candidates, free.shape[1]))
        more = self.by_popularity[chosen.indices]  # (n_users, n)
        new = (chosen.values > 0) & ~(more[:, :, None] == films[:, None]).any(2)
        products = torch.linalg.vecdot(self.vectors[more], vectors[:, None]) * self.item_norm
        there = torch.cat([scores.isfinite(), new], 1)
        found = torch.cat([scores, products], 1).where(there, 0).float()
        films = torch.cat([films, more], 1)
        places = torch.from_numpy(self.place)[films]
        ordered = self.ranking.scores(self.ranking.viewers(connection, users), found, places)
        return ordered.double().masked_fill(~there, -torch.inf), films

    def _places(self, rated: list[Index]) -> tuple[Tensor, Tensor]:
        """Return row and column of each rated film that the model knows."""
        rows = np.repeat(np.arange(len(rated)), [len(films) for films in rated])
        films = np.concatenate([*rated, np.empty(0, dtype=np.int64)]).astype(np.int64)
        found = np.searchsorted(self.movie_ids, films, sorter=self.order) % len(self.order)
        columns = self.order[found]
        known = self.movie_ids[columns] == films
        return torch.from_numpy(rows[known]), torch.from_numpy(columns[known])

    def _write(
        self,
        connection: Connection,
        users: Index,
        scores: Numbers,
        films: Index,
        k: int,
    ) -> None:
        n = len(users)
        order = np.lexsort((self.movie_ids[films], -scores), axis=1)[:, :k]
        made_at = connection.exec_driver_sql(
            "select (extract(epoch from transaction_timestamp() - '2000-01-01 00:00:00+00')"
            " * 1000000)::bigint"
        ).scalar_one()
        chosen = np.take_along_axis(films, order, axis=1).ravel()
        columns: dict[str, NDArray[Any]] = {
            "user_id": np.repeat(users, k),
            "rank": np.tile(np.arange(1, k + 1, dtype=np.int32), n),
            "movie_id": self.movie_ids[chosen],
            "score": np.take_along_axis(scores, order, axis=1).ravel().astype(np.float64),
            "model_id": np.full(n * k, self.model_id, dtype=np.int64),
            "made_at": np.full(n * k, made_at, dtype=np.int64),
        }
        # Texts of one COPY are of one length.
        for source, rows in (
            (b"personal", ~self.content[chosen]),
            (b"content", self.content[chosen]),
        ):
            part = {name: values[rows] for name, values in columns.items()}
            part["source"] = np.full(len(part["rank"]), source)
            write_columns(connection, "recsys.recommendations", part)
