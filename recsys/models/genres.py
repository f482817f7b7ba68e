"""The classifier of genres in the tables, and its predictions for films that list none."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection

from recsys.arrays import Index, Mask, Vectors
from recsys.database.copy import read_columns
from recsys.database.locks import Lock, take
from recsys.database.tables import genre_units, text_encoders
from recsys.errors import InvalidRequest, TrainingError
from recsys.learning.genres import GenreClassifier, learn_genres
from recsys.learning.vectors import without_dust
from recsys.progress import Progress, silent

LEAST_FILMS = 30  # of which five choose the thresholds

# Other texts or genres, or those of other films, give another digest.
LEARNED_FROM = """
select bit_xor(hashtextextended(concat_ws(' ', v.movie_id, g.name), v.digest))
from recsys.movie_text_vectors v
join recsys.movie_genres mg on mg.movie_id = v.movie_id
join recsys.genres g on g.genre_id = mg.genre_id
where v.encoder_id = %s
"""
VECTORS = """
select v.movie_id, v.embedding from recsys.movie_text_vectors v
where v.encoder_id = {} and exists (
    select from recsys.movie_genres mg where mg.movie_id = v.movie_id)
order by v.movie_id
"""
LABELS = """
select mg.movie_id, mg.genre_id from recsys.movie_genres mg
join recsys.movie_text_vectors v on v.movie_id = mg.movie_id and v.encoder_id = {}
"""
PREDICTED = """
insert into recsys.movie_genres_predicted (movie_id, genre, probability)
select v.movie_id, p.genre, p.probability
from recsys.movie_text_vectors v
cross join lateral recsys_internal.likely_genres(v.encoder_id, v.embedding, null) p
-- A genre may have been removed since the classifier was learned.
join recsys.genres g on g.name = p.genre
where v.encoder_id = (recsys_internal.find_encoder(%s)).encoder_id
  and not exists (select from recsys.movie_genres mg where mg.movie_id = v.movie_id)
"""


class Examples(NamedTuple):
    """Films that list genres: ``vectors (n, d)``, ``labels (n, n_genres)``, and the genres' names.

    ``movie_ids (n,)``, ascending.
    """

    movie_ids: Index
    vectors: Vectors
    labels: Mask
    genres: list[str]


def learn_classifier(
    connection: Connection, encoder: str, seed: int = 0, progress: Progress = silent
) -> dict[str, Any]:
    """Learn the classifier of the newest encoder of a name, in the caller's transaction.

    Nothing is learned if the classifier was learned from the same vectors, genres and seed.

    Parameters
    ----------
    progress
        See `learn_genres`.

    Returns
    -------
    dict
        ``micro_f1`` and ``macro_f1`` on films held out, and the number of ``films``.

    Raises
    ------
    InvalidRequest
        There is no such encoder, or the genres are in its texts.
    TrainingError
        Too few films with a vector list genres, or all list the same one.
    """
    # Two of these take turns, and the second finds nothing left to do. Those that make or remove
    # encoders, and with them their classifiers, wait as well.
    connection.exec_driver_sql("lock table recsys.text_encoders in share row exclusive mode")
    found = connection.exec_driver_sql(
        "select * from recsys_internal.find_encoder(%s)", (encoder,)
    ).one()
    if found.encoder_id is None:
        raise InvalidRequest(
            f"unknown encoder: {encoder!r} (`recsys text embed --encoder NAME` adds one)"
        )
    if found.parameters.get("with_genres"):
        raise InvalidRequest(
            f"the texts that {encoder} encodes contain the genres: they cannot be predicted from it"
        )
    digest = connection.exec_driver_sql(LEARNED_FROM, (found.encoder_id,)).scalar()
    learned: dict[str, Any] | None = found.genre_classifier
    if learned is None or (learned["digest"], learned["seed"]) != (digest, seed):
        examples = read_examples(connection, found.encoder_id, found.dimensions)
        _check_enough(examples, encoder)
        classifier = learn_genres(
            examples.vectors, examples.labels, examples.genres, seed, progress
        )
        learned = {
            **classifier.metrics, "films": len(examples.vectors), "digest": digest, "seed": seed
        }  # fmt: skip
        write_classifier(connection, found.encoder_id, classifier, learned)
    return learned


def read_examples(connection: Connection, encoder_id: int, dimensions: int) -> Examples:
    """Read the vectors of those films that list genres, and the genres that they list."""
    films = read_columns(
        connection, VECTORS.format(encoder_id), movie_id="i8", embedding=dimensions
    )
    pairs = read_columns(connection, LABELS.format(encoder_id), movie_id="i8", genre_id="i8")
    genre_ids, columns = np.unique(pairs["genre_id"], return_inverse=True)
    labels = np.zeros((len(films["movie_id"]), len(genre_ids)), dtype=bool)
    labels[np.searchsorted(films["movie_id"], pairs["movie_id"]), columns] = True
    names = connection.exec_driver_sql(
        "select name from recsys.genres where genre_id = any (%s) order by genre_id",
        (genre_ids.tolist(),),
    )
    return Examples(films["movie_id"], films["embedding"], labels, list(names.scalars()))


def _check_enough(examples: Examples, encoder: str) -> None:
    films, genres = len(examples.movie_ids), len(examples.genres)
    if films < LEAST_FILMS or genres < 2:
        raise TrainingError(
            f"{films} films with a text vector of {encoder} list genres, {genres} in all, too few "
            f"to learn from: load films with genres and texts, {LEAST_FILMS} or more"
        )


def write_classifier(
    connection: Connection, encoder_id: int, classifier: GenreClassifier, facts: dict[str, Any]
) -> None:
    """Write the network of an encoder, in place of its older one."""
    rows = [
        {
            "encoder_id": encoder_id,
            "layer": layer,
            "unit": unit,
            "weights": row,
            "bias": float(bias),
            "genre": None,
            "threshold": None,
        }
        for layer, (weights, biases) in enumerate(classifier.layers, 1)
        for unit, (row, bias) in enumerate(zip(without_dust(weights, 0.0), biases, strict=True), 1)
    ]
    last = zip(
        rows[-len(classifier.genres) :], classifier.genres, classifier.thresholds, strict=True
    )
    for row, genre, threshold in last:
        row |= {"genre": genre, "threshold": float(threshold)}
    connection.execute(genre_units.delete().where(genre_units.c.encoder_id == encoder_id))
    connection.execute(genre_units.insert(), rows)
    connection.execute(
        text_encoders.update()
        .where(text_encoders.c.encoder_id == encoder_id)
        .values(genre_classifier=facts)
    )


def predict_missing(connection: Connection, encoder: str) -> int:
    """Predict genres for all films with a text that list none, in place of earlier predictions.

    Returns
    -------
    int
        The number of these films.
    """
    # Takes turns with loads, which remove films, and with others like this.
    take(connection, Lock.LOAD)
    connection.exec_driver_sql("delete from recsys.movie_genres_predicted")
    connection.exec_driver_sql(PREDICTED, (encoder,))
    films: int = connection.exec_driver_sql(
        "select count(distinct movie_id) from recsys.movie_genres_predicted"
    ).scalar_one()
    return films
