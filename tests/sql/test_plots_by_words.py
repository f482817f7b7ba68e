"""Plot search by the index of words, beside NumPy on few films, beside reading all on many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, Connection

from tests.helpers.databases import open_database
from tests.helpers.examples import examples

WORDS = ["robot", "love", "war", "island", "murder", "zzz", "king's", "train", "boy & girl", "toy"]
COMMON = ["love", "a man", "life of a young woman", "find the killer", "family and friends"]
ASK = """
    with e as materialized (
        select l as lexicon, t.terms, t.embedding
        from recsys_internal.known_encoder('terms') l
        cross join lateral recsys_internal.encode_text(l.encoder_id, %(query)s) t
    )
    select m.movie_id, m.score
    from e cross join lateral {} m
"""
BY_WORDS = ASK.format("""recsys_internal.match_by_words(
    e.terms, e.lexicon, e.embedding, %(k)s, %(barred)s::bigint[], recsys_internal.find_filters(
        %(genres)s::text[], null, null, %(year_to)s::integer, null, false),
    0.3, %(keyword_weight)s::real, %(title_weight)s::real)""")
MATCH = ASK.format("""recsys_internal.match_texts(
    e.terms, e.lexicon, e.embedding, 'cosine', %(k)s, %(barred)s::bigint[],
    recsys_internal.find_filters(%(genres)s::text[], null, null, %(year_to)s::integer, null, false),
    %(keyword_weight)s::real, %(title_weight)s::real)""")
BY_ALL = ASK.format("""recsys_internal.match_all_texts(
    e.terms, (e.lexicon).encoder_id, e.lexicon, e.embedding, 'cosine', %(k)s,
    %(barred)s::bigint[], recsys_internal.find_filters(
        %(genres)s::text[], null, null, %(year_to)s::integer, null, false),
    0.3, %(keyword_weight)s::real, %(title_weight)s::real, 0, '{}')""")


@pytest.fixture
def learned(server_url: URL, learned_name: str) -> Iterator[Connection]:
    with open_database(server_url, learned_name).connect() as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def real_texts(server_url: URL, movielens_texts: str) -> Iterator[Connection]:
    with open_database(server_url, movielens_texts).connect() as connection:
        yield connection
        connection.rollback()


def ask(connection: Connection, statement: str, query: str, k: int, **others: Any) -> list[Any]:
    usual: dict[str, Any] = {"barred": [], "genres": None, "year_to": None}
    weights = {"keyword_weight": 0.2, "title_weight": 0}
    values = {"query": query, "k": k, **usual, **weights, **others}
    return list(connection.exec_driver_sql(statement, values))


def search(connection: Connection, query: str, k: int, **others: Any) -> list[int]:
    named = "".join(f", {name} => %({name})s" for name in others)
    return list(
        connection.exec_driver_sql(
            f"select movie_id from recsys.search_plots(%(query)s, %(k)s{named})",
            {"query": query, "k": k, **others},
        ).scalars()
    )


# Few films: the sample has all of them, no word is too common.


def brute_force(
    connection: Connection, query: str, keyword_weight: float, title_weight: float
) -> dict[int, tuple[bool, float]]:
    """Of each film, whether it shares a word with the query, and its score."""
    rows = connection.exec_driver_sql(
        """
        select t.movie_id, coalesce(-(t.plot <#> e.terms), 0), coalesce(-(t.keywords <#> e.terms), 0),
            coalesce(-(t.title <#> e.terms), 0), v.embedding::real[], e.embedding::real[]
        from recsys.movie_terms t
        join recsys.movie_text_vectors v using (encoder_id, movie_id)
        cross join recsys_internal.encode_text(t.encoder_id, %s) e
        order by t.movie_id
        """,
        (query,),
    ).all()
    plot, keywords, title = (np.array([row[part] for row in rows]) for part in (1, 2, 3))
    lexical = plot + keyword_weight * keywords
    spread = lexical.std() or np.inf
    scores = (lexical - lexical.mean()) / spread
    scores += title_weight * title / (spread if np.isfinite(spread) else 1)
    if rows[0][5] is not None:
        films, wanted = np.array([row[4] for row in rows]), np.array(rows[0][5])
        centred = (films - films.mean(axis=0)) @ wanted
        scores += 0.3 * centred / np.sqrt(wanted**2 @ films.var(axis=0))
    shares = plot + keywords + title > 0
    return {
        row[0]: (bool(one), score) for row, one, score in zip(rows, shares, scores, strict=True)
    }


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=5),
    k=st.integers(1, 200),
    genre=st.sampled_from([None, "Comedy", "Western"]),
    barred=st.lists(st.integers(1, 150), max_size=20),
    year_to=st.sampled_from([None, 1960, 1800]),
    keyword_weight=st.sampled_from([0, 0.2, 3]),
    title_weight=st.sampled_from([0, 0.3]),
)
def test_lists_are_those_of_brute_force(
    learned: Connection,
    words: list[str],
    k: int,
    genre: str | None,
    barred: list[int],
    year_to: int | None,
    keyword_weight: float,
    title_weight: float,
) -> None:
    query = " ".join(words)
    films = {row.movie_id: row for row in learned.exec_driver_sql("select * from recsys_bi.movies")}
    scores = {
        movie_id: score
        for movie_id, (shares, score) in brute_force(
            learned, query, keyword_weight, title_weight
        ).items()
        # All that pass the filters, if these are few.
        if (shares or genre or year_to)
        and movie_id not in barred
        and (genre is None or genre in films[movie_id].genres)
        and (year_to is None or films[movie_id].year <= year_to)
    }
    found = ask(
        learned, BY_WORDS, query, k, barred=barred, genres=genre and [genre], year_to=year_to,
        keyword_weight=keyword_weight, title_weight=title_weight,
    )  # fmt: skip
    if k >= 50 or len(scores) <= 50:  # else a film may be too far down by words
        assert len(found) == min(k, len(scores))
    assert [row.score for row in found] == pytest.approx(
        sorted(scores.values(), reverse=True)[: len(found)], abs=1e-4
    )
    assert [scores[row.movie_id] for row in found] == pytest.approx(
        [row.score for row in found], abs=1e-4
    )


def test_mean_and_variance_are_those_of_the_films_vectors(learned: Connection) -> None:
    mean, variance = learned.exec_driver_sql(
        "select mean::real[], variance::real[] from recsys.text_encoders where name = 'terms'"
    ).one()
    vectors = np.array(
        learned.exec_driver_sql(
            "select v.embedding::real[] from recsys.movie_text_vectors v"
            " join recsys.text_encoders e using (encoder_id) where e.name = 'terms'"
        )
        .scalars()
        .all()
    )
    assert mean == pytest.approx(vectors.mean(axis=0).tolist(), abs=1e-6)
    assert variance == pytest.approx(vectors.var(axis=0).tolist(), abs=1e-6)


def test_places_by_hand(learned: Connection) -> None:
    found = learned.exec_driver_sql("""
        select recsys_internal.term_places('{7:0.5,9:1}/20', null, '{3:1}/20'),
            recsys_internal.term_places(null, '{}/20', null),
            recsys_internal.term_places(recsys_internal.weigh_text(
                (recsys_internal.known_encoder('terms')).encoder_id, 'robots'), null, null)
                = array[recsys_internal.term_place('robot')]
    """).one()
    assert tuple(found) == ([7, 9, 3], None, True)


def test_the_rarest_words_tell(learned: Connection) -> None:
    """Of 150 texts, 10, 20, 40 and 80 have one of four words; nothing is known of the fifth."""
    encoder = learned.exec_driver_sql(
        "insert into recsys.text_encoders (name, dimensions, parameters)"
        " values ('terms', 3, '{\"texts\": 150}') returning encoder_id"
    ).scalar_one()
    for place, films in enumerate((10, 20, 40, 80), 1):
        learned.exec_driver_sql(
            "insert into recsys.text_terms (encoder_id, term, weight, place)"
            " values (%s, %s, ln(151.0 / (1 + %s)) + 1, %s)",
            (encoder, str(place), films, place),
        )
    query = "{1:1,2:1,3:1,4:1,5:1}/20"
    told = [
        learned.exec_driver_sql(
            "select recsys_internal.telling_places(%s, %s, %s)", (encoder, query, most)
        ).scalar_one()
        for most in (1, 31, 71, 151)
    ]
    assert [sorted(places) for places in told] == [
        [1, 5], [1, 2, 5], [1, 2, 3, 5], [1, 2, 3, 4, 5],
    ]  # fmt: skip


def test_the_index_is_made_with_an_empty_search_path(learned: Connection) -> None:
    """As a restore does it."""
    learned.exec_driver_sql("set local search_path = ''")
    learned.exec_driver_sql("reindex index recsys.ix_movie_terms_places")


# Many films


@pytest.mark.parametrize("others", [{}, {"year_to": 2005}, {"title_weight": 0.3}])
def test_the_lists_are_those_of_all_films(real_texts: Connection, others: dict[str, Any]) -> None:
    texts = real_texts.exec_driver_sql(
        "select text from recsys.movie_texts order by hashint8(movie_id) limit 12"
    ).scalars()
    queries = [" ".join(text.split()[:words]) for text in texts for words in (5, 20, 99)]
    same = []
    for query in queries + COMMON:
        lists = [ask(real_texts, way, query, 10, **others) for way in (MATCH, BY_ALL)]
        found, by_all = ({row.movie_id for row in rows} for rows in lists)
        assert len(found) == 10
        same.append(len(found & by_all))
    assert np.mean(same) > 9.8, np.mean(same)


@pytest.mark.parametrize(
    ("k", "others", "passing"),
    [
        (10, {}, "true"),
        (300, {}, "true"),
        (20, {"year_to": 1995}, "m.year <= 1995"),
        (20, {"genres": ["Film-Noir"]}, "'Film-Noir' = any (m.genres)"),
        (
            20,
            {"year_to": 1930, "genres": ["Comedy"]},
            "m.year <= 1930 and 'Comedy' = any (m.genres)",
        ),
    ],
)
@pytest.mark.parametrize("query", ["bullfighter", "love", "a man finds his brother"])
def test_there_are_k_films_whatever_is_asked_for(
    real_texts: Connection, k: int, others: dict[str, Any], passing: str, query: str
) -> None:
    first = search(real_texts, "love", 1, **others)
    passed = set(
        real_texts.exec_driver_sql(
            "select m.movie_id from recsys_bi.movies m join recsys.movie_texts using (movie_id)"
            f" where movie_id <> all (%s) and {passing}",
            (first,),
        ).scalars()
    )
    found = search(real_texts, query, k, exclude_movies=first, **others)
    assert len(set(found)) == len(found) == min(k, len(passed))
    assert set(found) <= passed


def test_the_indexes_serve(real_texts: Connection) -> None:
    real_texts.exec_driver_sql("load 'auto_explain'")
    for setting in ("log_min_duration = 0", "log_nested_statements = on"):
        real_texts.exec_driver_sql(f"set auto_explain.{setting}")
    real_texts.exec_driver_sql("set client_min_messages = log")
    plans: list[str] = []
    driver = real_texts.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    driver.add_notice_handler(lambda notice: plans.append(notice.message_primary or ""))
    search(real_texts, "a robot falls in love with a girl on an island", 10)
    real_texts.exec_driver_sql("select * from recsys.similar_movies(1, by => 'plot')")
    text = "\n".join(plans)
    for index in ("ix_movie_terms_places", "ix_movie_terms_hash", "ix_movie_text_vectors"):
        assert index in text
    assert "Seq Scan on movie_te" not in text
