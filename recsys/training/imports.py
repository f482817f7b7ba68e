"""Vectors trained elsewhere to a model that is served like a trained one."""

from __future__ import annotations

import math
import platform
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine

from recsys.arrays import Index, Mask
from recsys.database.copy import read_columns
from recsys.database.errors import reported_errors
from recsys.errors import SourceError
from recsys.learning.imports import FOLD_IN, Group, Score, shares_of, usable, user_solve
from recsys.learning.vectors import NEGLIGIBLE, SHORTEST
from recsys.models.vectors import TrainedModel, write_model
from recsys.models.versions import activate_model, active_model
from recsys.parameters import POSITIVE_STARS
from recsys.progress import Progress, silent
from recsys.training.vector_files import VectorTable, holds_users, read_vectors, shown_id

LONGEST = 1e15  # of a user's vector: pgvector adds up squares in single precision

# How an outside id is found in the catalogue; where several films have it, the first one is meant.
CATALOGUE = {
    "movie_id": "select movie_id, movie_id from recsys.movies",
    "imdb_id": """
        select substr(imdb_id, 3)::bigint, min(movie_id) from recsys.movies
        where length(imdb_id) <= 20 group by 1
    """,
    "tmdb_id": """
        select tmdb_id, min(movie_id) from recsys.movies where tmdb_id is not null group by 1
    """,
}
LIKED = f"""
    select r.movie_id, count(*)::double precision / (
        select count(distinct user_id) from recsys.ratings where rating >= {POSITIVE_STARS})
    from recsys.ratings r where r.rating >= {POSITIVE_STARS} group by 1
"""


@dataclass(frozen=True)
class ImportReport:
    """What was imported.

    Attributes
    ----------
    previous
        The model that was active before, None if there was none.
    counts
        Of rows read and left out; kept with the model as its data.
    example
        An unknown film's id, empty if all are known.
    """

    model_id: int
    previous: int | None
    factors: int
    movies: int
    users: int
    counts: dict[str, int]
    example: str
    duration: timedelta


def import_vectors(
    engine: Engine,
    movies: Path,
    users: Path | None = None,
    score: Score = "dot",
    activate: bool = False,
    progress: Progress = silent,
) -> ImportReport:
    """Write vectors from files as a new model, in one transaction.

    Films without a vector in the files get none from their content: how their vectors would lie
    to the users' is not known of vectors trained elsewhere.

    Parameters
    ----------
    movies, users
        Files as `recsys.training.vector_files` reads them. Without `users`, those of an npz file
        with both.
    score
        ``dot``: the score is the dot product; ``cosine``: that of vectors of length 1.
    activate
        Let it answer from now on; the model that was active goes on otherwise.
    progress
        Called with the steps ``reading``, ``looking up`` and ``writing``.

    Raises
    ------
    SourceError
        A file cannot be read, the two do not fit, or the catalogue has none of the films.
    """
    started = time.monotonic()
    progress("reading", 0, note=movies.name)
    films, people = read_both(movies, users)
    with reported_errors(), engine.begin() as connection:
        progress("looking up", 0)
        movie_ids, known = find_films(connection, films)
        model = make_model(
            usable(movie_ids[known], films.vectors[known], score, films.name, NEGLIGIBLE),
            None if people is None else usable(people.ids, people.vectors, score, people.name),
            score,
            read_columns(connection, LIKED, movie_id="i8", share="f8"),
        )
        model.data.update(
            movies_read=len(films.ids),
            movies_unknown=int((~known).sum()),
            users_read=0 if people is None else len(people.ids),
        )
        model.parameters.update(file=films.name, users_file=people.name if people else None)
        previous = active_model(connection)
        progress("writing", 0)
        duration = timedelta(seconds=time.monotonic() - started)
        model_id = write_model(connection, replace(model, duration=duration))
        if activate:
            activate_model(connection, model_id)
    unknown = films.ids[~known]
    return ImportReport(
        model_id=model_id,
        previous=previous,
        factors=model.movies.shape[1],
        movies=len(model.movie_ids),
        users=len(model.user_ids),
        counts=model.data,
        example=shown_id(films.key, int(unknown[0])) if len(unknown) else "",
        duration=timedelta(seconds=time.monotonic() - started),
    )


