"""A made-up catalogue whose plots tell its genres, for tests of what is learned from texts."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Engine, text

from recsys.models.terms import learn_terms

GENRES = ["Comedy", "Drama", "Horror", "Western"]
# Ten words of each genre, and ten that say nothing; stems of themselves.
WORDS = {
    kind: [f"{kind.lower()}o{letter}k" for letter in "abdfghklmn"] for kind in [*GENRES, "any"]
}
FILMS = 400
UNLISTED = range(1, 41)  # films that list no genre
WITHOUT_TEXT = range(31, 51)


def plot_of(genres: list[str], generator: np.random.Generator) -> str:
    words = [WORDS[kind] for kind in [*genres, "any"] for _ in range(6)]
    return " ".join(generator.choice(among) for among in words)


def plant(engine: Engine) -> dict[int, list[str]]:
    """Fill an empty database, learn the terms; return what each film is, listed or not."""
    generator = np.random.default_rng(0)
    genres = {
        movie_id: sorted(generator.choice(GENRES, generator.integers(1, 3), replace=False).tolist())
        for movie_id in range(1, FILMS + 1)
    }
    plots = {
        movie_id: plot_of(kinds, generator)
        for movie_id, kinds in genres.items()
        if movie_id not in WITHOUT_TEXT
    }
    with engine.begin() as connection:
        connection.execute(
            text("insert into recsys.movies (movie_id, title) values (:id, :title)"),
            [{"id": movie_id, "title": f"Film {movie_id}"} for movie_id in genres],
        )
        connection.execute(
            text("insert into recsys.genres (name) values (:name)"),
            [{"name": name} for name in [*GENRES, "Silent"]],
        )
        connection.execute(
            text(
                "insert into recsys.movie_genres (movie_id, genre_id) "
                "select :id, genre_id from recsys.genres where name = any (:genres)"
            ),
            [
                {"id": movie_id, "genres": kinds}
                for movie_id, kinds in genres.items()
                if movie_id not in UNLISTED
            ],
        )
        connection.execute(
            text("insert into recsys.movie_texts (movie_id, kind, text) values (:id, 'plot', :t)"),
            [{"id": movie_id, "t": plot} for movie_id, plot in plots.items()],
        )
    with engine.begin() as connection:
        assert learn_terms(connection) is not None
    return genres
