"""Films that no user likes: vectors from what they are, and answers that rank with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, Connection, Engine

from recsys.arrays import Values
from recsys.models.content import LEAST_FILMS, read_content
from recsys.models.lists import recommend_all
from recsys.models.terms import learn_terms
from recsys.models.vectors import write_model
from recsys.models.versions import activate_model, active_model
from recsys.parameters import Parameters
from recsys.training.train import train
from tests.helpers.databases import open_database
from tests.helpers.examples import examples
from tests.helpers.lists import assert_same
from tests.helpers.models import a_model
from tests.helpers.oracle import Catalogue, brute_force, call, check_list, read_catalogue
from tests.helpers.order_oracle import teach_plain

PARAMETERS = Parameters(8, alpha=0.3, regularization=0.01)
KNOWN, UNKNOWN = 9001, 9002  # new films, of which something is known and nothing
UNLIKED = {1, 2, 3, 4, 130}  # in the sample, once the first four have three stars


@pytest.fixture(scope="module")
def content_name(server_url: URL, sample_name: str, copies: Callable[[str], str]) -> str:
    """Name of a copy of the sample with a model learned from facts and texts; two of its films have
    no ratings, and no user likes four others."""
    name = copies(sample_name)
    engine = open_database(server_url, name)
    with engine.begin() as connection:
        run = connection.exec_driver_sql
        run(
            "insert into recsys.movies (movie_id, title, year) "
            f"values ({KNOWN}, 'New', 1994), ({UNKNOWN}, 'Nothing known', null)"
        )
        run(
            "insert into recsys.movie_genres (movie_id, genre_id) "
            f"select {KNOWN}, genre_id from recsys.genres where name in ('Comedy', 'Drama')"
        )
        run("insert into recsys.movie_texts (movie_id, kind, text) values (%s, 'plot', %s)", (
            KNOWN, "A detective and a thief fall in love during the war."))  # fmt: skip
        run("update recsys.ratings set rating = 3 where movie_id between 1 and 4")
        run(
            "insert into recsys.tags (user_id, movie_id, tag) "
            "select u, m, 'Classic' from generate_series(1, 2) u, generate_series(1, 20) m"
        )
    with engine.begin() as connection:
        learn_terms(connection)
    trained(engine)
    return name


@pytest.fixture
def learned(server_url: URL, content_name: str, brief_copies: Callable[[str], str]) -> Engine:
    """These films and their model, to write in."""
    return open_database(server_url, brief_copies(content_name))


def newest(engine: Engine) -> int:
    with engine.connect() as connection:
        found = active_model(connection)
    assert found is not None
    return found


def trained(engine: Engine, parameters: Parameters = PARAMETERS) -> int:
    return train(engine, parameters, device="cpu")


def content_of(connection: Connection, model_id: int) -> dict[int, Values]:
    rows = connection.exec_driver_sql(
        "select movie_id, embedding::real[] from recsys.movie_vectors "
        "where model_id = %s and content",
        (model_id,),
    )
    return {row[0]: np.array(row[1], dtype=np.float64) for row in rows}


def by_hand(connection: Connection, model_id: int) -> dict[int, Values]:
    """The vectors that recsys_internal.content_vector must give, from the tables alone."""
    run = connection.exec_driver_sql
    rows = {
        row[0]: np.array(row[1], dtype=np.float64)
        for row in run(
            "select feature, embedding::real[] from recsys.content_features where model_id = %s",
            (model_id,),
        )
    }
    model = run("select * from recsys.models where model_id = %s", (model_id,)).one()
    facts: dict[int, set[str]] = {}
    for query in (
        "select movie_id, 'genre:' || name from recsys.movie_genres join recsys.genres using (genre_id)",
        "select movie_id, 'years:' || year / 5 * 5 from recsys.movies where year is not null",
        "select movie_id, 'keyword:' || keyword from recsys.movie_keywords",
        "select movie_id, 'director:' || person_id from recsys.movie_people where role = 'director'",
        "select movie_id, 'actor:' || person_id from recsys.movie_people "
        "where role = 'actor' and position in (1, 2, 3, 4, 5)",
        "select movie_id, 'tag:' || lower(tag) from recsys.tags",
    ):
        for movie_id, fact in run(query):
            facts.setdefault(movie_id, set()).add(fact)
    texts = {
        row[0]: np.array(row[1], dtype=np.float64)
        for row in run(
            "select movie_id, embedding::real[] from recsys.movie_text_vectors "
            "where encoder_id = %s",
            (model.encoder_id,),
        )
    }
    found = {}
    for movie_id in run("select movie_id from recsys.movies").scalars():
        known = sorted(facts.get(movie_id, set()) & rows.keys())
        if not known and movie_id not in texts:
            continue
        v: Values = np.sum([rows["intercept"], *(rows[fact] for fact in known)], axis=0)
        if movie_id in texts:
            weights = np.array([rows[f"factor:{n}"] for n in range(1, model.factors + 1)])
            v = v + weights @ texts[movie_id]
        else:
            v = v + rows.get("text:none", 0)
        v = v / max(1.0, float(np.linalg.norm(v)))
        found[movie_id] = np.append(v, np.sqrt(max(0.0, 1 - float(v @ v))))
    return found


def check_vectors(found: dict[int, Values], expected: dict[int, Values]) -> None:
    assert found.keys() == expected.keys()
    for movie_id, v in expected.items():
        assert found[movie_id] == pytest.approx(v, abs=1e-5)


def everybody(connection: Connection, model_id: int) -> dict[int, Values]:
    """recsys_internal.content_vector of each film."""
    rows = connection.exec_driver_sql(
        "select m.movie_id, c.v::real[] from recsys.movies m cross join lateral "
        "recsys_internal.content_vector(recsys_internal.find_model(%s), m.movie_id) c (v) "
        "where c.v is not null",
        (model_id,),
    )
    return {row[0]: np.array(row[1], dtype=np.float64) for row in rows}


def test_sql_gives_each_film_what_the_map_says(learned: Engine) -> None:
    model_id = newest(learned)
    with learned.begin() as connection:
        expected = by_hand(connection, model_id)
        check_vectors(everybody(connection, model_id), expected)
        assert UNKNOWN not in expected
        unliked = set(
            connection.exec_driver_sql(
                "select movie_id from recsys.movies where liked_count = 0"
            ).scalars()
        )
        assert unliked == UNLIKED | {KNOWN, UNKNOWN}
        assert content_of(connection, model_id).keys() == UNLIKED | {KNOWN}
        check_vectors(
            content_of(connection, model_id),
            {m: v for m, v in expected.items() if m in unliked},
        )
        features = set(
            connection.exec_driver_sql(
                "select split_part(feature, ':', 1) from recsys.content_features"
            ).scalars()
        )
        assert features >= {"genre", "years", "tag", "text", "factor", "intercept"}
        # Longer than the longest film that was learned, a film is made as long as that.
        connection.exec_driver_sql(
            "update recsys.content_features set embedding = embedding * array_fill("
            "20::real, array[vector_dims(embedding)])::vector where feature = 'intercept'"
        )
        long = by_hand(connection, model_id)
        assert max(v[-1] for v in long.values()) < 0.01
        check_vectors(everybody(connection, model_id), long)


def test_the_tables_hold_the_map_that_was_learned(learned: Engine) -> None:
    """From arrays to the film's vector in the database, by NumPy alone."""
    model_id = newest(learned)
    with learned.connect() as connection:
        content = read_content(connection)
        model = connection.exec_driver_sql("select * from recsys.models order by 1 desc").first()
        assert model is not None
        rows = connection.exec_driver_sql(
            "select movie_id, embedding::real[] from recsys.movie_vectors "
            "where model_id = %s and not content order by 1",
            (model_id,),
        ).all()
        ids = np.array([row[0] for row in rows])
        vectors = np.array([row[1] for row in rows])[:, :-1] * model.item_norm
        expected = content.learn(ids, vectors.astype(np.float32), PARAMETERS.seed).map
        exact = expected.vectors(content.facts, content.text) / model.item_norm
        exact /= np.linalg.norm(exact, axis=1, keepdims=True).clip(1)
        assert content.facts.sum(axis=0).min() >= LEAST_FILMS
        found = everybody(connection, model_id)
        both = [place for place, m in enumerate(content.movie_ids.tolist()) if m in found]
        assert len(both) > 100
        for place in both:
            assert found[int(content.movie_ids[place])][:-1] == pytest.approx(
                exact[place], abs=1e-5
            )


