"""Texts to vectors: what an encoder is, and sentence encoders."""

from __future__ import annotations

import logging
import re
import warnings
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from recsys.arrays import Vectors
from recsys.errors import EncoderError

LEXICON, DOC2VEC = "terms", "doc2vec"  # those learned from the catalogue itself
SENTENCE_END = re.compile(r"""[.!?…]["'”’)\]]*\s|[。！？\n]""")  # noqa: RUF001
BLANK = re.compile(r"\s")


class Encoder(Protocol):
    """What turns texts into vectors.

    Attributes
    ----------
    name
        As in ``recsys.text_encoders``.
    with_genres
        Whether the films' texts that it reads contain their genres.
    """

    name: str
    dimensions: int
    with_genres: bool

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return ``(n_texts, dimensions)``; zeros where nothing in a text is known."""
        ...


def encoder_name(name_or_folder: str) -> str:
    """Return the one name of an encoder: of a folder its full path, however it was spelled."""
    folder = Path(name_or_folder)
    is_folder = name_or_folder not in (LEXICON, DOC2VEC) and folder.is_dir()
    return str(folder.resolve()) if is_folder else name_or_folder


class SentenceEncoder:
    """A model of the library sentence-transformers, on the GPU where there is one.

    A text longer than the model reads is cut into parts of similar length, after sentences. Its
    vector is the mean of the parts' vectors, scaled to their length.

    Parameters
    ----------
    name_or_folder
        Name of a model on Hugging Face, or a folder with one, for which nothing is downloaded.

    Raises
    ------
    EncoderError
        There is no such model here.
    """

    with_genres = False

    def __init__(self, name_or_folder: str) -> None:
        self.name = encoder_name(name_or_folder)
        self._model = _sentence_model(self.name)
        self.dimensions = int(self._model.get_embedding_dimension())

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return ``(n_texts, dimensions)``; see `Encoder`."""
        if not texts:
            return np.empty((0, self.dimensions), dtype=np.float32)
        cut = [self._parts(text) for text in texts]
        with quiet():
            vectors = self._model.encode(
                [part for parts in cut for part in parts], show_progress_bar=False
            ).astype(np.float32)  # (n_parts, dimensions)
        counts = np.array([len(parts) for parts in cut])
        first = np.cumsum(counts) - counts  # (n_texts,)
        sums = np.add.reduceat(vectors, first)  # (n_texts, dimensions)
        lengths = np.add.reduceat(np.linalg.norm(vectors, axis=1), first) / counts
        summed = np.maximum(np.linalg.norm(sums, axis=1), np.finfo(np.float32).tiny)
        scaled: Vectors = sums * (lengths / summed)[:, None].astype(np.float32)
        return scaled

    def _parts(self, text: str) -> list[str]:
        """Cut a text; where the tokenizer does not say where tokens end, the model cuts it off."""
        tokenizer, most = self._model.tokenizer, self._model.max_seq_length
        if not getattr(tokenizer, "is_fast", False) or most is None:
            return [text]
        tokens = tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        ends = [end for _, end in tokens["offset_mapping"]]
        return cut_text(text, ends, max(1, most - tokenizer.num_special_tokens_to_add()))


def cut_text(text: str, ends: Sequence[int], most: int) -> list[str]:
    """Cut a text into parts of at most `most` tokens and of similar length.

    A part ends after a sentence that ends in the part's second half; else after a word; else after
    a token.

    Parameters
    ----------
    ends
        Where in the text each token ends, ascending.

    Examples
    --------
    >>> cut_text("One two. Three four. Five", [3, 7, 8, 14, 19, 20, 25], 4)
    ['One two. ', 'Three four. Five']
    """
    parts, begin, token = [], 0, bisect_right(ends, 0)
    while (left := len(ends) - token) > most:
        size = -(-left // -(-left // most))  # of as few parts as possible, all of one size
        begin_of_next = _break(text, begin, ends[token + size - 1])
        parts.append(text[begin:begin_of_next])
        begin = begin_of_next
        token = bisect_right(ends, begin)
    return [*parts, text[begin:]]


def _break(text: str, begin: int, end: int) -> int:
    """Return where to end a part that ends at `end` at the latest."""
    for pattern in (SENTENCE_END, BLANK):
        if found := [match.end() for match in pattern.finditer(text, (begin + end) // 2, end)]:
            return found[-1]
    return end


def _sentence_model(name: str) -> Any:
    try:
        from huggingface_hub import utils as hub
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as bars
    except ImportError as error:
        raise EncoderError(
            "sentence encoders need sentence-transformers: pip install 'recsys[encoders]'"
        ) from error
    local = Path(name).is_dir()
    shown = bars.is_progress_bar_enabled(), not hub.are_progress_bars_disabled()
    bars.disable_progress_bar()
    hub.disable_progress_bars()
    try:
        with quiet():
            return SentenceTransformer(name, local_files_only=local)
    except Exception as error:  # of any kind: many libraries take part
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if local:
            raise EncoderError(f"{name} holds no sentence encoder: {reason}") from error
        raise EncoderError(
            f"{name} is no folder, and Hugging Face does not give it ({reason}): "
            "without a network, name a folder that holds the model"
        ) from error
    finally:
        if shown[0]:
            bars.enable_progress_bar()
        if shown[1]:
            hub.enable_progress_bars()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep libraries from writing warnings into a command's answer; errors are still raised."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
