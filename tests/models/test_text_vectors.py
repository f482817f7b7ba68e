"""Vectors of the films' texts in the database: which are encoded, kept, left out and asked."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from sqlalchemy import Engine

from recsys.arrays import Vectors
from recsys.errors import EncoderError, InvalidRequest
from recsys.learning.doc2vec import Doc2VecEncoder, parameters_for
from recsys.models import text_vectors
from recsys.models.text_vectors import EmbedReport, embed, query_vector
from recsys.settings import Settings
from tests.helpers.commands import fails, recsys
from tests.helpers.loads import rows
from tests.helpers.minilm import MINILM

STORED = """
    select movie_id, embedding::real[]::float8[], digest = hashtextextended(recsys_internal.movie_text(movie_id), 0)
    from recsys.movie_text_vectors order by movie_id
"""


def run(engine: Engine, statements: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statements, execution_options={"no_parameters": True})


def vector_of(text: str, dimensions: int = 4) -> list[float]:
    """Any vector that depends on the text alone."""
    random = np.random.default_rng(zlib.crc32(text.encode()))
    return [float(value) for value in random.random(dimensions, np.float32)]


class Stub:
    """An encoder that keeps what it has read, and first does something at each call."""

    name = "stub"
    with_genres = False

    def __init__(self, dimensions: int = 4) -> None:
        self.dimensions = dimensions
        self.read: list[str] = []
        self.first: Callable[[], None] = lambda: None

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.first()
        self.read += texts
        return np.array([self.vector(text) for text in texts], dtype=np.float32)

    def vector(self, text: str) -> list[float]:
        return vector_of(text, self.dimensions)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    made = Stub()
    monkeypatch.setattr(text_vectors, "_sentence_encoder", lambda name: made)
    monkeypatch.setattr(text_vectors, "FILMS_A_CHUNK", 2)
    return made


@pytest.fixture
def films(engine: Engine) -> Engine:
    """Five films with a text and one without."""
    run(
        engine,
        """
        insert into recsys.movies (movie_id, title) select i, 'Film ' || i from generate_series(1, 6) i;
        insert into recsys.movie_texts (movie_id, kind, text)
            select i, 'overview', 'text ' || i from generate_series(1, 5) i;
        insert into recsys.movie_texts (movie_id, kind, text)
            values (2, 'tagline', 'T'), (2, 'plot', 'P');
        insert into recsys.genres (name) values ('Drama');
        """,
    )
    return engine


def counts(report: EmbedReport) -> tuple[int, int, int, int]:
    return report.embedded, report.unchanged, report.removed, report.unusable


def expected(*movie_ids: int) -> list[tuple[int, list[float], bool]]:
    texts = {2: "text 2\n\nP\n\nT"}
    return [(i, vector_of(texts.get(i, f"text {i}")), True) for i in movie_ids]


def test_every_film_with_a_text_gets_its_vector(films: Engine, stub: Stub) -> None:
    texts = rows(films, "select recsys_internal.movie_text(i) from generate_series(2, 7, 4) i")
    assert texts == [("text 2\n\nP\n\nT",), (None,)]
    told: list[tuple[str, int, int | None]] = []
    report = embed(
        films, "stub", lambda what, done, of=None, note="": told.append((what, done, of))
    )
    assert counts(report) == (5, 0, 0, 0)
    assert rows(films, STORED) == expected(1, 2, 3, 4, 5)
    assert told == [("encoder", 0, None), *[("texts", done, 5) for done in (0, 2, 4, 5)]]
    assert rows(
        films, "select encoder_id, name, dimensions, parameters from recsys.text_encoders"
    ) == [(report.encoder_id, "stub", 4, {"with_genres": False})]
    again = embed(films, "stub")
    assert (counts(again), again.encoder_id) == ((0, 5, 0, 0), report.encoder_id)
    assert len(stub.read) == 5


def test_only_what_changed_is_encoded_again(films: Engine, stub: Stub) -> None:
    embed(films, "stub")
    stub.read.clear()
    run(
        films,
        """
        update recsys.movie_texts set text = 'other' where movie_id = 4;
        delete from recsys.movie_texts where movie_id in (1, 5);
        delete from recsys.movie_texts where movie_id = 2 and kind = 'plot';
        update recsys.movies set title = 'A title is no text' where movie_id = 3;
        insert into recsys.movie_texts values (6, 'plot', 'new');
        """,
    )
    assert counts(embed(films, "stub")) == (3, 1, 2, 0)
    assert stub.read == ["text 2\n\nT", "other", "new"]
    assert [row[0] for row in rows(films, STORED)] == [2, 3, 4, 6]
    assert all(row[2] for row in rows(films, STORED))


def test_a_run_that_was_stopped_goes_on(films: Engine, stub: Stub) -> None:
    def stop_at_the_second_chunk() -> None:
        if stub.read:
            raise KeyboardInterrupt

    stub.first = stop_at_the_second_chunk
    with pytest.raises(KeyboardInterrupt):
        embed(films, "stub")
    assert rows(films, STORED) == expected(1, 2)
    stub.first = lambda: None
    stub.read.clear()
    assert counts(embed(films, "stub")) == (3, 2, 0, 0)
    assert stub.read == ["text 3", "text 4", "text 5"]
    assert rows(films, STORED) == expected(1, 2, 3, 4, 5)


def test_a_run_within_a_run_does_no_harm(films: Engine, stub: Stub) -> None:
    def run_another() -> None:
        stub.first = lambda: None
        assert counts(embed(films, "stub")) == (5, 0, 0, 0)

    stub.first = run_another
    assert counts(embed(films, "stub")) == (5, 0, 0, 0)
    assert rows(films, STORED) == expected(1, 2, 3, 4, 5)
    assert rows(films, "select count(*) from recsys.text_encoders") == [(1,)]


def test_what_changes_while_the_encoder_works(films: Engine, stub: Stub) -> None:
    def change() -> None:
        stub.first = lambda: None
        run(
            films,
            """
            delete from recsys.movies where movie_id = 1;
            update recsys.movie_texts set text = 'newer' where movie_id = 2;
            """,
        )

    stub.first = change
    embed(films, "stub")
    assert [(row[0], row[2]) for row in rows(films, STORED)] == [
        (2, False),
        *[(i, True) for i in (3, 4, 5)],
    ]
    assert counts(embed(films, "stub")) == (1, 3, 0, 0)
    assert all(row[2] for row in rows(films, STORED))


def test_vectors_without_a_direction_are_left_out(
    films: Engine, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = {"text 1": [0.0] * 4, "text 3": [1, np.nan, 0, 0], "text 4": [np.inf, 0, 0, 0]}
    monkeypatch.setattr(Stub, "vector", lambda self, text: bad.get(text) or vector_of(text))
    assert counts(embed(films, "stub")) == (2, 0, 0, 3)
    assert rows(films, STORED) == expected(2, 5)
    with films.connect() as connection:
        for text in ("text 1", "text 3"):
            with pytest.raises(InvalidRequest, match=text):
                query_vector(connection, "stub", text)


def test_another_dimension_is_refused(
    films: Engine, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed(films, "stub")
    monkeypatch.setattr(text_vectors, "_sentence_encoder", lambda name: Stub(5))
    with pytest.raises(EncoderError, match=r"vectors of 5 numbers.* have 4"):
        embed(films, "stub")
    with films.connect() as connection, pytest.raises(EncoderError, match="5 numbers"):
        query_vector(connection, "stub", "a text")
    assert rows(films, STORED) == expected(1, 2, 3, 4, 5)


def test_query_vector(films: Engine, stub: Stub) -> None:
    with films.connect() as connection:
        for name in ("stub", "doc2vec"):
            with pytest.raises(InvalidRequest, match=f"recsys text embed --encoder {name}"):
                query_vector(connection, name, "a text")
    encoder_id = embed(films, "stub").encoder_id
    with films.connect() as connection:
        found = query_vector(connection, "stub", "a text")
        assert (found[0], found[1].tolist()) == (encoder_id, vector_of("a text"))
        with pytest.raises(InvalidRequest, match="knows no word"):
            query_vector(connection, "stub", " \n")


def test_doc2vec_is_learned_anew_when_something_changed(films: Engine) -> None:
    encoders = "select encoder_id from recsys.text_encoders order by 1"
    vectors = "select encoder_id, movie_id from recsys.movie_text_vectors order by 1, 2"
    told: list[tuple[str, int, int | None]] = []
    first = embed(
        films, "doc2vec", lambda what, done, of=None, note="": told.append((what, done, of))
    )
    assert counts(first) == (5, 0, 0, 0)
    passes = parameters_for(5)["epochs"]
    assert told == [("passes", done, passes) for done in range(1, passes + 1)]
    assert rows(films, vectors) == [(first.encoder_id, i) for i in range(1, 6)]
    with films.connect() as connection:
        encoder_id, vector = query_vector(connection, "doc2vec", "a text of a film")
        state = connection.exec_driver_sql("select state from recsys.text_encoders").scalar_one()
        with pytest.raises(InvalidRequest, match="qqq"):
            query_vector(connection, "doc2vec", "qqq")
    assert encoder_id == first.encoder_id
    assert (vector == Doc2VecEncoder.from_state(state).encode(["a text of a film"])[0]).all()
    assert counts(embed(films, "doc2vec")) == (0, 5, 0, 0)
    newest = first.encoder_id
    for change in (
        "update recsys.movies set title = 'Another' where movie_id = 3",
        "insert into recsys.movie_genres select 4, genre_id from recsys.genres",
        "update recsys.movie_texts set text = 'text of another film' where movie_id = 5",
        "delete from recsys.movie_texts where movie_id = 1",
    ):
        run(films, change)
        report = embed(films, "doc2vec")
        left = 5 - report.removed
        assert counts(report) == (left, 0, int("delete" in change), 0)
        assert report.encoder_id > newest
        newest = report.encoder_id
        assert rows(films, encoders) == [(newest,)]  # the older went, and its vectors with it
        assert len(rows(films, vectors)) == left
    run(
        films,
        f"insert into recsys.models (algorithm, factors, item_norm, movie_count, user_count, encoder_id)"
        f" values ('import', 1, 1, 0, 0, {newest});"
        "update recsys.movies set title = 'Film three' where movie_id = 3",
    )
    assert rows(films, encoders) == [(newest,)]
    report = embed(films, "doc2vec")
    assert rows(films, encoders) == [(newest,), (report.encoder_id,)]


def test_no_film_has_a_text(engine: Engine, stub: Stub) -> None:
    assert counts(embed(engine, "stub")) == (0, 0, 0, 0)
    with pytest.raises(EncoderError, match="share no words"):
        embed(engine, "doc2vec")


def test_a_real_encoder_finds_the_film_that_is_described(films: Engine) -> None:
    run(
        films,
        """
        update recsys.movie_texts set text = 'A couple falls in love in Paris.' where movie_id = 1;
        update recsys.movie_texts set text = 'Robbers plan to rob a casino.' where movie_id = 3;
        update recsys.movie_texts set text = 'A shark attacks swimmers.' where movie_id = 4;
        """,
    )
    report = embed(films, f"{MINILM.parent}/./model/")
    assert counts(report) == (5, 0, 0, 0)
    assert rows(films, "select name, dimensions from recsys.text_encoders") == [
        (str(MINILM.resolve()), 384)
    ]
    with films.connect() as connection:
        for movie_id, text in ((1, "a romance"), (3, "a bank heist"), (4, "danger in the sea")):
            encoder_id, vector = query_vector(connection, str(MINILM), text)
            nearest = connection.exec_driver_sql(
                "select movie_id from recsys.movie_text_vectors where encoder_id = %s"
                " order by embedding <=> %s::vector, movie_id limit 1",
                (encoder_id, str(vector.tolist())),
            ).scalar_one()
            assert nearest == movie_id


def test_the_command_line(films: Engine, settings: Settings) -> None:
    on_films = ("--database", str(films.url.database), "text")
    done = recsys(*on_films, "embed", "--encoder", "doc2vec")
    assert "5 films embedded, 0 unchanged, 0 removed" in done.stdout
    listed = json.loads(recsys(*on_films, "list", "-o", "json").stdout)
    assert [(row["name"], row["dimensions"], row["films"]) for row in listed] == [
        ("doc2vec", 100, 5)
    ]
    line = fails(*on_films, "embed", "--encoder", "nobody/has-this", HF_HUB_OFFLINE="1")
    assert "nobody/has-this is no folder" in line