def test_norms_are_those_of_all_films_and_the_count_that_of_the_learned(learned: Engine) -> None:
    model_id = newest(learned)
    with learned.connect() as connection:
        count, norms = connection.exec_driver_sql(
            "select movie_count, norms from recsys.models where model_id = %s", (model_id,)
        ).one()
        stored = connection.exec_driver_sql(
            "select norm, vector_norm(subvector(embedding, 1, 8)), content "
            "from recsys.movie_vectors where model_id = %s order by norm desc",
            (model_id,),
        ).all()
    assert count == sum(not row[2] for row in stored) < len(stored)
    assert norms == [stored[2**place - 1][0] for place in range(len(norms))]
    assert 2 ** len(norms) > len(stored)
    assert [row[0] for row in stored] == pytest.approx([row[1] for row in stored], abs=1e-6)


@pytest.mark.parametrize("retrieval", ["auto", "exact", "index"])
@pytest.mark.parametrize("user_id", [5, 9999])
def test_lists_are_brute_forces(learned: Engine, retrieval: str, user_id: int) -> None:
    model_id = newest(learned)
    with learned.begin() as connection:
        run = connection.exec_driver_sql
        run("select recsys_internal.index_model(%s, true)", (model_id,))
        run(f"set recsys.retrieval = '{retrieval}'")
        run(
            "insert into recsys.ratings (user_id, movie_id, rating) "
            f"values (9999, 10, 5), (9999, 20, 4), (9999, 30, 4), (9999, {KNOWN}, 4)"
        )
        catalogue = read_catalogue(connection)
        # All films first, then a list in which those with content alone are let through.
        vector = run("select recsys.user_vector(%s)::real[]", (user_id,)).scalar_one()
        scores = catalogue.scores(np.array(vector, dtype=np.float64))
        for filters in ({}, {"genres": ["Comedy"]}, {"exclude_movies": list(range(10, 140))}):
            rows = call(connection, "recommend", user_id=user_id, k=200, rerank=False, **filters)
            everything = brute_force(catalogue, scores, catalogue.ratings[user_id], filters)
            check_list(rows, everything, 200, source="personal" if user_id == 5 else "live")
            sources = {row["movie_id"]: row["source"] for row in rows}
            assert sources.get(1) in ("content", None)
            if "exclude_movies" in filters and user_id == 5:
                assert sources.get(KNOWN) == "content"
        scored = call(connection, "score_movies", user_id=user_id, movie_ids=[1, 10, UNKNOWN])
        assert {row["movie_id"]: row["source"] for row in scored} == {
            1: "content",
            10: "personal" if user_id == 5 else "live",
            UNKNOWN: "popular",
        }
        assert scored[0]["score"] == pytest.approx(scores[scored[0]["movie_id"]], abs=1e-5)
        group = call(connection, "recommend_group", user_ids=[user_id], k=200)
        assert {row["movie_id"] for row in group if row["source"] == "content"} == (
            catalogue.content - set(catalogue.ratings[user_id])
        )
        assert [row["movie_id"] for row in group if row["source"] == "popular"] == [UNKNOWN]


