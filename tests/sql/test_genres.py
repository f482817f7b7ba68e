"""Genres predicted in SQL: against the network in torch, at the edges, in tables and filters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError

from recsys import InvalidRequest, Recommender, TrainingError
from recsys.learning.genres import GenreClassifier, learn_genres
from recsys.loading.load import load
from recsys.models.genres import (
    learn_classifier,
    predict_missing,
    read_examples,
    write_classifier,
)
from recsys.models.terms import learn_terms
from recsys.settings import Settings
from recsys.sources import open_source
from tests.helpers.commands import fails, recsys
from tests.helpers.databases import open_database
from tests.helpers.examples import examples
from tests.helpers.planted import FILMS, GENRES, UNLISTED, WITHOUT_TEXT, WORDS, plant

WESTERN = " ".join(WORDS["Western"])
relaxed = settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def planted_name(server_url: URL, template: str, copies: Callable[[str], str]) -> str:
    """Name of a database with the planted catalogue and its classifier; not to be written to."""
    name = copies(template)
    engine = open_database(server_url, name)
    plant(engine)
    with engine.begin() as connection:
        learn_classifier(connection, "terms")
    return name


@pytest.fixture
def planted(server_url: URL, planted_name: str) -> Iterator[Connection]:
    """A connection to the planted catalogue; what a test writes is rolled back."""
    with open_database(server_url, planted_name).connect() as connection:
        yield connection
        connection.rollback()


def predict(connection: Connection, plot: str | None, threshold: float | None = None) -> Any:
    return connection.exec_driver_sql(
        "select genre, probability from recsys.predict_genres(%s::text, %s::real)",
        (plot, threshold),
    ).all()


def stored(connection: Connection) -> GenreClassifier:
    """The classifier as the tables have it."""
    layers: dict[int, list[Any]] = {}
    for row in connection.exec_driver_sql(
        "select layer, weights::real[] as weights, bias, genre, threshold from recsys.genre_units "
        "order by layer, unit"
    ):
        layers.setdefault(row.layer, []).append(row)
    return GenreClassifier(
        [row.genre for row in layers[2]],
        [
            (
                np.array([row.weights for row in rows], dtype=np.float32),
                np.array([row.bias for row in rows], dtype=np.float32),
            )
            for rows in layers.values()
        ],
        np.array([row.threshold for row in layers[2]], dtype=np.float32),
        {},
    )


def compare_with_torch(connection: Connection) -> None:
    """All films' probabilities in SQL, of their stored vectors and of their texts."""
    classifier = stored(connection)
    rows = connection.exec_driver_sql("""
        select v.embedding::real[], array_agg(p.probability order by u.unit),
            array_agg(t.probability order by u.unit)
        from recsys.movie_text_vectors v
        cross join lateral recsys_internal.genre_probabilities(v.encoder_id, v.embedding) p
        join recsys.predict_genres(recsys_internal.movie_text(v.movie_id), 0) t using (genre)
        join recsys.genre_units u on u.encoder_id = v.encoder_id and u.genre = p.genre
        group by v.movie_id, v.embedding
    """).all()
    vectors, of_vector, of_text = (
        np.array([row[part] for row in rows], dtype=np.float32) for part in range(3)
    )
    expected = classifier.probabilities(vectors)
    assert len(vectors) > 300
    assert np.ptp(expected) > 0.5
    assert np.abs(of_vector - expected).max() <= 1e-4
    assert np.abs(of_text - expected).max() <= 1e-4


def test_sql_equals_torch_on_all_planted_films(planted: Connection) -> None:
    compare_with_torch(planted)


@pytest.mark.slow
def test_sql_equals_torch_on_all_real_films(
    data_folder: Path, movielens: Engine, server_url: URL, copies: Callable[[str], str]
) -> None:
    engine = open_database(server_url, copies(str(movielens.url.database)))
    load(engine, open_source(str(data_folder / "overviews")))
    with engine.begin() as connection:
        learn_terms(connection)
    with engine.begin() as connection:
        learned = learn_classifier(connection, "terms")
        compare_with_torch(connection)
    assert learned["micro_f1"] >= 0.55
    assert learned["macro_f1"] >= 0.42


