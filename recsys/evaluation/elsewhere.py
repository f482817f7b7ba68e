"""A split for training elsewhere, as files, and what must be in the vectors that come back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine

from recsys.arrays import Index
from recsys.database.engine import driver
from recsys.database.errors import reported_errors
from recsys.errors import EvaluationError
from recsys.evaluation.data import read_data
from recsys.evaluation.protocol import Division, Protocol
from recsys.evaluation.splits import HELD_OUT, LATER, TRAIN
from recsys.learning.ratings import Ratings
from recsys.training.imports import find_films, read_both

FILMS = """
    copy (
        select movie_id, title, year, imdb_id, tmdb_id, (
            select string_agg(g.name, '|' order by g.name)
            from recsys.movie_genres mg join recsys.genres g using (genre_id)
            where mg.movie_id = m.movie_id) as genres
        from recsys.movies m order by movie_id
    ) to stdout (format csv, header)
"""
README = """\
A split of ratings by recsys evaluate: {protocol}

train.csv  what may be learned from: user_id, movie_id, rating (stars), rated_at (UTC)
test.csv   the films liked ({threshold:g} stars or more) that are to be found; never learn from it
{later}films.csv  the catalogue

Vectors that learned from train.csv are measured on the same split, while the ratings in the
database stay as they are, by:

{command} --vectors FILE
"""
LATER_LINE = "later.csv  ratings of the users held out, inserted after the training\n"


def export_split(engine: Engine, protocol: Protocol, folder: Path) -> dict[str, int]:
    """Write the split of seed 0 as CSV files into a new folder; return the ratings in each file.

    Raises
    ------
    EvaluationError
        The folder is not empty or cannot be written, or there is nothing to hold out.
    """
    with reported_errors(), engine.connect() as connection:
        # One snapshot for all that is read.
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
        data = read_data(connection, protocol.threshold)
        with driver(connection).cursor().copy(FILMS.encode()) as rows:
            films = b"".join(rows)
    parts = Division.of(data, protocol, seed=0).parts
    chosen = {
        "train.csv": parts == TRAIN,
        "later.csv": parts == LATER,
        "test.csv": parts == HELD_OUT,
    }
    written = {name: data.ratings.part(mask) for name, mask in chosen.items() if mask.any()}
    readme = README.format(
        protocol=protocol,
        threshold=protocol.threshold,
        later=LATER_LINE if "later.csv" in written else "",
        command=protocol.command(),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise EvaluationError(f"{folder} is not empty: name a new folder")
        for name, ratings in written.items():
            _frame(ratings).to_csv(folder / name, index=False)
        (folder / "films.csv").write_bytes(films)
        (folder / "README.txt").write_text(readme, encoding="utf-8")
    except OSError as error:
        raise EvaluationError(f"{folder} cannot be written: {error.strerror}") from error
    return {name: len(ratings.stars) for name, ratings in written.items()}


def _frame(ratings: Ratings) -> pd.DataFrame:
    times = ratings.seconds.astype("int64").astype("datetime64[s]")
    return pd.DataFrame(
        {
            "user_id": ratings.user_ids[ratings.user_index],
            "movie_id": ratings.movie_ids[ratings.movie_index],
            "rating": ratings.stars,
            "rated_at": np.datetime_as_string(times, timezone="UTC"),
        }
    )


def require_vectors(connection: Connection, division: Division, protocol: Protocol) -> None:
    """Refuse vectors that are not of all films and users with likes in the training part.

    They would be judged by films that they never saw, such as those of another split. A file of
    films alone is fine: users get vectors from their likes then.
    """
    if protocol.vectors is None:
        return
    films, people = read_both(protocol.vectors, protocol.vectors_users)
    movie_ids, known = find_films(connection, films)
    training = division.data.ratings.part(division.training)
    liked = training.movie_ids[np.unique(training.movie_index)]
    _require(films.name, "films", liked, movie_ids[known])
    if people is not None:
        users = training.user_ids[np.unique(training.user_index)]
        _require(people.name, "users", users, people.ids)


def _require(file: str, what: str, wanted: Index, found: Index) -> None:
    missing = np.setdiff1d(wanted, found)
    if len(missing):
        raise EvaluationError(
            f"{file} has no vector for {len(missing):,} of {len(wanted):,} {what} with likes in "
            f"the training part (first, {missing[0]}): train on what `recsys evaluate --export` "
            "writes with the same options; to what the training left out, give zeros"
        )
