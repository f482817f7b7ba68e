"""Plot search: terms in SQL beside NumPy, lists beside brute force, films that change, odd queries."""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from recsys.errors import InvalidRequest
from recsys.learning.terms import term_vectors, weigh
from recsys.loading.load import load
from recsys.serving.recommender import Recommender
from recsys.sources import open_source
from recsys.training.texts import learn_texts
from tests.helpers.databases import open_database
from tests.helpers.examples import examples
from tests.helpers.plot_queries import QUERIES

WORDS = ["robot", "love", "war", "island", "the", "murder", "zzz", "king's", "train", "boy & girl"]
relaxed = settings(
    max_examples=examples(30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def learned(server_url: URL, learned_name: str) -> Iterator[Connection]:
    with open_database(server_url, learned_name).connect() as connection:
        yield connection
        connection.rollback()


def search(connection: Connection, query: str, k: int = 10, **others: Any) -> list[Any]:
    named = "".join(f", {name} => %({name})s" for name in others)
    return list(
        connection.exec_driver_sql(
            f"select * from recsys.search_plots(%(query)s, %(k)s{named})",
            {"query": query, "k": k, **others},
        )
    )


# Learning


def test_weights_by_hand() -> None:
    # Film 0 has term 0 once and term 1 twice, film 1 has term 1 once; a third film has no word.
    found = weigh(
        np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([1, 1 + math.log(2), 1]), texts=3
    ).toarray()
    one, both = math.log(4 / 2) + 1, math.log(4 / 3) + 1
    row = np.array([one, (1 + math.log(2)) * both])
    assert found == pytest.approx(np.array([row / np.linalg.norm(row), [0, 1]]))


def test_term_vectors_are_those_of_the_exact_decomposition() -> None:
    # Three kinds of films that share no term: 90 terms, 30 a kind.
    generator = np.random.default_rng(0)
    kinds = np.repeat([0, 1, 2], [50, 40, 30])
    drawn = generator.random((120, 90)) < 0.5 * (np.repeat([0, 1, 2], 30) == kinds[:, None])
    films, terms = np.nonzero(drawn)
    matrix = weigh(films, terms, np.ones(len(films)), texts=120)
    found = term_vectors(matrix, 3)
    exact = np.linalg.svd(matrix.toarray(), full_matrices=False).Vh[:3].T  # (n_terms, 3)
    assert found.columns.tolist() == list(range(90))
    # The same space, whatever its basis.
    assert np.linalg.svd(found.vectors.T @ exact).S.tolist() == pytest.approx([1, 1, 1], abs=1e-3)
    assert np.array_equal(term_vectors(matrix, 3).vectors, found.vectors)


def test_the_database_encodes_as_was_learned(learned: Connection) -> None:
    """What SQL makes of a film's text is what the learning wrote for the film."""
    worst = learned.exec_driver_sql("""
        select max(e.terms <-> t.plot), max(e.embedding <-> v.embedding), count(*)
        from recsys.movie_terms t
        join recsys.movie_text_vectors v using (encoder_id, movie_id)
        cross join lateral recsys_internal.encode_text(
            t.encoder_id, recsys_internal.movie_text(t.movie_id)) e
    """).one()
    assert worst[0] < 1e-6
    assert worst[1] < 1e-5
    assert worst[2] == 150


def test_learning_twice_changes_nothing(learned_engine: Engine) -> None:
    state = """select (select jsonb_agg(e) from recsys.text_encoders e),
        (select md5(string_agg(t::text, '' order by term)) from recsys.text_terms t),
        (select md5(string_agg(v::text, '' order by movie_id)) from recsys.movie_text_vectors v)"""
    with learned_engine.connect() as connection:
        before = connection.exec_driver_sql(state).one()
    learn_texts(learned_engine)
    with learned_engine.connect() as connection:
        assert connection.exec_driver_sql(state).one() == before


def test_a_new_tag_counts_from_the_next_learning_on(learned_engine: Engine) -> None:
    with learned_engine.begin() as connection:
        connection.exec_driver_sql("insert into recsys.tags values (1, 7, 'quokka')")
    learn_texts(learned_engine)
    with learned_engine.connect() as connection:
        assert [row.movie_id for row in search(connection, "quokka", 1)] == [7]


def test_films_that_change_while_texts_are_learned(
    learned_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that comes is found, one that changes is found by its new text, one that goes is gone."""
    with learned_engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into recsys.movies (movie_id, title) values (11111, 'One')"
        )
        connection.exec_driver_sql(
            "insert into recsys.movie_texts values (11111, 'overview', 'Love and war on an island')"
        )

    def meanwhile(weighed: Any) -> Any:
        with learned_engine.begin() as connection:
            for statement in (
                "delete from recsys.movies where movie_id = 11111",
                "insert into recsys.movies (movie_id, title) values (11112, 'Two')",
                "insert into recsys.movie_texts values (11112, 'overview', 'A quokka in love')",
                "update recsys.movie_texts set text = 'A wombat in love' where movie_id = 1",
            ):
                connection.exec_driver_sql(statement)
        return term_vectors(weighed)

    monkeypatch.setattr("recsys.models.terms.term_vectors", meanwhile)
    assert learn_texts(learned_engine) is not None
    with learned_engine.connect() as connection:
        assert [row.movie_id for row in search(connection, "quokka", 1)] == [11112]
        assert [row.movie_id for row in search(connection, "wombat", 1)] == [1]
        held = "select array_agg(movie_id) from recsys.{} where movie_id in (1, 11111, 11112)"
        for table in ("movie_terms", "movie_text_vectors"):
            ids = connection.exec_driver_sql(held.format(table)).scalar_one()
            assert sorted(ids) == [1, 11112]


def test_two_who_change_one_film_lose_nothing(learned_engine: Engine) -> None:
    """The second begins before the first has committed, and waits for it."""

    def describe() -> None:
        with learned_engine.begin() as other:
            other.exec_driver_sql("insert into recsys.movie_keywords values (11111, 'wombat')")

    with learned_engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into recsys.movies (movie_id, title) values (11111, 'One')"
        )
    describing = threading.Thread(target=describe)
    with learned_engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into recsys.movie_texts values (11111, 'overview', 'Love and war on an island')"
        )
        describing.start()
        time.sleep(0.3)
    describing.join(10)
    with learned_engine.connect() as connection:
        kept = connection.exec_driver_sql("""
            select t.plot is not null, t.keywords is not null, v.embedding is not null
            from recsys.movie_terms t
            left join recsys.movie_text_vectors v using (encoder_id, movie_id)
            where t.movie_id = 11111
        """).one()
    assert kept == (True, True, True)


def test_a_changed_text_is_learned_from_and_the_old_terms_go(learned_engine: Engine) -> None:
    with learned_engine.begin() as connection:
        connection.exec_driver_sql(
            "update recsys.movie_texts set text = text || ' Zorblatt.' where movie_id < 4"
        )
    learned = learn_texts(learned_engine)
    assert learned is not None
    with learned_engine.connect() as connection:
        ids = connection.exec_driver_sql("select encoder_id from recsys.text_encoders").scalars()
        assert list(ids) == [learned.encoder_id]
        known = "select weight from recsys.text_terms where term = 'zorblatt'"
        assert connection.exec_driver_sql(known).scalar_one() == pytest.approx(
            math.log(151 / 4) + 1
        )


@pytest.mark.parametrize("texts", [[], ["same words"], ["the of"], ["one", "two"], ["dog"] * 5])
def test_tiny_catalogues(engine: Engine, texts: Sequence[str]) -> None:
    with engine.begin() as connection:
        for place, text in enumerate(texts, 1):
            connection.exec_driver_sql(
                "insert into recsys.movies (movie_id, title) values (%s, 'Film')", (place,)
            )
            connection.exec_driver_sql(
                "insert into recsys.movie_texts values (%s, 'plot', %s)", (place, text)
            )
    learned = learn_texts(engine)
    assert (learned is None) == (not texts)
    with engine.connect() as connection:
        if not texts:
            with pytest.raises(OperationalError, match=r"no film here has a text.*\n.*recsys load"):
                search(connection, "dog")
        elif texts[0] != "the of":
            assert search(connection, texts[0])[0].movie_id == 1
            assert len(search(connection, texts[0])) == len(texts)


def test_texts_that_are_not_learned_yet(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("insert into recsys.movies (movie_id, title) values (1, 'Film')")
        connection.exec_driver_sql("insert into recsys.movie_texts values (1, 'plot', 'A dog')")
        with pytest.raises(OperationalError, match=r"not been learned yet\n.*recsys text embed"):
            search(connection, "dog")


# Searching


def brute_force(connection: Connection, query: str, among: set[int]) -> dict[int, float]:
    """The definition: standardized cosines of terms and vectors, keywords weighed 0.2."""
    rows = connection.exec_driver_sql(
        """
        select t.movie_id, coalesce(-(t.plot <#> e.terms), 0)
            + 0.2 * coalesce(-(t.keywords <#> e.terms), 0),
            v.embedding::real[], e.embedding::real[]
        from recsys.movie_terms t
        join recsys.movie_text_vectors v using (encoder_id, movie_id)
        cross join recsys_internal.encode_text(t.encoder_id, %s) e
        order by t.movie_id
        """,
        (query,),
    ).all()
    lexical = np.array([row[1] for row in rows])
    dense = np.zeros(len(rows))
    if rows[0][3] is not None:
        wanted = np.array(rows[0][3])
        films = np.array([row[2] for row in rows])  # (n_films, dimensions)
        dense = films @ wanted / (np.linalg.norm(films, axis=1) * np.linalg.norm(wanted))
    scores = np.zeros(len(rows))
    for weight, likeness in ((1, lexical), (0.3, dense)):
        if likeness.std() > 0:
            scores += weight * (likeness - likeness.mean()) / likeness.std()
    return {row[0]: score for score, row in zip(scores, rows, strict=True) if row[0] in among}


@relaxed
@given(
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4),
    k=st.integers(1, 200),
    genre=st.sampled_from([None, "Comedy", "Western"]),
    barred=st.lists(st.integers(1, 150), max_size=5),
    year_to=st.sampled_from([None, 1960, 1800]),
)
def test_lists_are_those_of_brute_force(
    learned: Connection,
    words: list[str],
    k: int,
    genre: str | None,
    barred: list[int],
    year_to: int | None,
) -> None:
    query = " ".join(words)
    passing = {
        row.movie_id
        for row in learned.exec_driver_sql("select * from recsys_bi.movies")
        if row.movie_id not in barred
        and (genre is None or genre in row.genres)
        and (year_to is None or row.year <= year_to)
    }
    if set(words) <= {"the", "zzz"}:
        with (
            pytest.raises(DBAPIError, match="no film's text has a word of"),
            learned.begin_nested(),
        ):
            search(learned, query, k)
        return
    found = search(
        learned,
        query,
        k,
        genres=None if genre is None else [genre],
        exclude_movies=barred,
        year_to=year_to,
    )
    assert [row.rank for row in found] == list(range(1, len(found) + 1))
    assert len(found) == min(k, len(passing))
    scores = brute_force(learned, query, passing)
    # Ties in single precision may fall otherwise.
    assert [scores[row.movie_id] for row in found] == pytest.approx(
        sorted(scores.values(), reverse=True)[:k], abs=1e-5
    )
    assert [row.score for row in found] == pytest.approx(
        [scores[row.movie_id] for row in found], abs=1e-5
    )


def test_a_film_is_found_by_its_own_plot(learned: Connection) -> None:
    first = learned.exec_driver_sql("""
        select count(*) filter (where s.movie_id = t.movie_id), count(*)
        from recsys.movie_texts t cross join lateral recsys.search_plots(t.text, 1) s
    """).one()
    assert tuple(first) == (150, 150)


def test_titles_genres_and_keywords_count_when_asked(learned_engine: Engine) -> None:
    with learned_engine.begin() as connection:
        connection.exec_driver_sql("insert into recsys.movie_keywords values (7, 'quokka')")
        title = connection.exec_driver_sql(
            "select title from recsys.movies where movie_id = 1"
        ).scalar_one()
        assert [row.movie_id for row in search(connection, "quokka", 1)] == [7]
        assert [row.movie_id for row in search(connection, title, 1, title_weight=1)] == [1]
        plain = search(connection, "western comedy with a robot")
        weighed = search(connection, "western comedy with a robot", genre_weight=5)
        both = {"Comedy", "Western"}
        shares = [len(both & set(row.genres)) for row in weighed]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) > sum(len(both & set(row.genres)) for row in plain)


def test_distances(learned_engine: Engine) -> None:
    """Of vectors that are not of one length, each distance orders in its own way."""
    generator = np.random.default_rng(0)
    vectors, query = generator.normal(size=(150, 3)), np.array([1.0, 2, 3])
    with learned_engine.begin() as connection:
        other = connection.exec_driver_sql(
            "insert into recsys.text_encoders (name, dimensions) values ('other', 3)"
            " returning encoder_id"
        ).scalar_one()
        for movie_id, vector in enumerate(vectors, 1):
            connection.exec_driver_sql(
                "insert into recsys.movie_text_vectors values (%s, %s, %s::real[]::vector, 0)",
                (other, movie_id, vector.tolist()),
            )
        orders = {
            "dot": -vectors @ query,
            "cosine": -vectors @ query / np.linalg.norm(vectors, axis=1),
            "euclidean": np.linalg.norm(vectors - query, axis=1),
        }
        for distance, order in orders.items():
            # No film has the word, so that the vectors alone decide.
            found = search(
                connection, "zzz", 150, embedding="[1,2,3]", encoder="other", distance=distance
            )
            assert [row.movie_id for row in found] == (np.argsort(order) + 1).tolist()
            for extreme in ("[0,0,0]", "[1e-45,0,0]", "[1e-16,0,0]", "[1e20,0,0]", "[3.4e38,1,1]"):
                with (
                    pytest.raises(DBAPIError, match="long: its length must be between") as caught,
                    connection.begin_nested(),
                ):
                    search(connection, "zzz", embedding=extreme, encoder="other", distance=distance)
                assert getattr(caught.value.orig, "sqlstate", None) == "22023"
            for size in (1e-14, 1e14):
                found = search(
                    connection,
                    "zzz",
                    150,
                    embedding=f"[{size},{2 * size},{3 * size}]",
                    encoder="other",
                    distance=distance,
                )
                assert np.isfinite([row.score for row in found]).all()
                if distance != "euclidean":
                    assert [row.movie_id for row in found] == (np.argsort(order) + 1).tolist()


@pytest.mark.parametrize(
    "query",
    [
        "a & b | ! robot :* ' \" \\ % ; -- $$ <-> (",
        "robot " + "x" * 5000,
        "robot " * 16_000,
        "robot " + " ".join(f"word{n}" for n in range(10_000)),
        "Робот и мальчик robot 机器人",
        "robot\x01\t\n",
    ],
    ids=["operators", "long word", "many characters", "many words", "languages", "control"],
)
def test_odd_queries_are_answered(learned: Connection, query: str) -> None:
    assert len(search(learned, query, 5)) == 5


@pytest.mark.parametrize(
    ("query", "others", "message"),
    [
        ("", {}, "the plot to search for is empty"),
        (" \n\t", {}, "the plot to search for is empty"),
        (None, {}, "the plot to search for is empty"),
        ("robot".rjust(100_001), {}, "query is 100001 characters long: it may have up to 100000"),
        ("the of and", {}, "no film's text has a word of: 'the of and'"),
        ("& | !", {}, "no film's text has a word of"),
        ("Собака и кошка", {}, "no film's text has a word of: 'Собака и кошка'"),
        ("robot", {"k": 0}, "k is 0"),
        ("robot", {"genres": ["Nonsense"]}, "unknown genre: 'Nonsense'"),
        ("robot", {"encoder": "nonsense"}, "unknown encoder: 'nonsense'"),
        ("robot", {"encoder": None}, "unknown encoder: null"),
        ("robot", {"distance": "nonsense"}, "distance is 'nonsense'"),
        ("robot", {"title_weight": -1}, "title_weight is -1"),
        ("robot", {"genre_weight": "NaN"}, "genre_weight is NaN"),
        ("robot", {"keyword_weight": None}, "keyword_weight is null"),
        ("robot", {"embedding": "[1,2,3]"}, "embedding has 3 numbers, but encoder 'terms' has"),
    ],
)
def test_refusals(
    learned: Connection, query: str | None, others: dict[str, Any], message: str
) -> None:
    with pytest.raises(DBAPIError, match=re.escape(message)) as caught:
        search(learned, query, **{"k": 10, **others})  # type: ignore[arg-type]
    assert getattr(caught.value.orig, "sqlstate", None) == "22023"


# Films that change


def ids(connection: Connection, query: str, k: int = 3) -> list[int]:
    return [row.movie_id for row in search(connection, query, k)]


def test_a_new_film_is_found_by_the_next_statement(learned_engine: Engine) -> None:
    with learned_engine.begin() as connection:
        connection.exec_driver_sql("insert into recsys.movies values (9001, 'New', 2026)")
        connection.exec_driver_sql(
            "insert into recsys.movie_texts values (9001, 'overview', 'A zorblatt meets a robot')"
        )
        assert ids(connection, "zorblatt")[0] == 9001  # a word that nobody has learned
        assert 9001 in ids(connection, "robot", 20)
        connection.exec_driver_sql(
            "update recsys.movie_texts set text = 'A quokka' where movie_id = 9001"
        )
        assert ids(connection, "quokka")[0] == 9001
        connection.exec_driver_sql("delete from recsys.movie_texts where movie_id = 9001")
        with (
            pytest.raises(DBAPIError, match="no film's text has a word"),
            connection.begin_nested(),
        ):
            ids(connection, "quokka")
        connection.exec_driver_sql("delete from recsys.movies where movie_id = 9001")


def test_a_film_that_changed_is_as_if_it_had_always_been_so(learned_engine: Engine) -> None:
    """Row by row or all at once, what is made of the words is the same."""
    made = """select t.movie_id, t.plot::text, t.title::text, t.keywords::text, t.digest,
            v.embedding::text, v.digest
        from recsys.movie_terms t
        left join recsys.movie_text_vectors v using (encoder_id, movie_id)
        where t.movie_id between 1 and 5 order by 1"""
    change = """
        update recsys.movie_texts set text = 'A robot and a dog' where movie_id = 1;
        delete from recsys.movie_texts where movie_id = 2;
        update recsys.movies set title = 'Robot' where movie_id = 3;
        insert into recsys.movie_keywords values (4, 'dog')
    """
    states = []
    for bulk in ("off", "on"):
        with learned_engine.connect() as connection:
            before = connection.exec_driver_sql(made).all()
            connection.exec_driver_sql(f"set local recsys.bulk = {bulk}")
            connection.exec_driver_sql(change)
            if bulk == "on":
                assert connection.exec_driver_sql(made).all() == before
                connection.exec_driver_sql("select recsys.refresh_content()")
            states.append(connection.exec_driver_sql(made).all())
            connection.rollback()
    assert states[0] == states[1] != before


def test_vectors_without_their_terms_stay(learned_engine: Engine) -> None:
    """As in the database of an evaluation, which has no texts either."""
    count = "select count(*) from recsys.movie_text_vectors"
    with learned_engine.begin() as connection:
        for table in ("movie_texts", "movie_terms", "text_terms"):
            connection.exec_driver_sql("set local recsys.bulk = on")
            connection.exec_driver_sql(f"delete from recsys.{table}")
        connection.exec_driver_sql("select recsys.refresh_content()")
        assert connection.exec_driver_sql(count).scalar_one() == 150


def test_a_load_brings_terms_up_to_date(learned_engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "plots.csv"
    file.write_text("title,year,plot\nWALL-E,2008,A zorblatt collects rubbish.\n")
    load(learned_engine, open_source(str(file)))
    with learned_engine.connect() as connection:
        assert ids(connection, "zorblatt", 1) == [1]


# Similar by plot


def test_similar_by_plot_is_the_search_for_its_text(learned: Connection) -> None:
    by_plot = learned.exec_driver_sql(
        "select movie_id, score, source from recsys.similar_movies(1, 20, by => 'plot')"
    ).all()
    text = learned.exec_driver_sql("select recsys_internal.movie_text(1)").scalar_one()
    searched = search(learned, text, 20, exclude_movies=[1], keyword_weight=0)
    assert [row.movie_id for row in by_plot] == [row.movie_id for row in searched]
    assert [row.score for row in by_plot] == pytest.approx(
        [row.score for row in searched], abs=1e-4
    )
    assert {row.source for row in by_plot} == {"content"}


def test_both_adds_up_reciprocal_ranks(learned: Connection) -> None:
    places: dict[int, float] = {}
    rated = set()
    for way in ("ratings", "plot"):
        for row in learned.exec_driver_sql(
            "select rank, movie_id, source from recsys.similar_movies(1, 100, by => %s)", (way,)
        ):
            if row.source != "popular":
                places[row.movie_id] = places.get(row.movie_id, 0) + 1 / (60 + row.rank)
                rated |= {row.movie_id} if way == "ratings" else set()
    wanted = sorted(places, key=lambda movie_id: (-places[movie_id], movie_id))[:15]
    found = learned.exec_driver_sql(
        "select movie_id, score, source, model_id from recsys.similar_movies(1, 15, by => 'both')"
    ).all()
    assert [row.movie_id for row in found] == wanted
    assert [row.score for row in found] == pytest.approx([places[m] for m in wanted])
    assert [row.source == "personal" for row in found] == [m in rated for m in wanted]
    assert [row.model_id is None for row in found] == [m not in rated for m in wanted]


def test_a_film_without_ratings_is_compared_by_its_plot(learned_engine: Engine) -> None:
    query = "select movie_id, source from recsys.similar_movies({}, 5{})"
    with learned_engine.begin() as connection:
        connection.exec_driver_sql("insert into recsys.movies values (9001, 'New', 2026)")
        connection.exec_driver_sql(
            "insert into recsys.movie_texts select 9001, kind, text from recsys.movie_texts"
            " where movie_id = 1"
        )
        found = connection.exec_driver_sql(query.format(9001, "")).all()
        assert found == connection.exec_driver_sql(query.format(9001, ", by => 'plot'")).all()
        assert tuple(found[0]) == (1, "content")
        # Without a text, either, popular ones are all that there is to say.
        connection.exec_driver_sql("insert into recsys.movies values (9002, 'Bare', 2026)")
        bare = connection.exec_driver_sql(query.format(9002, ", by => 'both'")).all()
        assert [row.source for row in bare] == ["popular"] * 5
        with pytest.raises(DBAPIError, match="by is 'nonsense'"):
            connection.exec_driver_sql(query.format(1, ", by => 'nonsense'"))


def test_from_python(learned_engine: Engine) -> None:
    recommender = Recommender.on(learned_engine)
    found = recommender.search_plots("a robot alone", 3, genres=["Animation"])
    assert [film.rank for film in found] == [1, 2, 3]
    assert list(found.to_frame().columns)[:3] == ["rank", "movie_id", "title"]
    vector = np.ones(3, dtype=np.float32)
    with pytest.raises(InvalidRequest, match="embedding has 3 numbers"):
        recommender.search_plots("robot", embedding=vector)
    with pytest.raises(InvalidRequest, match="the plot to search for is empty"):
        recommender.search_plots("")
    by_plot = recommender.similar_movies(1, 3, by="plot")
    assert [film.source for film in by_plot] == ["content"] * 3


# Real films


def test_twenty_films_in_ones_own_words(server_url: URL, movielens_texts: str) -> None:
    ranks = []
    with open_database(server_url, movielens_texts).connect() as connection:
        for (title, year), query in QUERIES.items():
            found = connection.exec_driver_sql(
                "select s.rank from recsys.search_plots(%s, 10) s"
                " join recsys.movies m using (movie_id) where m.title = %s and m.year = %s",
                (query, title, year),
            ).scalar()
            ranks.append(found)
    assert sum(rank is not None for rank in ranks) >= 15, dict(zip(QUERIES, ranks, strict=True))