def test_the_tables_hold_the_network_that_was_learned(planted: Connection) -> None:
    examples = read_examples(planted, *encoder(planted))
    assert examples.genres == GENRES
    assert len(examples.movie_ids) == FILMS - len({*UNLISTED, *WITHOUT_TEXT})
    again = learn_genres(examples.vectors, examples.labels, examples.genres)
    classifier = stored(planted)
    assert classifier.genres == again.genres
    assert np.array_equal(classifier.thresholds, again.thresholds)
    for one, two in zip(classifier.layers, again.layers, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def encoder(connection: Connection) -> tuple[int, int]:
    row = connection.exec_driver_sql(
        "select encoder_id, dimensions from recsys_internal.find_encoder('terms')"
    ).one()
    return row.encoder_id, row.dimensions


@relaxed
@given(
    kinds=st.lists(st.sampled_from([*GENRES, "any"]), min_size=1, max_size=5),
    threshold=st.one_of(st.none(), st.sampled_from([0.0, 1.0]), st.floats(0, 1, width=32)),
)
def test_thresholds_choose_and_the_best_comes_first(
    planted: Connection, kinds: list[str], threshold: float | None
) -> None:
    plot = " ".join(WORDS[kind][place] for place, kind in enumerate(kinds))
    everything = [tuple(row) for row in predict(planted, plot, 0)]
    assert everything == sorted(everything, key=lambda row: (-row[1], row[0]))
    assert sorted(genre for genre, _ in everything) == GENRES
    own = dict(zip(GENRES, stored(planted).thresholds.tolist(), strict=True))
    expected = [
        (genre, probability)
        for place, (genre, probability) in enumerate(everything)
        if (
            place == 0 or probability >= own[genre]
            if threshold is None
            else probability >= threshold
        )
    ]
    assert [tuple(row) for row in predict(planted, plot, threshold)] == expected


def test_equally_probable_genres_come_by_name(planted: Connection) -> None:
    planted.exec_driver_sql("update recsys.genre_units set weights = weights - weights, bias = 0")
    assert [tuple(row) for row in predict(planted, WESTERN, 0.5)] == [(g, 0.5) for g in GENRES]
    assert predict(planted, WESTERN, 0.6) == []
    # None reaches its own threshold: the most probable one all the same.
    planted.exec_driver_sql("update recsys.genre_units set threshold = 0.9 where layer = 2")
    assert [tuple(row) for row in predict(planted, WESTERN)] == [(GENRES[0], 0.5)]


@pytest.mark.parametrize("factor", [1e4, 1e15, 1e-30])
def test_no_weight_is_too_large_or_too_small(planted: Connection, factor: float) -> None:
    """The logistic function neither overflows nor underflows, nor do products of vectors."""
    classifier = stored(planted)
    (inner, inner_bias), (outer, outer_bias) = classifier.layers
    outer = outer.copy()
    outer[:, ::2] *= factor
    outer[0] = 0
    changed = replace(classifier, layers=[(inner, inner_bias), (outer, outer_bias)])
    encoder_id, _ = encoder(planted)
    write_classifier(planted, encoder_id, changed, {})
    for kind in (*GENRES, "any"):
        found = dict(tuple(row) for row in predict(planted, " ".join(WORDS[kind]), 0))
        assert len(found) == len(GENRES)
        assert all(0 <= probability <= 1 for probability in found.values())
    vector = planted.exec_driver_sql(
        "select embedding::real[] from recsys.movie_text_vectors where movie_id = 60"
    ).scalar_one()
    expected = changed.probabilities(np.array([vector], dtype=np.float32))[0]
    rows = planted.exec_driver_sql("select * from recsys.predict_movie_genres(60, 0)").all()
    assert dict(tuple(row) for row in rows) == pytest.approx(
        dict(zip(GENRES, expected.tolist(), strict=True)), abs=1e-4
    )


@pytest.mark.parametrize(
    "plot",
    [
        WESTERN,
        f"O'Neil's \"{WESTERN}\" & | ! :* <-> (((",
        f"{WESTERN} {{}} \\ %s %(plot)s :plot $1 $$ ; drop table recsys.movies; --",
        f"Ковбой скачет в закат. {WESTERN} 荒野の用心棒 ثلاثة بنادق",
        f"\ufeff\u200b{WESTERN}\U0001f920\r\n\t\x07",
        f"{WESTERN} " * (100_000 // (len(WESTERN) + 1)),
        (f"{WESTERN} " * 100_000)[:100_000],
        f"{WESTERN} {'x' * 5000} https://a.example/b?c=d&e=f user@host.example 1e308 -0.0",
    ],
    ids=["plain", "operators", "quotes", "languages", "signs", "long", "longer", "words"],
)
def test_any_text_is_a_plot(planted: Connection, plot: str) -> None:
    assert predict(planted, plot)[0][0] == "Western"


@pytest.mark.parametrize(
    ("plot", "threshold", "named"),
    [
        (None, None, "plot is null"),
        ("", None, "plot is ''"),
        (" \n\t ", None, "there is nothing"),
        (WESTERN.ljust(100_001), None, "plot is 100001 characters long: it may have up to 100000"),
        ("nobodyhaswrittenthis", None, "'nobodyhaswrittenthis'"),
        ("& | ! :*", None, "no word of the plot is known"),
        ("the of and", None, "no word of the plot is known"),
        ("荒野の用心棒", None, "no word of the plot is known"),
        (WESTERN, -0.1, "threshold is -0.1"),
        (WESTERN, 1.5, "threshold is 1.5"),
        (WESTERN, float("nan"), "threshold is NaN"),
        (WESTERN, float("inf"), "threshold is Infinity"),
    ],
)
def test_refusals_name_the_value(
    planted: Connection, plot: str | None, threshold: float | None, named: str
) -> None:
    with pytest.raises(DBAPIError) as caught:
        predict(planted, plot, threshold)
    assert isinstance(caught.value.orig, psycopg.errors.InvalidParameterValue)  # 22023
    assert named in str(caught.value.orig)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("null", "unknown movie: null"),
        ("9999", "unknown movie: 9999"),
        ("1, 2", "threshold is 2"),
        ("1, encoder => 'word2vec'", "unknown encoder: 'word2vec'"),
        ("1, encoder => null", "unknown encoder: null"),
        ("1, encoder => 'O''Hara'", "unknown encoder: 'O''Hara'"),
    ],
)
def test_refusals_about_a_film_name_the_value(
    planted: Connection, arguments: str, named: str
) -> None:
    with pytest.raises(DBAPIError) as caught:
        planted.exec_driver_sql(f"select * from recsys.predict_movie_genres({arguments})")
    assert isinstance(caught.value.orig, psycopg.errors.InvalidParameterValue)
    assert named in str(caught.value.orig)


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        ("predict_genres('A plot.')", "recsys train"),
        ("predict_movie_genres(1)", "recsys train"),
        ("predict_movie_genres(1, encoder => 'other')", "recsys genres predict --encoder other"),
    ],
)
def test_before_anything_is_learned(engine: Engine, call: str, hint: str) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("insert into recsys.movies (movie_id, title) values (1, 'A')")
        connection.exec_driver_sql(
            "insert into recsys.text_encoders (name, dimensions) values ('other', 3)"
        )
        with pytest.raises(DBAPIError) as caught:
            connection.exec_driver_sql(f"select * from recsys.{call}")
    assert isinstance(caught.value.orig, psycopg.errors.ObjectNotInPrerequisiteState)  # 55000
    assert hint in str(caught.value.orig)


