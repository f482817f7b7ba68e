"""Brute force in NumPy: what the SQL functions must answer, from the tables alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray
from sqlalchemy import Connection, Row

from recsys.serving.statements import TYPES

Array = NDArray[np.float64]
Entry = tuple[int, float, str]  # movie_id, score, source

GENRES = ["Action", "Comedy", "Drama", "Film-Noir", "Western"]


class Film(NamedTuple):
    year: int | None
    genres: set[str]
    rating_count: int
    liked_count: int
    popularity: float
    predicted: set[str]


class Catalogue:
    """Everything that brute force needs, read once; no dataclass, since hypothesis prints those.

    ``matrix[row]``, as stored, belongs to the film ``movie_ids[row]``.
    """

    def __init__(
        self,
        films: dict[int, Film],
        ratings: dict[int, dict[int, float]],  # of each user: stars of each film
        movie_ids: Array,
        matrix: Array,  # (n_films, factors + 1)
        content: set[int],  # the films whose vectors come from their content
        users: dict[int, Array],
        model: Row[Any],
    ) -> None:
        self.films, self.ratings, self.users = films, ratings, users
        self.movie_ids, self.matrix = movie_ids, matrix
        self.model_id, self.norm, self.factors = model.model_id, model.item_norm, model.factors
        self.parameters, self.prior = model.parameters, np.array(model.prior, dtype=np.float64)
        self.row = {movie_id: row for row, movie_id in enumerate(self.movie_ids.tolist())}
        self.content = content
        self.learned = self.matrix[:, : self.factors] * self.norm  # (n_films, factors), H
        trained = self.learned[[m not in content for m in self.movie_ids.tolist()]]
        self.n_trained = len(trained)
        self.gram = trained.T @ trained  # (factors, factors)
        lengths = np.linalg.norm(self.learned, axis=1, keepdims=True)
        self.unit = self.learned / np.where(lengths > 0, lengths, 1)

    def scores(self, ranking: Array) -> dict[int, float]:
        """The dot product of a user's stored vector with each film's."""
        scores = self.matrix @ ranking * self.norm
        return dict(zip(self.movie_ids.tolist(), scores.tolist(), strict=True))

    def likeness(self, direction: Array) -> dict[int, float]:
        """The cosine of a direction, ``(factors,)``, with each film's learned factors."""
        cosines = self.unit @ direction / np.linalg.norm(direction)
        pairs = zip(self.movie_ids.tolist(), cosines.tolist(), strict=True)
        return {m: cosine for m, cosine in pairs if m not in self.content}

    def direction(self, liked: Iterable[int], disliked: Iterable[int] = ()) -> Array | None:
        """Where more_like looks, ``(factors,)``."""
        towards, away = (
            self.unit[
                [self.row[m] for m in {*films} if m in self.row and m not in self.content]
            ].sum(axis=0)
            for films in (liked, disliked)
        )
        if not towards.any():
            return None
        mean: Array = towards / np.linalg.norm(towards)
        return mean - 0.5 * away / np.linalg.norm(away) if away.any() else mean

    def liked(self, user_id: int) -> list[int]:
        stars = self.parameters["threshold"]
        return [m for m, rating in self.ratings.get(user_id, {}).items() if rating >= stars]

    def equation(self, liked: Sequence[int]) -> tuple[Array, Array]:
        """A and the rows h of ``A w = sum of h``; the first axis of h is that of `liked`."""
        alpha, n_films = self.parameters["alpha"], self.n_trained
        h = self.learned[[self.row[m] for m in liked]]  # (n_liked, factors)
        weight = self.parameters["regularization"] * (len(liked) + alpha * n_films)
        a = alpha * self.gram + h.T @ h + weight * np.eye(self.factors)
        return a, h

    def solved(self, liked: Sequence[int]) -> Array:
        """The exact vector of a user who likes these films, ``(factors + 1,)`` as it is stored."""
        a, h = self.equation(liked)
        return np.append(np.linalg.solve(a, h.sum(axis=0)), 0)

    def contributions(self, liked: Sequence[int], movie_ids: Sequence[int]) -> Array:
        """What each liked film adds to others' scores, h' A^-1 e: ``(n_movies, n_liked)``."""
        a, h = self.equation(liked)
        others = self.learned[[self.row[m] for m in movie_ids]]  # (n_movies, factors)
        added: Array = np.linalg.solve(a, others.T).T @ h.T
        return added


def read_catalogue(connection: Connection, model_id: int | None = None) -> Catalogue:
    """Read what is rated and a model, the active one for None."""
    films = {
        row[0]: Film(row[1], set(row[2]), row[3], row[4], row[5], set(row[6]))
        for row in connection.exec_driver_sql(
            "select movie_id, year, genres, rating_count, liked_count, popularity,"
            " array(select genre from recsys.movie_genres_predicted p where p.movie_id = m.movie_id)"
            " from recsys_bi.movies m"
        )
    }
    ratings: dict[int, dict[int, float]] = {}
    for user_id, movie_id, stars in connection.exec_driver_sql(
        "select user_id, movie_id, rating from recsys.ratings"
    ):
        ratings.setdefault(user_id, {})[movie_id] = stars
    model = connection.exec_driver_sql(
        "select model_id, item_norm, factors, parameters, prior::real[] as prior from recsys.models "
        "where coalesce(model_id = %s, activated_at is not null) "
        "order by activated_at desc limit 1",
        (model_id,),
    ).one()
    (movie_ids, matrix), (user_ids, users) = (
        (np.array([row[0] for row in rows]), np.array([row[1] for row in rows], dtype=np.float64))
        for rows in (
            connection.exec_driver_sql(
                f"select {key}_id, embedding::real[] from recsys.{key}_vectors "
                f"where model_id = %s order by 1",
                (model.model_id,),
            ).all()
            for key in ("movie", "user")
        )
    )
    known = dict(zip(user_ids.tolist(), users, strict=True))
    content = connection.exec_driver_sql(
        "select movie_id from recsys.movie_vectors where model_id = %s and content",
        (model.model_id,),
    )
    return Catalogue(films, ratings, movie_ids, matrix, set(content.scalars()), known, model)


