"""Encoders of texts: known likenesses, long texts, states, and how they fail."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.arrays import Vectors
from recsys.errors import EncoderError
from recsys.learning.doc2vec import Doc2VecEncoder, parameters_for
from recsys.learning.encoders import SentenceEncoder, cut_text, encoder_name
from tests.helpers.minilm import MINILM


@pytest.fixture(scope="session")
def minilm() -> SentenceEncoder:
    return SentenceEncoder(str(MINILM))


@pytest.fixture(scope="session")
def topics() -> list[str]:
    """A hundred texts of words of one topic and a hundred of another's, as frequent as in speech."""
    random = np.random.default_rng(0)
    share = 1 / np.arange(1, 401)
    return [
        " ".join(f"{topic}{word}" for word in random.choice(400, 80, p=share / share.sum()))
        for topic in ("space", "love")
        for _ in range(100)
    ]


def unit(vectors: Vectors) -> Vectors:
    made: Vectors = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return made


def test_likeness_of_sentences(minilm: SentenceEncoder) -> None:
    assert (minilm.name, minilm.dimensions, minilm.with_genres) == (
        str(MINILM.resolve()),
        384,
        False,
    )
    asked, near, far = minilm.encode(
        ["Two strangers fall in love.", "A romance between a man and a woman.", "The engine broke."]
    )
    assert asked @ near > 0.4 > 0.2 > asked @ far
    assert np.linalg.norm([asked, near, far], axis=1) == pytest.approx(1, abs=1e-5)


def test_a_short_text_has_the_models_own_vector(minilm: SentenceEncoder) -> None:
    texts = ["A thief who steals dreams.", "One", ""]
    plain = minilm._model.encode(texts, show_progress_bar=False)
    np.testing.assert_allclose(minilm.encode(texts), plain, atol=1e-6)


def test_a_long_text_has_the_mean_of_its_parts(minilm: SentenceEncoder) -> None:
    text = "The car will not start, and its engine is cold. " * 22 + "They kiss and marry. " * 90
    parts = minilm._parts(text)
    assert "".join(parts) == text
    sizes = [len(minilm._model.tokenizer(part)["input_ids"]) for part in parts]
    assert max(sizes) <= minilm._model.max_seq_length
    assert max(sizes) < 1.3 * min(sizes)
    assert all(part.rstrip().endswith(".") for part in parts)
    expected = unit(minilm._model.encode(parts, show_progress_bar=False).mean(axis=0))
    found, love = minilm.encode([text, "They kiss and marry."])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    plain = minilm._model.encode([text], show_progress_bar=False)[0]  # of its beginning alone
    assert found @ love > plain @ love + 0.1


@pytest.mark.slow
def test_a_hundred_thousand_characters(minilm: SentenceEncoder) -> None:
    words = "telecommunications responsibilities characteristics "  # of one token each
    text = (words * 2000)[:100_000]
    found, part = minilm.encode([text, text[:10_000]])
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
    assert found @ part > 0.95


def test_texts_do_not_change_each_other(minilm: SentenceEncoder) -> None:
    texts = ["A dog.", "word " * 300, "", "A cat sits on the mat and looks at the rain."]
    together = minilm.encode([*texts, *["A dog."] * 76])
    np.testing.assert_allclose(
        together[:4], np.concatenate([minilm.encode([text]) for text in texts]), atol=1e-5
    )
    assert minilm.encode([]).shape == (0, 384)


@given(
    st.lists(st.text(st.sampled_from("ab.!\n。 "), min_size=1, max_size=6), max_size=60),
    st.integers(1, 12),
)
def test_parts_are_short_and_make_up_the_text(pieces: list[str], most: int) -> None:
    text = "".join(pieces)
    ends = np.cumsum([len(piece) for piece in pieces], dtype=int).tolist()
    parts = cut_text(text, ends, most)
    assert "".join(parts) == text
    assert all(parts) or not text
    borders = np.cumsum([0, *map(len, parts)])
    for begin, end in pairwise(borders):
        assert sum(begin < place <= end for place in ends) <= most
    if len(ends) <= most:
        assert len(parts) == 1


def test_tokens_of_no_width_do_not_stop_the_cutting() -> None:
    assert cut_text("abc", [0] * 9 + [1] * 30 + [3], 4) == ["a", "bc"]


