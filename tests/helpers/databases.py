"""Databases of the test server, and what tests put into them."""

from __future__ import annotations

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine


def open_database(server_url: URL, name: str) -> Engine:
    # No pool: an open connection would keep a database from serving as a template.
    return create_engine(server_url.set(database=name), poolclass=NullPool)


def make_indexes(engine: Engine, model_id: int) -> None:
    """Make HNSW indexes, which so few films do without, for tests of that way."""
    with engine.begin() as connection:
        # The training has made them already where it takes the films for many.
        connection.exec_driver_sql("select recsys_internal.unindex_model(%s)", (model_id,))
        connection.exec_driver_sql("select recsys_internal.index_model(%s, true)", (model_id,))


def make_up_predictions(engine: Engine) -> None:
    """Predict genres for some films, whatever they list, for tests of the filters."""
    with engine.begin() as connection:
        connection.exec_driver_sql("""
            insert into recsys.movie_genres_predicted (movie_id, genre, probability)
            select m.movie_id, g.name, 0.5
            from recsys.movies m cross join recsys.genres g
            where hashtext(concat_ws(' ', m.movie_id, g.name)) & 31 = 0
        """)


def add_films(connection: Connection, *films: tuple[int, str, int | None]) -> None:
    for film in films:
        connection.exec_driver_sql(
            "insert into recsys.movies (movie_id, title, year) values (%s, %s, %s)", film
        )
