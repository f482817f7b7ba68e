"""How well genres are predicted from texts alone, on ml-latest-small with overviews.

    python -m benchmarks.quality.genres [--encoder FOLDER]

Five folds of the films that have a text and list genres, which are the labels. No text of a fold's
films is in the database while terms and classifier are learned from all others, as `recsys train`
does. Each text is then given to recsys.predict_genres, whose time is measured, too. F1 over all
pairs of film and genre (micro), and its mean over genres (macro). The database's probabilities are
compared with torch's for the same vectors. Overviews may name their genre: hence a second run
without all words that have the stem of a part of a genre's name, "film" among them.

`--encoder` is a sentence encoder's name or folder: the same folds and network, in torch alone, on
its vectors as the database has them.
"""

from __future__ import annotations

import argparse
import re
import time

import numpy as np
import psycopg
from sklearn.metrics import f1_score
from sklearn.model_selection import KFold
from sqlalchemy import Connection, Engine

from benchmarks.scratch import data_set, scratch_database
from recsys.arrays import Mask, Vectors
from recsys.database.copy import read_columns
from recsys.database.engine import driver
from recsys.learning.genres import learn_genres
from recsys.loading.load import load
from recsys.models.genres import learn_classifier, read_examples
from recsys.models.terms import learn_terms
from recsys.models.text_vectors import embed
from recsys.sources import open_source