def test_a_film_is_predicted_from_its_text(planted: Connection) -> None:
    for movie_id in range(51, 80):
        text = planted.exec_driver_sql(
            "select recsys_internal.movie_text(%s)", (movie_id,)
        ).scalar_one()
        rows = planted.exec_driver_sql(
            "select * from recsys.predict_movie_genres(%s)", (movie_id,)
        ).all()
        of_text = dict(tuple(row) for row in predict(planted, text))
        assert dict(tuple(row) for row in rows) == pytest.approx(of_text, abs=1e-5)
    without = WITHOUT_TEXT.start
    assert not planted.exec_driver_sql(
        "select * from recsys.predict_movie_genres(%s)", (without,)
    ).all()


def test_a_read_only_transaction_is_enough(planted: Connection) -> None:
    planted.exec_driver_sql("set transaction read only")
    assert predict(planted, WESTERN)


def test_nothing_is_learned_twice(planted: Connection) -> None:
    def versions() -> list[Any]:
        return list(planted.exec_driver_sql("select xmin, ctid from recsys.genre_units").all())

    before = versions()
    first = learn_classifier(planted, "terms")
    assert set(first) == {"micro_f1", "macro_f1", "films", "digest", "seed"}
    assert first["micro_f1"] >= 0.9
    assert learn_classifier(planted, "terms") == first
    assert versions() == before
    # A genre more, and it is learned anew; and again with another seed.
    planted.exec_driver_sql(
        "insert into recsys.movie_genres select 60, genre_id from recsys.genres where name = 'Silent'"
    )
    second = learn_classifier(planted, "terms")
    assert second["digest"] != first["digest"]
    assert stored(planted).genres == [*GENRES, "Silent"]
    assert learn_classifier(planted, "terms", seed=1)["seed"] == 1
    rows = planted.exec_driver_sql("select count(*) from recsys.genre_units").scalar()
    assert rows == 128 + 5


