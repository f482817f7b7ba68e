"""The order of the lists by brute force in NumPy: what a user weighs, and scores, from the tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection

from tests.helpers.oracle import Array, Catalogue, Entry, brute_force, rate, user_vector
from tests.helpers.ranker_oracle import Rating

DAY = 86_400.0
INPUTS, FEW_LIKES = 6, 4


class OrderFilm(NamedTuple):
    """What a film adds for a user who likes it or rated it, and what it is scored by."""

    liked: Array  # (d,)
    rated: Array  # (d,)
    outward: Array  # (2 d,)
    age: float


class Standing(NamedTuple):
    """A user as the order sees them: weights of the inputs, and how much each rating counts."""

    weights: Array  # (6,)
    sums: Array  # (2 d,)
    recent: Array  # (2 d,)
    vectors: dict[int, Array]  # of each rated film that the order knows, (2 d,)
    recency: dict[int, float]
    liked: set[int]


class ListOrder:
    """All of a model's order, read once; no dataclass, since hypothesis prints those."""

    def __init__(self, connection: Connection, model_id: int) -> None:
        run = connection.exec_driver_sql
        self.row = run(
            "select o.*, m.liked_from from recsys.orders o join recsys.models m using (model_id)"
            " where model_id = %s",
            (model_id,),
        ).one()
        self.units = [
            (bias, np.array(by_fact, dtype=np.float64), np.array(outputs, dtype=np.float64))
            for bias, by_fact, outputs in run(
                "select bias, by_fact::real[], outputs::real[] from recsys.order_units"
                " where model_id = %s",
                (model_id,),
            )
        ]
        self.films = {
            movie_id: OrderFilm(np.array(liked), np.array(rated), np.array(outward), age)
            for movie_id, liked, rated, outward, age in run(
                "select movie_id, liked::vector::real[], rated::vector::real[],"
                " outward::vector::real[], age from recsys.order_films where model_id = %s",
                (model_id,),
            )
        }
        self.likes = {
            movie_id: (popularity, liked_count)
            for movie_id, popularity, liked_count in run(
                "select movie_id, popularity, liked_count from recsys.movies"
            )
        }

        self.little = 1e-4 * max(1e-9, *(popularity for popularity, _ in self.likes.values()))

    def clipped(self, seconds: float) -> float:
        first, last = self.row.oldest_rated_at.timestamp(), self.row.newest_rated_at.timestamp()
        return float(min(max(seconds, first), last))

    def standing(self, ratings: Sequence[Rating]) -> Standing:
        """A user with these ratings."""
        times = [self.clipped(seconds) for _, _, seconds in ratings]
        likes = sum(stars >= self.row.liked_from for _, stars, _ in ratings)
        facts = [float(likes < FEW_LIKES), 0.0, 0.0]
        if ratings:
            idle = self.row.newest_rated_at.timestamp() - max(times)
            span = max(times) - min(times)
            facts[1:] = [math.floor(math.log2(1 + days / DAY)) for days in (idle, span)]
        seen = np.clip(facts, self.row.lowest_facts, self.row.highest_facts)
        weights = np.zeros(INPUTS)
        for bias, by_fact, outputs in self.units:
            weights += max(bias + float(by_fact @ seen), 0) * outputs
        weights = np.maximum(weights, self.row.least_weights)
        vectors, recency, liked = dict[int, Array](), dict[int, float](), set[int]()
        for (movie_id, stars, _), time in zip(ratings, times, strict=True):
            if movie_id not in self.films:
                continue
            film = self.films[movie_id]
            likes_it = stars >= self.row.liked_from
            vectors[movie_id] = np.concatenate([film.liked * likes_it, film.rated])
            recency[movie_id] = 0.5 ** ((max(times) - time) // self.row.recent_unit)
            if likes_it:
                liked.add(movie_id)
        nothing = np.zeros(2 * self.row.directions)
        sums = sum(vectors.values(), start=nothing)
        recent = sum((recency[m] * vector for m, vector in vectors.items()), start=nothing)
        return Standing(weights, sums, recent, vectors, recency, liked)

    def inputs(self, who: Standing, movie_id: int, retrieval: float) -> Array:
        """What a film is scored by, ``(6,)``."""
        if movie_id not in self.films or math.isnan(self.films[movie_id].age):
            typical = np.array(self.row.typical_inputs)
            return np.concatenate([retrieval * typical[:3], typical[3:]])
        outward, age = self.films[movie_id].outward, self.films[movie_id].age
        popularity, liked_count = self.likes[movie_id]
        return np.array(
            [
                retrieval,
                outward @ who.sums,
                outward @ who.recent,
                math.log(popularity + self.little),
                math.log(liked_count + 0.5),
                age,
            ]
        )

    def score(self, who: Standing, movie_id: int, retrieval: float) -> float:
        return float(who.weights @ self.inputs(who, movie_id, retrieval))

    def additions(self, who: Standing, movie_id: int, even: bool = False) -> dict[int, float]:
        """What each rated film adds to a film's score, or to one to which all add alike."""
        if movie_id not in self.films or math.isnan(self.films[movie_id].age):
            return {}
        _, always, recently = (1.0, 1.0, 0.0) if even else who.weights[:3].tolist()
        return {
            rated: (always + recently * who.recency[rated])
            * float(self.films[movie_id].outward @ vector)
            for rated, vector in who.vectors.items()
        }

    def reranked(
        self, who: Standing, catalogue: Catalogue, everything: Sequence[Entry], pool: int
    ) -> list[Entry]:
        """A list of all that may be answered, as retrieval gives it, put in order.

        So many are retrieved, at least as many as are put in order; of the others, only those that
        popularity brings are answered.
        """
        personal = [entry for entry in everything if entry[2] != "popular"]
        retrieval = {m: score for m, score, _ in personal}
        taken = personal[: max(pool, self.row.candidates)]
        head = {m for m, _, _ in taken[: self.row.candidates]}
        by_popularity = sorted(
            (m for m, _, _ in everything), key=lambda m: (*(-x for x in self.likes[m]), m)
        )
        head |= {m for m in by_popularity[: self.row.popular_candidates] if m in retrieval}
        ordered = [
            (
                m,
                self.score(who, m, retrieval[m]),
                "content" if m in catalogue.content else "personal",
            )
            for m in head
        ]
        lowest = min((score for _, score, _ in ordered), default=0.0)
        lowest -= 1e-9 * (1 + abs(lowest))
        rest = [entry for entry in taken if entry[0] not in head]
        best = max((score for _, score, _ in rest), default=0.0)
        ordered += [(m, score - best + lowest, source) for m, score, source in rest]
        ordered.sort(key=lambda entry: (-entry[1], entry[0]))
        listed = {m for m, _, _ in ordered}
        return ordered + [
            (m, self.likes[m][0], "popular") for m in by_popularity if m not in listed
        ]

    def popular(self, everything: Sequence[Entry]) -> list[Entry]:
        """The same by popularity alone."""
        found = [(m, self.likes[m][0], "popular") for m, _, _ in everything]
        return sorted(found, key=lambda entry: (*(-x for x in self.likes[entry[0]]), entry[0]))


def retrieved(
    connection: Connection,
    catalogue: Catalogue,
    user_id: int,
    stars: dict[int, float],
    barred: Iterable[int],
    filters: dict[str, Any],
) -> list[Entry]:
    """All that may be answered to a user with these stars now, by the scores of retrieval."""
    vector, scores = user_vector(connection, user_id), dict[int, float]()
    if vector is not None:
        liked = {m for m, given in stars.items() if given >= catalogue.parameters["threshold"]}
        live = liked != set(catalogue.liked(user_id))
        scores = catalogue.scores(vector + catalogue.prior if live and len(liked) < 3 else vector)
    return brute_force(catalogue, scores, barred, filters)


def teach(connection: Connection, seed: int = 0) -> None:
    """Let the order of the only model weigh every input, for each user in another way.

    What a short training learns may be that all but one input says nothing. Facts are cut off
    within those of the users, and some units are silent for some of them.
    """
    generator = np.random.default_rng(seed)
    usual = np.array([0.1, 0.5, 0.5, 2, 2, 2])  # spreads, such that each input changes places
    outputs = np.vstack([np.ones(INPUTS), generator.normal(size=(4, INPUTS))]) / usual
    lowest, highest = np.array([0, 0.5, 0.5]), np.array([0.7, 6, 6])
    by_fact = np.vstack([np.zeros(3), generator.normal(size=(4, 3))])
    biases = np.append(1, -by_fact[1:] @ (lowest + highest) / 2)
    run = connection.exec_driver_sql
    run(
        "update recsys.orders set name = 'learned', candidates = 60, popular_candidates = 20,"
        " lowest_facts = %s, highest_facts = %s, typical_inputs = '{1, 1.5, 1.2, 0.5, 1, 3}',"
        " least_weights = '{0, 0.1, 0, 0, -Infinity, -Infinity}'",
        (lowest.tolist(), highest.tolist()),
    )
    run("delete from recsys.order_units")
    for unit, row in enumerate(zip(biases, by_fact, outputs, strict=True), start=1):
        run(
            "insert into recsys.order_units (model_id, unit, bias, by_fact, outputs)"
            " select model_id, %s, %s, %s, %s from recsys.orders",
            (unit, float(row[0]), *(str(column.tolist()) for column in row[1:])),
        )


def teach_plain(connection: Connection, name: str, weights: Sequence[float]) -> None:
    """Let the order of the only model weigh the inputs so, for all users alike."""
    run = connection.exec_driver_sql
    run(
        "update recsys.orders set name = %s, least_weights = array_fill('-Infinity'::real, '{6}')",
        (name,),
    )
    run("delete from recsys.order_units")
    run(
        "insert into recsys.order_units (model_id, unit, bias, by_fact, outputs)"
        " select model_id, 1, 1, '[0, 0, 0]', %s from recsys.orders",
        (str(list(weights)),),
    )


def rate_at(connection: Connection, user_id: int, ratings: dict[int, float], when: str) -> None:
    """Let a user give these stars at a time."""
    rate(connection, user_id, ratings)
    connection.exec_driver_sql(
        "update recsys.ratings set rated_at = %s where user_id = %s and movie_id = any (%s)",
        (when, user_id, list(ratings)),
    )
