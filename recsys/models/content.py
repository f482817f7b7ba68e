"""The films' content in the tables, and the map from it to film vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sqlalchemy import Connection, Engine

from recsys.arrays import Index, Values, Vectors
from recsys.database.copy import read_columns
from recsys.database.engine import driver
from recsys.database.locks import again_after_deadlock
from recsys.database.tables import content_features
from recsys.learning.content import ContentMap, learn_content
from recsys.learning.encoders import LEXICON

LEAST_FILMS = 5  # with a fact, for it to be learned from
MOST_FACTS = 1000  # those of the most films

# Ratings have no index by film: all are read once.
RATED = "select distinct movie_id from recsys.ratings order by 1"
FACTS = """
    select f.feature, string_agg(int8send(f.movie_id), ''::bytea)
    from recsys_internal.content_facts() f
    where f.movie_id = any (%s)
    group by f.feature
    having count(*) >= %s
    order by count(*) desc, f.feature
    limit %s
"""
TEXTS = "select movie_id, embedding from recsys.movie_text_vectors where encoder_id = {}"


@dataclass(frozen=True)
class Content:
    """What films with ratings are.

    Attributes
    ----------
    movie_ids
        ``(n,)``, ascending.
    names
        Of the facts.
    facts
        ``(n, n_facts)``, 1 where the fact is true of the film.
    text
        ``(n, dimensions)``, NaN where a film has none; no columns without an encoder.
    encoder_id
        Of the encoder that these vectors of texts are by.
    """

    movie_ids: Index
    names: list[str]
    facts: sparse.csr_array
    text: Vectors
    encoder_id: int | None

    def learn(self, movie_ids: Index, vectors: Vectors, seed: int) -> LearnedContent:
        """Learn the map to vectors; those of films that no user liked are zeros."""
        targets = np.zeros((len(self.movie_ids), vectors.shape[1]), dtype=np.float32)
        _, here, there = np.intersect1d(self.movie_ids, movie_ids, return_indices=True)
        targets[here] = vectors[there]
        learned = learn_content(self.facts, self.text, targets, seed)
        return LearnedContent(self.names, learned, self.encoder_id)


@dataclass(frozen=True)
class LearnedContent:
    """A map with the names of its facts, and the encoder of its texts."""

    names: list[str]
    map: ContentMap
    encoder_id: int | None


def read_content(connection: Connection) -> Content:
    """Read the content of all films with ratings, by the newest encoder of terms."""
    movie_ids = np.sort(read_columns(connection, RATED, movie_id="i8")["movie_id"])
    with driver(connection).cursor(binary=True) as cursor:
        rows = cursor.execute(FACTS, (movie_ids.tolist(), LEAST_FILMS, MOST_FACTS)).fetchall()
    films = [np.frombuffer(row[1], dtype=">i8").astype(np.int64) for row in rows]
    columns = np.repeat(np.arange(len(rows)), [len(of_fact) for of_fact in films])
    places = np.searchsorted(movie_ids, np.concatenate([*films, np.empty(0, dtype=np.int64)]))
    shape = len(movie_ids), len(rows)
    # The lock keeps another learning from removing the encoder before the model refers to it.
    encoder = connection.exec_driver_sql(
        "select encoder_id, dimensions from recsys.text_encoders where encoder_id ="
        " (select encoder_id from recsys_internal.find_encoder(%s)) for key share",
        (LEXICON,),
    ).one_or_none()
    dimensions = 0 if encoder is None else encoder.dimensions
    text = np.full((shape[0], dimensions), np.nan, dtype=np.float32)
    if encoder is not None:
        found = read_columns(
            connection,
            TEXTS.format(encoder.encoder_id),
            movie_id="i8",
            embedding=encoder.dimensions,
        )
        _, here, there = np.intersect1d(movie_ids, found["movie_id"], return_indices=True)
        text[here] = found["embedding"][there]
    return Content(
        movie_ids=movie_ids,
        names=[row[0] for row in rows],
        facts=sparse.csr_array((np.ones(len(columns)), (places, columns)), shape=shape),
        text=text,
        encoder_id=None if encoder is None else encoder.encoder_id,
    )


def refresh_content(engine: Engine) -> None:
    """Bring up to date what is made from the films' content, for films changed meanwhile.

    All earlier work is committed, so a deadlock with writers of films is worth another try.
    """

    def attempt() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("select recsys.refresh_content()")

    again_after_deadlock(attempt)


def write_content(
    connection: Connection, model_id: int, learned: LearnedContent, norm: float
) -> None:
    """Write the map; the films' vectors are made of it in the database.

    Parameters
    ----------
    norm
        The model's film vectors are divided by it in the tables.
    """
    rows = learned.map
    rows_of: dict[str, Values] = dict(zip(learned.names, rows.facts / norm, strict=True))
    rows_of["intercept"] = rows.intercept / norm
    if learned.encoder_id is not None:
        rows_of["text:none"] = rows.no_text / norm
        # A factor of a film is then one product with its text's vector.
        for place, weights in enumerate(rows.text.T / norm, start=1):
            rows_of[f"factor:{place}"] = weights
    connection.execute(
        content_features.insert(),
        [
            {"model_id": model_id, "feature": feature, "embedding": row}
            for feature, row in rows_of.items()
        ],
    )
