"""Whose numbers the films' ids are: two catalogues with different numbers never mix."""

from __future__ import annotations

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from recsys.database.tables import load_rejects, load_runs, metadata
from recsys.errors import DatabaseError, SourceError
from recsys.sources.batches import Source

INVENTED = "Movie {}"  # title of a film that has only an id
DESCRIBING = ("tmdb", "imdb-datasets")  # formats whose ids tell which film is which
LOCK_TIMEOUT = "10s"
HELD = """
select (select id_space from recsys.load_runs
        where status = 'done' and id_space is not null order by run_id desc limit 1),
    (select title from recsys.movies m where title <> 'Movie ' || movie_id
        and not exists (
            select from recsys.movie_keys k where k.movie_id = m.movie_id and k.key = m.title)
        order by rating_count desc, movie_id limit 1),
    (select count(*) from recsys.movies)
"""
REMOVE_ALL = "truncate " + ", ".join(
    table.fullname
    for table in reversed(metadata.sorted_tables)
    if table not in (load_runs, load_rejects)
)
DROP_INDEXES = "select recsys_internal.unindex_model(model_id) from recsys.models"


def decide(connection: Connection, source: Source) -> bool:
    """Return whether the source's films only describe those that the database holds.

    Raises
    ------
    SourceError
        The database holds a catalogue that numbers its films otherwise.
    """
    held, title, count = connection.exec_driver_sql(HELD).one()
    if source.id_space is None or title is None or held == source.id_space:
        return False
    if held is not None and source.format in DESCRIBING:
        return True
    whose = f"numbered by {held}" if held else "that no load brought"
    raise SourceError(
        f"the database holds {count:,} films {whose} ('{title}' among them), and {source.name} "
        "numbers its films otherwise, so their ids clash: `recsys load ... --replace` removes all "
        "films, ratings and models first, `recsys --database NAME load ...` loads it into a "
        "database of its own"
    )


def remove_all(connection: Connection, source: Source) -> None:
    """Remove films, ratings, tags, profiles and models; the records of loads stay.

    Raises
    ------
    SourceError
        The source has no films of its own to take their place.
    """
    if not source.names_films:
        raise SourceError(f"{source.name} has no films of its own to replace those here")
    try:
        connection.exec_driver_sql(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
        connection.exec_driver_sql(DROP_INDEXES)
        connection.exec_driver_sql(REMOVE_ALL)
        connection.exec_driver_sql("set local lock_timeout to default")
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        raise DatabaseError(
            f"others have been using the films or ratings for {LOCK_TIMEOUT}, so that they cannot "
            "be replaced: end their transactions, or try again later"
        ) from error