def passes(film: Film, movie_id: int, filters: dict[str, Any]) -> bool:
    if film.year is None and ("year_from" in filters or "year_to" in filters):
        return False  # a film of no known year is of no asked one
    genres = film.genres | (film.predicted if filters.get("include_predicted_genres") else set())
    return (
        ("genres" not in filters or bool(genres & set(filters["genres"])))
        and not genres & set(filters.get("exclude_genres", ()))
        and (film.year or 0) >= filters.get("year_from", 0)
        and (film.year or 0) <= filters.get("year_to", 9999)
        and film.rating_count >= filters.get("min_ratings", 0)
        and movie_id not in filters.get("exclude_movies", ())
    )


def brute_force(
    catalogue: Catalogue, scores: dict[int, float], barred: Iterable[int], filters: dict[str, Any]
) -> list[Entry]:
    """All films that may be answered: personal ones by the scores given, then popular ones."""
    barred = set(barred)
    allowed = [
        m for m, film in catalogue.films.items() if m not in barred and passes(film, m, filters)
    ]
    personal = [
        (m, scores[m], "content" if m in catalogue.content else "personal")
        for m in allowed
        if m in scores
    ]
    popular = [(m, catalogue.films[m].popularity, "popular") for m in allowed if m not in scores]
    personal.sort(key=lambda row: (-row[1], row[0]))
    popular.sort(key=lambda row: (-row[1], -catalogue.films[row[0]].liked_count, row[0]))
    return personal + popular


def check_list(
    rows: list[dict[str, Any]],
    everything: list[Entry],
    k: int,
    source: str = "personal",
    exact: bool = True,
) -> None:
    """Compare an answer with all that may be answered; its own scores put it in order.

    Without `exact`, some of the best may be missing, as an approximate index misses them.
    """
    best, close = everything[:k], 1e-5
    truth = {movie_id: score for movie_id, score, _ in everything}
    assert [row["rank"] for row in rows] == list(range(1, len(best) + 1))
    sources = {m: source if kind == "personal" else kind for m, _, kind in everything}
    assert [row["source"] for row in rows] == [sources[row["movie_id"]] for row in rows]
    assert len([row for row in rows if row["source"] == "popular"]) == len(
        [row for row in best if row[2] == "popular"]
    )
    assert len({row["movie_id"] for row in rows}) == len(rows)
    scores = [row["score"] for row in rows]
    assert scores == pytest.approx([truth[row["movie_id"]] for row in rows], abs=close)
    personal = [(-row["score"], row["movie_id"]) for row in rows if row["source"] != "popular"]
    assert personal == sorted(personal)
    popular = [row["movie_id"] for row in rows if row["source"] == "popular"]
    assert popular == [row[0] for row in best if row[2] == "popular"]
    if exact:
        assert scores == pytest.approx([row[1] for row in best], abs=close)


def call(connection: Connection, function: str, **arguments: Any) -> list[dict[str, Any]]:
    named = ", ".join(f"{name} => %({name})s::{TYPES[name]}" for name in arguments)
    found = connection.exec_driver_sql(f"select * from recsys.{function}({named})", arguments)
    return [dict(row) for row in found.mappings()]


def user_vector(connection: Connection, user_id: int, model_id: int | None = None) -> Array | None:
    found = connection.exec_driver_sql(
        "select recsys.user_vector(%s, %s)::real[]", (user_id, model_id)
    ).scalar()
    return None if found is None else np.array(found, dtype=np.float64)


def rate(connection: Connection, user_id: int, ratings: dict[int, float]) -> None:
    connection.exec_driver_sql(
        "insert into recsys.ratings (user_id, movie_id, rating) "
        "select %s, * from unnest(%s::bigint[], %s::real[]) "
        "on conflict (user_id, movie_id) do update set rating = excluded.rating",
        (user_id, list(ratings), list(ratings.values())),
    )


def filter_sets(
    genres: Sequence[str] = GENRES, most_movies: int = 160, most_ratings: int = 600
) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "genres": st.lists(st.sampled_from(genres), max_size=3),
            "exclude_genres": st.lists(st.sampled_from(genres), max_size=2),
            "year_from": st.integers(1920, 2025),
            "year_to": st.integers(1920, 2025),
            "min_ratings": st.integers(0, most_ratings),
            "exclude_movies": st.lists(st.integers(1, most_movies), max_size=30),
            "include_predicted_genres": st.booleans(),
        },
    )
