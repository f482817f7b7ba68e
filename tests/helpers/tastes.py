"""Ratings with a known answer."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Engine

from recsys.database.copy import write_columns

USERS, MOVIES = 40, 60


def write_two_tastes(engine: Engine) -> None:
    """Even users like 12 of the first 30 films, odd ones of the others; all dislike 3 of these."""
    generator = np.random.default_rng(0)
    films = np.array([generator.permutation(30)[:15] + 30 * (user % 2) for user in range(USERS)])
    with engine.begin() as connection:
        run = connection.exec_driver_sql
        run("insert into recsys.genres (name) values ('Comedy'), ('Drama')")
        run("insert into recsys.movies (movie_id, title) select 7 * i, 'Film ' || i"
            f" from generate_series(0, {MOVIES - 1}) i")  # fmt: skip
        run("insert into recsys.movie_genres select movie_id, 1 + (movie_id / 7 >= 30)::int"
            " from recsys.movies")  # fmt: skip
        write_columns(
            connection,
            "recsys.ratings",
            {
                "user_id": np.repeat(np.arange(USERS) * 11, 15),
                "movie_id": films.ravel() * 7,
                "rating": np.tile(np.repeat([5, 2], [12, 3]), USERS).astype(np.float32),
                "rated_at": generator.permutation(USERS * 15) * 1_000_000,
            },
        )