def test_what_cannot_be_learned_from_is_refused(planted: Connection, engine: Engine) -> None:
    with pytest.raises(InvalidRequest, match="unknown encoder: 'nobody'"):
        learn_classifier(planted, "nobody")
    planted.exec_driver_sql(
        "insert into recsys.text_encoders (name, dimensions, parameters) "
        "values ('doc2vec', 3, '{\"with_genres\": true}')"
    )
    with pytest.raises(InvalidRequest, match="doc2vec encodes contain the genres"):
        learn_classifier(planted, "doc2vec")
    planted.exec_driver_sql("delete from recsys.movie_genres where movie_id > 70")
    with pytest.raises(TrainingError, match="20 films with a text vector of terms list genres"):
        learn_classifier(planted, "terms")
    planted.rollback()
    planted.exec_driver_sql("delete from recsys.genres where name <> 'Western'")
    with pytest.raises(TrainingError, match="genres, 1 in all, too few"):
        learn_classifier(planted, "terms")
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into recsys.text_encoders (name, dimensions) values ('terms', 3)"
        )
        with pytest.raises(TrainingError, match="0 films"):
            learn_classifier(connection, "terms")


def test_films_that_list_no_genre_get_them(planted: Connection) -> None:
    for film in (UNLISTED[0], 100):  # the second lists genres: what is old goes
        planted.exec_driver_sql(
            "insert into recsys.movie_genres_predicted values (%s, 'Silent', 0.5)", (film,)
        )
    wanted = [film for film in UNLISTED if film not in WITHOUT_TEXT]
    for _ in range(2):
        assert predict_missing(planted, "terms") == len(wanted)
        rows = planted.exec_driver_sql(
            "select movie_id, genre, probability from recsys.movie_genres_predicted"
        ).all()
        assert {row.movie_id for row in rows} == set(wanted)
        for film in wanted:
            expected = planted.exec_driver_sql(
                "select genre, probability from recsys.predict_movie_genres(%s)", (film,)
            ).all()
            assert {(r.genre, r.probability) for r in rows if r.movie_id == film} == {
                tuple(row) for row in expected
            }