def test_a_film_known_by_content_is_explained(learned: Engine) -> None:
    with learned.connect() as connection:
        teach_plain(connection, "retrieval", [1, 0, 0, 0, 0, 0])
        [score] = call(connection, "score_movies", user_id=5, movie_ids=[KNOWN])
        parts = call(connection, "explain", user_id=5, movie_id=KNOWN, k=1000)
        catalogue = read_catalogue(connection)
    liked = catalogue.liked(5)
    expected = dict(zip(liked, catalogue.contributions(liked, [KNOWN])[0].tolist(), strict=True))
    found = {p["because_movie_id"]: p["contribution"] for p in parts if p["contribution"] != 0}
    assert found == pytest.approx(expected, abs=1e-5)
    assert sum(p["contribution"] for p in parts) == pytest.approx(score["score"], rel=1e-3)


@pytest.mark.parametrize("retrieval", ["exact", "index"])
def test_likeness_leaves_them_out(learned: Engine, retrieval: str) -> None:
    model_id = newest(learned)
    with learned.begin() as connection:
        run = connection.exec_driver_sql
        run("select recsys_internal.index_model(%s, true)", (model_id,))
        run(f"set recsys.retrieval = '{retrieval}'")
        unlearned = UNLIKED | {KNOWN, UNKNOWN}
        for question in (
            {"function": "similar_movies", "movie_id": 10},
            {"function": "more_like", "liked": [10, 20], "disliked": [30]},
        ):
            name = str(question.pop("function"))
            rows = call(connection, name, k=200, **question)
            assert {r["movie_id"] for r in rows if r["source"] == "popular"} == unlearned
        rows = call(connection, "similar_movies", movie_id=KNOWN)
        assert "personal" not in {row["source"] for row in rows}