def test_a_folder_has_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    names = ("model", "./model/", str(tmp_path / "model"), str(tmp_path / "x" / ".." / "model"))
    (tmp_path / "x").mkdir()
    assert {encoder_name(name) for name in names} == {str((tmp_path / "model").resolve())}
    assert encoder_name("all-MiniLM-L6-v2") == "all-MiniLM-L6-v2"


def test_a_folder_is_loaded_without_a_word_and_without_a_network(
    minilm: SentenceEncoder, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    again = SentenceEncoder(str(MINILM)).encode(["A dog."])
    assert capfd.readouterr() == ("", "")
    np.testing.assert_array_equal(again, minilm.encode(["A dog."]))


def test_what_is_no_encoder_is_refused_in_one_line(
    minilm: SentenceEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, said in (
        (str(tmp_path), "holds no sentence encoder"),
        ("/no/where", "name a folder"),
        ("nobody/has-this", "name a folder"),
    ):
        with pytest.raises(EncoderError, match=said) as caught:
            SentenceEncoder(name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(EncoderError, match=r"recsys\[encoders\]"):
        SentenceEncoder(str(MINILM))


def test_doc2vec_tells_topics_apart_and_finds_the_text_again(topics: list[str]) -> None:
    told: list[tuple[str, int, int | None]] = []
    encoder, vectors = Doc2VecEncoder.learn(
        topics, lambda what, done, of=None, note="": told.append((what, done, of))
    )
    passes = parameters_for(len(topics))["epochs"]
    assert told == [("passes", done, passes) for done in range(1, passes + 1)]
    assert vectors.shape == (200, encoder.dimensions)
    likeness = unit(vectors) @ unit(vectors).T
    same = np.arange(200)[:, None] // 100 == np.arange(200) // 100
    assert likeness[same].mean() > likeness[~same].mean() + 0.1
    inferred = unit(encoder.encode(topics)) @ unit(vectors).T
    assert np.mean(inferred.argmax(axis=1) == np.arange(200)) > 0.95
    asked = unit(encoder.encode(["SPACE1 space7, space30; space99 (space50)!"])) @ unit(vectors).T
    assert asked[0, :100].mean() > asked[0, 100:].mean() + 0.05


@pytest.mark.slow
def test_doc2vec_is_the_same_each_time(topics: list[str], tmp_path: Path) -> None:
    texts = [*topics[::10], "qqq", ""]
    encoder, vectors = Doc2VecEncoder.learn(texts)
    again, same = Doc2VecEncoder.learn(texts)
    np.testing.assert_array_equal(vectors, same)
    assert not vectors[-2:].any()
    asked = ["space1 love30", "a space7 nobody knows", "qqq", ""]
    found = encoder.encode(asked)
    assert found[:2].any(axis=1).all()
    assert not found[2:].any()
    np.testing.assert_array_equal(found, encoder.encode(asked))
    np.testing.assert_array_equal(found[::-1], again.encode(asked[::-1]))
    state = encoder.state()
    with np.load(io.BytesIO(state), allow_pickle=False) as arrays:
        assert all(array.dtype != object for array in arrays.values())
    np.testing.assert_array_equal(found, Doc2VecEncoder.from_state(state).encode(asked))
    # In another process, whose strings have other hashes.
    (tmp_path / "state").write_bytes(state)
    code = (
        "import sys, pathlib, numpy; from recsys.learning.doc2vec import Doc2VecEncoder;"
        "encoder = Doc2VecEncoder.from_state(pathlib.Path(sys.argv[1]).read_bytes());"
        "sys.stdout.write(encoder.encode(sys.argv[2:]).tobytes().hex())"
    )
    there = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "state", *asked],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout == found.tobytes().hex()


def test_doc2vec_refuses_pickles_and_texts_without_a_common_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = io.BytesIO()
    np.savez(file, words=np.array([{"not": "a string"}], dtype=object))
    with pytest.raises(ValueError, match="pickle"):
        Doc2VecEncoder.from_state(file.getvalue())
    for texts in ([], ["one", "two"]):
        with pytest.raises(EncoderError, match="share no words"):
            Doc2VecEncoder.learn(texts)
    monkeypatch.setitem(sys.modules, "gensim", None)
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    with pytest.raises(EncoderError, match=r"recsys\[doc2vec\]"):
        Doc2VecEncoder.learn(["one"])