WORD = re.compile(r"\w+")
FOLDS = KFold(5, shuffle=True, random_state=0)
VECTORS = "select movie_id, embedding from recsys.movie_text_vectors"
DIMENSIONS = "select dimensions from recsys.text_encoders where encoder_id = %s"
GENRE_WORDS = """
    select w.word from unnest(%s::text[]) w (word)
    where ts_lexize('english_stem', lower(w.word)) && (
        select array_agg(stem) from recsys.genres g,
            regexp_split_to_table(lower(g.name), '[^a-z]+') part,
            unnest(ts_lexize('english_stem', part)) stem)
"""
ENCODED = """
    select e.embedding::real[], array_agg(p.probability order by u.unit)
    from unnest(%(texts)s::text[]) with ordinality t (text, n)
    cross join lateral recsys_internal.encode_text(%(id)s, t.text) e
    cross join lateral recsys_internal.genre_probabilities(%(id)s, e.embedding) p
    join recsys.genre_units u on u.encoder_id = %(id)s and u.genre = p.genre
    where e.embedding is not null
    group by t.n, e.embedding
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", help="name or folder of a sentence encoder")
    arguments = parser.parse_args()
    with scratch_database() as engine:
        for name in ("ml-latest-small", "overviews"):
            load(engine, open_source(str(data_set(name))))
        with engine.connect() as connection:
            names, films = read_films(connection)
            movie_ids, texts = list(films), [text for text, _ in films.values()]
            labels = np.array([[name in genres for name in names] for _, genres in films.values()])
            plain = without_genre_words(connection, texts)
        print(f"{len(movie_ids):,} films, {len(names)} genres      micro   macro")
        if arguments.encoder:
            encoder_id = embed(engine, arguments.encoder).encoder_id
            with engine.connect() as connection:
                query = f"{VECTORS} where encoder_id = {encoder_id}"
                size = connection.exec_driver_sql(DIMENSIONS, (encoder_id,)).scalar_one()
                found = read_columns(connection, query, movie_id="i8", embedding=size)
            row = {m: place for place, m in enumerate(found["movie_id"].tolist())}
            vectors = found["embedding"][[row[m] for m in movie_ids]]
            report("sentence encoder, torch", labels, by_torch(vectors, labels, names))
        measure(engine, "terms, SQL", movie_ids, texts, labels, names)
        measure(engine, "without the genres' words", movie_ids, plain, labels, names)


def read_films(connection: Connection) -> tuple[list[str], dict[int, tuple[str, set[str]]]]:
    """Return the genres, and the text and genres of each film that has both."""
    rows = connection.exec_driver_sql("""
        select m.movie_id, recsys_internal.movie_text(m.movie_id), m.genres
        from recsys_bi.movies m
        where m.genres <> '{}' and m.movie_id in (select movie_id from recsys.movie_texts)
        order by m.movie_id
    """).all()
    return sorted({g for row in rows for g in row[2]}), {r[0]: (r[1], set(r[2])) for r in rows}


def without_genre_words(connection: Connection, texts: list[str]) -> list[str]:
    words = sorted({word for text in texts for word in WORD.findall(text)})
    barred = set(connection.exec_driver_sql(GENRE_WORDS, (words,)).scalars())
    return [WORD.sub(lambda w: "" if w[0] in barred else w[0], text) for text in texts]


def report(what: str, labels: Mask, predicted: Mask) -> None:
    micro, macro = (
        f1_score(labels, predicted, average=mean, zero_division=0) for mean in ("micro", "macro")
    )
    print(f"{what:30}  {micro:.4f}  {macro:.4f}")


def by_torch(vectors: Vectors, labels: Mask, names: list[str]) -> Mask:
    """Predict each film by a network that has not seen it, by the rule of the SQL functions."""
    predicted = np.zeros_like(labels)
    for learned_from, asked in FOLDS.split(vectors):
        classifier = learn_genres(vectors[learned_from], labels[learned_from], names)
        found = classifier.probabilities(vectors[asked])
        best = found == found.max(axis=1, keepdims=True)
        predicted[asked] = (found >= classifier.thresholds) | best
    return predicted


def measure(
    engine: Engine,
    what: str,
    movie_ids: list[int],
    texts: list[str],
    labels: Mask,
    names: list[str],
) -> None:
    """Ask recsys.predict_genres for each film's text, which it has not learned from."""
    column = {name: place for place, name in enumerate(names)}
    predicted = np.zeros_like(labels)
    seconds: list[float] = []
    farthest = 0.0
    for learned_from, asked in FOLDS.split(movie_ids):
        with engine.begin() as connection:
            connection.exec_driver_sql("delete from recsys.movie_texts")
            connection.exec_driver_sql(
                "insert into recsys.movie_texts (movie_id, kind, text) "
                "select m, 'overview', t from unnest(%s::bigint[], %s::text[]) as u (m, t)",
                ([movie_ids[i] for i in learned_from], [texts[i] for i in learned_from]),
            )
        with engine.begin() as connection:
            learn_terms(connection)
        with engine.begin() as connection:
            learn_classifier(connection, "terms")
        with engine.connect() as connection:
            for row in asked:
                begun = time.perf_counter()
                found = ask(connection, texts[row])
                seconds.append(time.perf_counter() - begun)
                predicted[row, [column[genre] for genre in found]] = True
            farthest = max(farthest, difference(connection, [texts[row] for row in asked]))
    report(what, labels, predicted)
    p50, p95 = np.percentile(np.array(seconds) * 1000, [50, 95])
    print(f"  predict_genres p50 {p50:.2f} ms, p95 {p95:.2f} ms; from torch {farthest:.1e} at most")


def ask(connection: Connection, text: str) -> list[str]:
    cursor = driver(connection).cursor()
    try:
        cursor.execute("select genre from recsys.predict_genres(%s)", (text,), prepare=True)
        return [row[0] for row in cursor.fetchall()]
    except psycopg.errors.InvalidParameterValue:  # no word of it is known
        connection.rollback()
        return []


def difference(connection: Connection, texts: list[str]) -> float:
    """Return the largest difference of a probability in SQL from torch's, over all genres."""
    encoder = connection.exec_driver_sql(
        "select * from recsys_internal.find_encoder('terms')"
    ).one()
    # The same films and seed give the same network as that in the tables.
    examples = read_examples(connection, encoder.encoder_id, encoder.dimensions)
    classifier = learn_genres(examples.vectors, examples.labels, examples.genres)
    rows = connection.exec_driver_sql(ENCODED, {"texts": texts, "id": encoder.encoder_id}).all()
    vectors, found = (np.array([row[part] for row in rows], dtype=np.float32) for part in (0, 1))
    return float(np.abs(classifier.probabilities(vectors) - found).max())


if __name__ == "__main__":
    main()