@pytest.mark.parametrize("k", [10, 140])
def test_the_table_of_all_lists_is_the_functions(learned: Engine, k: int) -> None:
    with learned.begin() as connection:  # a film that the ranker has not learned from
        run = connection.exec_driver_sql
        run("insert into recsys.movies (movie_id, title, year) values (9003, 'Newer', 1994)")
        run(
            "insert into recsys.movie_genres (movie_id, genre_id) "
            f"select 9003, genre_id from recsys.movie_genres where movie_id = {KNOWN}"
        )
        if k == 140:  # long lists of a few users
            run("delete from recsys.ratings where user_id > 150")
    recommend_all(learned, k)
    with learned.connect() as connection:
        assert_same(connection, k)
        if k == 140:
            assert connection.exec_driver_sql(
                "select count(*) > 0 from recsys.recommendations"
                " where movie_id = 9003 and source = 'content'"
            ).scalar_one()
            assert connection.exec_driver_sql(
                "select count(*) > 100 from recsys.recommendations where source = 'content'"
            ).scalar_one()


def test_activation_brings_films_up_to_date(learned: Engine) -> None:
    old = newest(learned)
    trained(learned)
    with learned.begin() as connection:
        run = connection.exec_driver_sql
        run("insert into recsys.movies (movie_id, title, year) values (9003, 'Newer', 1994)")
        run(f"delete from recsys.movie_genres where movie_id = {KNOWN}")
        run("delete from recsys.movie_genres where movie_id = 4")
        run("delete from recsys.movie_texts where movie_id = 4")
        run("delete from recsys.movie_text_vectors where movie_id = 4")
        run("delete from recsys.tags where movie_id = 4")
        run("update recsys.movies set year = null where movie_id = 4")
        before = run(
            "select movie_id, embedding::text from recsys.movie_vectors "
            "where model_id = %s and not content order by 1",
            (old,),
        ).all()
        activate_model(connection, old)
        expected = by_hand(connection, old)
        check_vectors(
            content_of(connection, old), {m: expected[m] for m in (1, 2, 3, 130, KNOWN, 9003)}
        )
        after = run(
            "select movie_id, embedding::text from recsys.movie_vectors "
            "where model_id = %s and not content order by 1",
            (old,),
        ).all()
        assert before == after
        rows = call(connection, "score_movies", user_id=5, movie_ids=[9003])
        assert rows[0]["source"] == "content"


def test_an_older_model_reads_texts_that_its_learning_has_not_seen(learned: Engine) -> None:
    old = newest(learned)
    with learned.begin() as connection:
        add = (
            "insert into recsys.movie_texts"
            " select %s, kind, text from recsys.movie_texts where movie_id = 5"
        )
        connection.exec_driver_sql(add, (UNKNOWN,))
        learn_terms(connection)
    trained(learned)
    with learned.begin() as connection:
        connection.exec_driver_sql("insert into recsys.movies (movie_id, title) values (9003, 'X')")
        connection.exec_driver_sql(add, (9003,))
        activate_model(connection, old)
        rows = call(connection, "score_movies", user_id=5, movie_ids=[9003, UNKNOWN])
        assert [row["source"] for row in rows] == ["content", "content"]


def test_same_seed_same_vectors_of_content_too(learned: Engine) -> None:
    first, again = newest(learned), trained(learned)
    with learned.connect() as connection:
        one, other = content_of(connection, first), content_of(connection, again)
    assert {m: v.tolist() for m, v in one.items()} == {m: v.tolist() for m, v in other.items()}


def test_without_texts_facts_alone_count(sample_engine: Engine) -> None:
    with sample_engine.begin() as connection:
        connection.exec_driver_sql(
            "update recsys.ratings set rating = 3 where movie_id between 1 and 4"
        )
    model_id = trained(sample_engine)
    with sample_engine.connect() as connection:
        assert content_of(connection, model_id).keys() == UNLIKED
        check_vectors(everybody(connection, model_id), by_hand(connection, model_id))
        assert connection.exec_driver_sql(
            "select encoder_id, (select count(*) from recsys.content_features "
            "where feature like 'text:%%' or feature like 'factor:%%') "
            "from recsys.models where model_id = %s",
            (model_id,),
        ).one() == (None, 0)