def read_both(movies: Path, users: Path | None) -> tuple[VectorTable, VectorTable | None]:
    """Read the films' vectors and the users', which must be as long."""
    films = read_vectors(movies, "movies")
    if holds_users(movies):
        if users is not None:
            raise SourceError(f"{movies.name} holds the users' vectors, too: leave --users out")
        users = movies
    people = None if users is None else read_vectors(users, "users")
    if people is not None and people.vectors.shape[1] != films.vectors.shape[1]:
        raise SourceError(
            f"the films' vectors have {films.vectors.shape[1]:,} numbers and the users' "
            f"{people.vectors.shape[1]:,}: they must come from one training"
        )
    return films, people


def find_films(connection: Connection, films: VectorTable) -> tuple[Index, Mask]:
    """Return our movie_id of each of a file's films, and where there is one.

    Returns
    -------
    ndarray, ndarray
        ``(n,)`` int64, of no meaning where there is no such film, and ``(n,)`` bool.
    """
    found = read_columns(connection, CATALOGUE[films.key], outside="i8", movie_id="i8")
    order = np.argsort(found["outside"])
    outside, ours = found["outside"][order], found["movie_id"][order]
    places = np.searchsorted(outside, films.ids)
    known = places < len(outside)
    known[known] = outside[places[known]] == films.ids[known]
    if not known.any():
        raise SourceError(
            f"the database has none of the {len(films.ids):,} films of {films.name} (its first "
            f"{films.key} is {shown_id(films.key, int(films.ids[0]))}): load the films first, "
            "or name the ids imdb_id or tmdb_id if they are those"
        )
    movie_ids = np.zeros(len(films.ids), dtype=np.int64)
    movie_ids[known] = ours[places[known]]
    return movie_ids, known


def make_model(
    films: Group, people: Group | None, score: Score, liked: dict[str, NDArray[Any]]
) -> TrainedModel:
    """Make what the tables take: vectors turned to the films' principal axes, and an equation.

    A product with one side over a number and the other times it stays what it is, and a turn
    leaves it, too: the order of films is that of the vectors in the files. With a power of two as
    the number, nothing is even rounded.
    """
    scale = 2.0 ** round(math.log2(np.linalg.norm(films.vectors, axis=1).max()))
    movies = films.vectors / scale
    spread, axes = np.linalg.eigh(movies.T @ movies)  # (factors,), (factors, factors)
    movies = movies @ axes
    if people is None:
        people = Group(np.empty(0, dtype=np.int64), np.empty((0, len(axes))), 0)
    users = people.vectors * scale @ axes
    lengths = np.linalg.norm(users, axis=1)
    if len(users) and not SHORTEST < lengths.min() <= lengths.max() < LONGEST:
        raise SourceError(
            f"the users' vectors are {lengths.min():.0e} to {lengths.max():.0e} long where the "
            "longest film's is 1, which single precision does not hold: scale them"
        )
    weights = FOLD_IN[score]
    return TrainedModel(
        algorithm="import",
        user_ids=people.ids,
        movie_ids=films.ids,
        users=users.astype(np.float32),
        movies=movies.astype(np.float32),
        parameters={"score": score, **weights._asdict(), "threshold": POSITIVE_STARS},
        data={"movies_zero": films.left_out, "users_zero": people.left_out},
        versions={"python": platform.python_version(), "numpy": np.__version__},
        metrics={},
        duration=timedelta(0),
        solve=user_solve(movies, spread.clip(min=0), weights, shares_of(films.ids, liked)),
    )
