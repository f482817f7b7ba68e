"""Vectors of the films' texts: kept up to date in the database, and the vector of a query."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Engine, Row

from recsys.arrays import Mask, Vectors
from recsys.database.copy import write_columns
from recsys.database.errors import reported_errors
from recsys.database.tables import text_encoders
from recsys.errors import EncoderError, InvalidRequest
from recsys.learning.doc2vec import Doc2VecEncoder, parameters_for
from recsys.learning.encoders import DOC2VEC, Encoder, SentenceEncoder, encoder_name
from recsys.progress import Progress, silent

SHORTEST, LONGEST = 1e-15, 1e15  # recsys_internal.check_query asks the same of a query's vector
FILMS_A_CHUNK = 32  # encoded, written and committed together

# Taken before an encoder is added; readers, and those who write vectors, do not wait.
LOCK = "lock table recsys.text_encoders in share row exclusive mode"
PENDING = """
    select t.movie_id, v.digest
        is not distinct from hashtextextended(recsys_internal.movie_text(t.movie_id), 0) as current
    from (select distinct movie_id from recsys.movie_texts) t
    left join recsys.movie_text_vectors v on v.movie_id = t.movie_id and v.encoder_id = %s
    order by t.movie_id
"""
TEXTS = """
    select f.movie_id, f.text, hashtextextended(f.text, 0) as digest
    from (
        select id as movie_id, recsys_internal.movie_text(id) as text
        from unnest(%s::bigint[]) as id
    ) f
    where f.text is not null
    order by f.movie_id
"""
# For doc2vec, which reads titles and genres, too.
LONGER_TEXTS = """
    select f.movie_id, f.text, hashtextextended(f.text, 0) as digest
    from (
        select t.movie_id, concat_ws(E'\\n\\n', d.title, array_to_string(d.genres, ', '),
            recsys_internal.movie_text(t.movie_id)) as text
        from (select distinct movie_id from recsys.movie_texts) t
        cross join lateral recsys_internal.describe_movie(t.movie_id) d
    ) f
    order by f.movie_id
"""
GONE = """
    delete from recsys.movie_text_vectors v
    where v.encoder_id = %s
      and not exists (select from recsys.movie_texts t where t.movie_id = v.movie_id)
"""
# A film that was deleted since its text was read is left out.
UPSERT = """
    insert into recsys.movie_text_vectors (encoder_id, movie_id, embedding, digest)
    select %s, e.movie_id, e.embedding, e.digest
    from embedded e
    join recsys.movies m using (movie_id)
    order by e.movie_id
    for key share of m
    on conflict (encoder_id, movie_id)
        do update set embedding = excluded.embedding, digest = excluded.digest