def test_a_catalogue_of_ids_alone(engine: Engine) -> None:
    """No genre, year or text; and so few films that no fact is learned from."""
    with engine.begin() as connection:
        run = connection.exec_driver_sql
        run(
            "insert into recsys.movies (movie_id, title) select n, 'F' from generate_series(1, 5) n"
        )
        run(
            "insert into recsys.ratings (user_id, movie_id, rating) "
            "select u, m, case when m < 4 then 5 else 1 end "
            "from generate_series(1, 4) u, generate_series(1, 4) m where u <> m"
        )
    model_id = trained(engine, replace(PARAMETERS, factors=2))
    with engine.begin() as connection:
        assert content_of(connection, model_id) == {}
        assert [r["source"] for r in call(connection, "recommend", user_id=1, k=5)][-1] == "popular"
        connection.exec_driver_sql("update recsys.movies set year = 1990 where movie_id < 4")
    trained(engine, replace(PARAMETERS, factors=2))
    recommend_all(engine, 3)
    with engine.connect() as connection:
        assert_same(connection, 3)


@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seed=st.integers(0, 10_000),
    came=st.integers(0, 250),
    k=st.integers(1, 40),
    alike=st.booleans(),
)
def test_films_that_came_since_the_norms_were_counted_cost_none(
    engine: Engine, seed: int, came: int, k: int, alike: bool
) -> None:
    """Long ones and short ones, or all of one length."""
    generator = np.random.default_rng(seed)
    movies = generator.normal(size=(600 + came, 4)) * generator.random((600 + came, 1))
    # The longest is there from the first: what comes later is shortened to it.
    movies[0] *= 2 * np.linalg.norm(movies, axis=1).max() / np.linalg.norm(movies[0])
    if alike:
        movies /= np.linalg.norm(movies, axis=1, keepdims=True)
    user = generator.normal(size=(1, 4))
    with engine.connect() as connection:
        run = connection.exec_driver_sql
        run(
            "insert into recsys.movies (movie_id, title) "
            "select n, 'F' from generate_series(1, %s) n",
            (600 + came,),
        )
        activate_model(connection, write_model(connection, a_model(user, movies[:600])))
        norm = run("select item_norm from recsys.models").scalar_one()
        lengths = np.linalg.norm(movies, axis=1, keepdims=True)
        last = np.sqrt(np.clip(norm**2 - lengths**2, 0, None))
        run(
            "insert into recsys.movie_vectors (model_id, movie_id, embedding, norm, content) "
            "select m.model_id, f.id, f.v::vector, f.norm, true from recsys.models m, "
            "unnest(%s::bigint[], %s::text[], %s::real[]) f (id, v, norm)",
            (
                list(range(601, 601 + came)),
                [str(v.tolist()) for v in np.hstack([movies, last])[600:] / norm],
                (lengths[600:, 0] / norm).tolist(),
            ),
        )
        rows = call(connection, "recommend", user_id=1, k=k)
        connection.rollback()
    best = np.sort(movies @ user[0])[::-1][:k]
    assert [row["score"] for row in rows] == pytest.approx(best, abs=1e-4 * np.abs(best).max())
    for row in rows:
        assert row["source"] == ("content" if row["movie_id"] > 600 else "personal")


@pytest.mark.slow
def test_sql_is_the_map_on_real_films(
    server_url: URL, movielens_texts: str, copies: Callable[[str], str]
) -> None:
    engine = open_database(server_url, copies(movielens_texts))
    model_id = train(engine, Parameters(32, alpha=0.3, regularization=0.01), device="cpu")
    with engine.connect() as connection:
        expected = by_hand(connection, model_id)
        stored = content_of(connection, model_id)
        assert len(stored) > 3000
        check_vectors(stored, {m: expected[m] for m in stored})
        catalogue: Catalogue = read_catalogue(connection)
        for user_id in (1, 100, 600):
            scores = catalogue.scores(catalogue.users[user_id])
            rows = call(connection, "recommend", user_id=user_id, k=1000, rerank=False)
            check_list(rows, brute_force(catalogue, scores, catalogue.ratings[user_id], {}), 1000)
            assert any(row["source"] == "content" for row in rows)
