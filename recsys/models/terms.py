"""Terms of the films' texts in the tables: their weights and vectors, learned from the catalogue.

The words come from PostgreSQL's text search, so that learning and asking stem alike. A text's
vector is the weighted sum of its terms' vectors, which the database computes for any query.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import Connection

from recsys.arrays import Index, Numbers
from recsys.database.copy import read_columns, write_columns
from recsys.database.tables import text_encoders
from recsys.learning.encoders import LEXICON
from recsys.learning.terms import term_vectors, weigh

RECIPE = 1  # with another one, terms are learned anew

# Texts are read once: changes by others meanwhile must not count as learned.
STEMS = """
create temp table film_texts on commit drop as
select movie_id, recsys_internal.movie_text(movie_id) as text
from (select distinct movie_id from recsys.movie_texts) t;
create temp table film_stems on commit drop as
select t.movie_id, s.term, s.frequency
from film_texts t
cross join lateral recsys_internal.text_stems(t.text) s;
create temp table stems on commit drop as
select term, row_number() over (order by term) as number, count(*) as films
from film_stems group by term;
analyze film_texts;
analyze film_stems;
analyze stems;
"""
COUNTS = """
select f.movie_id, s.number, f.frequency
from film_stems f join stems s using (term) order by f.movie_id, s.number
"""
TERMS = """
insert into recsys.text_terms (encoder_id, term, weight, embedding, place)
select {encoder_id}, s.term, ln((1.0 + {texts}) / (1 + s.films)) + 1, l.embedding,
    recsys_internal.term_place(s.term)
from stems s left join learned l using (number)
"""
# Films that are deleted meanwhile are left out.
MOVIE_TERMS = """
insert into recsys.movie_terms (encoder_id, movie_id, plot, title, keywords, digest)
select {encoder_id}, m.movie_id, p.plot, recsys_internal.weigh_text({encoder_id}, m.title),
    recsys_internal.weigh_text({encoder_id}, w.keywords),
    recsys_internal.words_digest(m.title, t.text, w.keywords)
from recsys.movies m
cross join lateral (select recsys_internal.movie_keywords(m.movie_id) as keywords) w
left join film_texts t using (movie_id)
left join (
    select f.movie_id, l2_normalize(recsys_internal.sparse(
        array_agg(recsys_internal.term_place(f.term)), array_agg(f.frequency * t.weight))) as plot
    from film_stems f
    join recsys.text_terms t on t.encoder_id = {encoder_id} and t.term = f.term
    group by f.movie_id
) p using (movie_id)
for key share of m
"""
VECTORS = """
insert into recsys.movie_text_vectors (encoder_id, movie_id, embedding, digest)
select {encoder_id}, l.movie_id, l.embedding, hashtextextended(t.text, 0)
from learned_films l
join film_texts t using (movie_id)
join recsys.movies m using (movie_id)
for key share of m
"""
FINGERPRINT = """
select count(distinct movie_id), coalesce(bit_xor(hashtextextended(
    concat_ws(' ', movie_id, kind, text), 0)), 0), recsys_internal.term_place('recsys')
from recsys.movie_texts
"""


def learn_terms(connection: Connection) -> int | None:
    """Learn terms from the films' texts, and encode every film, in the caller's transaction.

    Nothing is done if the texts are the same as at the last learning.

    Returns
    -------
    int or None
        The encoder's id; None where no film has a text.
    """
    # Two of these take turns, and the second finds nothing left to do.
    connection.exec_driver_sql("lock table recsys.text_encoders in share row exclusive mode")
    known = connection.exec_driver_sql(
        "select encoder_id, parameters from recsys_internal.find_encoder(%s)", (LEXICON,)
    ).one()
    texts, digest, place = connection.exec_driver_sql(FINGERPRINT).one()
    parameters = {
        "texts": texts,
        "digest": digest,
        "recipe": RECIPE,
        "place": place,  # another kind of server may hash differently
        "with_genres": False,
    }
    if not texts:
        return None
    if known.parameters == parameters:
        return int(known.encoder_id)
    return _learn(connection, parameters)


def _learn(connection: Connection, parameters: dict[str, Any]) -> int:
    connection.exec_driver_sql(STEMS)
    rows = read_columns(connection, COUNTS, movie_id="i8", number="i8", frequency="f8")
    movie_ids, films = np.unique(rows["movie_id"], return_inverse=True)
    weighed = weigh(films, rows["number"] - 1, rows["frequency"], parameters["texts"])
    learned = term_vectors(weighed)
    vectors = weighed[:, learned.columns] @ learned.vectors  # (n_films, dimensions)
    there = vectors.any(axis=1)  # no other film uses a word of the rest
    vectors = vectors[there] / np.linalg.norm(vectors[there], axis=1, keepdims=True)
    encoder_id: int = connection.execute(
        text_encoders.insert().returning(text_encoders.c.encoder_id),
        {
            "name": LEXICON,
            "dimensions": learned.vectors.shape[1],
            "parameters": parameters,
            "mean": vectors.mean(axis=0) if len(vectors) else None,
            "variance": vectors.var(axis=0) if len(vectors) else None,
        },
    ).scalar_one()
    _send(connection, "learned", "number", learned.columns + 1, learned.vectors)
    ids = {"encoder_id": encoder_id, "texts": parameters["texts"]}
    connection.exec_driver_sql(TERMS.format(**ids))
    connection.exec_driver_sql("analyze recsys.text_terms")
    connection.exec_driver_sql(MOVIE_TERMS.format(**ids))
    _send(connection, "learned_films", "movie_id", movie_ids[there], vectors)
    connection.exec_driver_sql(VECTORS.format(**ids))
    for table in ("movie_terms", "movie_text_vectors"):
        connection.exec_driver_sql(f"analyze recsys.{table}")
    connection.exec_driver_sql("select recsys_internal.drop_older_encoders(%s)", (LEXICON,))
    return encoder_id


def _send(connection: Connection, table: str, key: str, keys: Index, vectors: Numbers) -> None:
    """COPY vectors into a temporary table."""
    connection.exec_driver_sql(
        f"create temp table {table} ({key} bigint, embedding vector) on commit drop"
    )
    write_columns(connection, table, {key: keys, "embedding": vectors.astype(np.float32)})
    connection.exec_driver_sql(f"analyze {table}")