def test_predicted_genres_are_what_was_planted(planted: Connection, engine: Engine) -> None:
    truth = plant(engine)
    predict_missing(planted, "terms")
    rows = planted.exec_driver_sql(
        "select movie_id, genre from recsys.movie_genres_predicted"
    ).all()
    found = {tuple(row) for row in rows}
    expected = {(m, g) for m in {m for m, _ in found} for g in truth[m]}
    assert len(found & expected) >= 0.9 * max(len(found), len(expected))


def test_the_view_of_genres(planted: Connection) -> None:
    listed = planted.exec_driver_sql("select count(*) from recsys.movie_genres").scalar_one()
    predict_missing(planted, "terms")
    predicted = planted.exec_driver_sql("select * from recsys.movie_genres_predicted").all()
    rows = planted.exec_driver_sql("select * from recsys_bi.movie_genres").all()
    assert len(rows) == listed + len(predicted)
    assert {(r.movie_id, r.genre, r.probability) for r in rows if r.predicted} == {
        tuple(row) for row in predicted
    }
    assert all(row.probability is None for row in rows if not row.predicted)


@pytest.mark.parametrize("bulk", ["", "on"])
def test_nothing_is_predicted_for_a_film_that_lists_genres_since(
    planted: Connection, bulk: str
) -> None:
    predict_missing(planted, "terms")
    state = "select * from recsys.movie_genres_predicted order by movie_id, genre"
    before = planted.exec_driver_sql(state).all()
    film = before[0].movie_id
    planted.exec_driver_sql("select set_config('recsys.bulk', %s, true)", (bulk,))
    planted.exec_driver_sql(
        "insert into recsys.movie_genres select %s, genre_id from recsys.genres where name = %s",
        (film, GENRES[0]),
    )
    if bulk:
        planted.exec_driver_sql("select recsys.refresh_content()")
    after = planted.exec_driver_sql(state).all()
    assert after == [row for row in before if row.movie_id != film]
    assert after


def test_predicted_genres_count_where_they_are_asked_for(sample_engine: Engine) -> None:
    with sample_engine.begin() as connection:
        connection.exec_driver_sql("delete from recsys.movie_genres_predicted")
        connection.exec_driver_sql("delete from recsys.movie_genres where movie_id = 7")
        connection.exec_driver_sql(
            "insert into recsys.movie_genres_predicted values (7, 'Western', 0.9)"
        )
    recommender = Recommender.on(sample_engine)
    western = ["Western"]
    for include in (False, True):
        among = recommender.recommend(10**6, 150, genres=western, include_predicted_genres=include)
        others = recommender.recommend(
            10**6, 150, exclude_genres=western, include_predicted_genres=include
        )
        with_genre, without = ({film.movie_id for film in films} for films in (among, others))
        assert (7 in with_genre, 7 in without) == (include, not include)
        # No film is in both, and all are in one.
        assert with_genre | without == set(range(1, 151))
        assert not with_genre & without


def test_the_command(
    settings: Settings, server_url: URL, planted_name: str, copies: Callable[[str], str]
) -> None:
    on_planted = ("--database", copies(planted_name))
    done = recsys(*on_planted, "genres", "predict")
    assert "genres for 30 films" in done.stdout
    assert "held out of 350: F1 1.000" in done.stderr
    with_genre = ("recommend", "1", "--genre", "Western", "-k", "400", "-o", "json")
    plain = json.loads(recsys(*on_planted, *with_genre).stdout)
    more = json.loads(recsys(*on_planted, *with_genre, "--include-predicted-genres").stdout)
    extra = {film["movie_id"] for film in more} - {film["movie_id"] for film in plain}
    assert extra
    assert extra <= set(UNLISTED)
    assert "unknown encoder: 'x'" in fails(*on_planted, "genres", "predict", "--encoder", "x")
    assert (
        "takes no user and no filter"
        in recsys(*on_planted, "recommend", "--all", "--include-predicted-genres", status=2).stderr
    )