"""


class EmbedReport(NamedTuple):
    """What a run did.

    Attributes
    ----------
    embedded, unchanged, removed
        Films whose text was encoded; was the same as before; was gone, and its vector with it.
    unusable
        Films whose text has no vector: all zeros, or not finite.
    """

    encoder_id: int
    embedded: int
    unchanged: int
    removed: int
    unusable: int


def embed(engine: Engine, name_or_folder: str, progress: Progress = silent) -> EmbedReport:
    """Give every film with a text its vector by an encoder.

    A sentence encoder reads only texts that are new or changed, and keeps what is done when it is
    stopped. doc2vec is learned anew if any text, title or genre changed.

    Parameters
    ----------
    progress
        Told of the steps of a sentence encoder, ``encoder`` and ``texts``, or of the ``passes`` of
        doc2vec over the texts.

    Raises
    ------
    EncoderError
        There is no such encoder here, or its vectors have another length than before.
    """
    name = encoder_name(name_or_folder)
    with reported_errors():
        if name == DOC2VEC:
            return _learn_doc2vec(engine, progress)
        progress("encoder", 0)
        return _embed(engine, _sentence_encoder(name), progress)


@lru_cache(maxsize=1)
def _sentence_encoder(name: str) -> Encoder:
    """Return the encoder; the last one is kept, since loading one takes seconds."""
    return SentenceEncoder(name)


def _embed(engine: Engine, encoder: Encoder, progress: Progress) -> EmbedReport:
    with engine.begin() as connection:
        encoder_id = _registered(connection, encoder)
    with engine.begin() as connection:
        removed = connection.exec_driver_sql(GONE, (encoder_id,)).rowcount
        films = connection.exec_driver_sql(PENDING, (encoder_id,)).all()
    pending = [film.movie_id for film in films if not film.current]
    if pending:
        progress("texts", 0, len(pending))
    embedded = read = 0
    for start in range(0, len(pending), FILMS_A_CHUNK):
        chunk = pending[start : start + FILMS_A_CHUNK]
        # No transaction is open while the encoder works.
        with engine.connect() as connection:
            found = connection.exec_driver_sql(TEXTS, (chunk,)).all()
        vectors = encoder.encode([film.text for film in found])
        with engine.begin() as connection:
            embedded += _write(connection, encoder_id, found, vectors)
        read += len(found)
        progress("texts", start + len(chunk), len(pending))
    unchanged = len(films) - len(pending)
    return EmbedReport(encoder_id, embedded, unchanged, removed, read - embedded)


def _registered(connection: Connection, encoder: Encoder) -> int:
    """Return the id of the row of a sentence encoder; the first use makes it."""
    connection.exec_driver_sql(LOCK)
    known = _find(connection, encoder.name)
    if known.encoder_id is None:
        return _insert(connection, encoder, {"with_genres": encoder.with_genres})
    _require_dimensions(encoder, known)
    return int(known.encoder_id)


def _find(connection: Connection, name: str) -> Row[Any]:
    return connection.exec_driver_sql(
        "select encoder_id, dimensions, parameters, state from recsys_internal.find_encoder(%s)",
        (name,),
    ).one()


def _insert(
    connection: Connection, encoder: Encoder, parameters: dict[str, Any], state: bytes | None = None
) -> int:
    row = {"name": encoder.name, "dimensions": encoder.dimensions, "parameters": parameters}
    encoder_id: int = connection.execute(
        text_encoders.insert().returning(text_encoders.c.encoder_id), {**row, "state": state}
    ).scalar_one()
    return encoder_id


def _require_dimensions(encoder: Encoder, known: Row[Any]) -> None:
    if encoder.dimensions != known.dimensions:
        raise EncoderError(
            f"{encoder.name} gives vectors of {encoder.dimensions} numbers, but those in the "
            f"database have {known.dimensions}: give the other model a folder of its own, or first "
            f"delete from recsys.text_encoders where encoder_id = {known.encoder_id}"
        )


def _write(
    connection: Connection, encoder_id: int, films: Sequence[Row[Any]], vectors: Vectors
) -> int:
    """Write the vectors that can be compared; return their number."""
    usable = _usable(vectors)
    ids, digests = np.array([(film.movie_id, film.digest) for film in films]).reshape(-1, 2).T
    connection.exec_driver_sql(
        "create temp table embedded (movie_id bigint, embedding vector, digest bigint)"
        " on commit drop"
    )
    columns = {"movie_id": ids[usable], "embedding": vectors[usable], "digest": digests[usable]}
    write_columns(connection, "embedded", columns)
    return connection.exec_driver_sql(UPSERT, (encoder_id,)).rowcount


def _usable(vectors: Vectors) -> Mask:
    """Return which vectors can be compared in single precision."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    usable: Mask = (lengths >= SHORTEST) & (lengths <= LONGEST)
    return usable


def _learn_doc2vec(engine: Engine, progress: Progress) -> EmbedReport:
    with engine.connect() as connection:
        films = connection.exec_driver_sql(LONGER_TEXTS).all()
        known = _find(connection, DOC2VEC)
    texts = hashlib.sha256(repr([(film.movie_id, film.digest) for film in films]).encode())
    parameters = {"with_genres": True, "texts": texts.hexdigest(), **parameters_for(len(films))}
    if known.parameters == parameters:
        return EmbedReport(known.encoder_id, 0, len(films), 0, 0)
    encoder, vectors = Doc2VecEncoder.learn([film.text for film in films], progress)
    with engine.begin() as connection:
        connection.exec_driver_sql(LOCK)
        encoder_id = _insert(connection, encoder, parameters, encoder.state())
        embedded = _write(connection, encoder_id, films, vectors)
        removed = connection.exec_driver_sql(
            "select count(*) from recsys.movie_text_vectors"
            " where encoder_id = %s and movie_id <> all(%s::bigint[])",
            (known.encoder_id, [film.movie_id for film in films]),
        ).scalar_one()
        connection.exec_driver_sql("select recsys_internal.drop_older_encoders(%s)", (DOC2VEC,))
    return EmbedReport(encoder_id, embedded, 0, removed, len(films) - embedded)


def query_vector(connection: Connection, name_or_folder: str, text: str) -> tuple[int, Vectors]:
    """Return an encoder's id and its vector of a text, to compare films' vectors with.

    Raises
    ------
    InvalidRequest
        No film has a vector by this encoder, or nothing in the text is known to it.
    EncoderError
        The encoder cannot be loaded here.
    """
    name = encoder_name(name_or_folder)
    known = _find(connection, name)
    embedded = connection.exec_driver_sql(
        "select exists (select from recsys.movie_text_vectors where encoder_id = %s)",
        (known.encoder_id,),
    ).scalar_one()
    if not embedded:
        raise InvalidRequest(
            f"no film has a vector by {name}: run `recsys text embed --encoder {name_or_folder}`"
        )
    doc2vec = name == DOC2VEC
    encoder = Doc2VecEncoder.from_state(known.state) if doc2vec else _sentence_encoder(name)
    _require_dimensions(encoder, known)
    vectors = encoder.encode([text]) if text.strip() else np.zeros((1, 1), dtype=np.float32)
    if not _usable(vectors)[0]:
        raise InvalidRequest(f"{name} knows no word of the text: {text!r}")
    return known.encoder_id, vectors[0]
