"""Texts to vectors: what an encoder is, and sentence encoders."""

from __future__ import annotations

import logging
import re
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from recsys.errors import EncoderError

Vectors = NDArray[np.float32]

LEXICON, DOC2VEC = "terms", "doc2vec"  # those learned from the catalogue itself
TEXTS_A_CALL = 32  # as many as the library puts through the model at once
SENTENCE_END = re.compile(r"""[.!?…]["'”’)\]]*\s|[。！？\n]""")  # noqa: RUF001
BLANK = re.compile(r"\s")


class Encoder(Protocol):
    """What makes vectors of texts.

    Attributes
    ----------
    name
        As in ``recsys.text_encoders``.
    with_genres
        Whether genres are in the texts that it is given of films.
    """

    name: str
    dimensions: int
    with_genres: bool

    def encode(
        self, texts: Sequence[str], on_texts: Callable[[int], None] = lambda count: None
    ) -> Vectors:
        """Return ``(n_texts, dimensions)`` float32; zeros where nothing in a text is known.

        Parameters
        ----------
        on_texts
            Called with how many more texts are done.
        """
        ...


def encoder_name(name_or_folder: str) -> str:
    """Return the one name of an encoder: a folder's full path, however it was spelled."""
    folder = Path(name_or_folder)
    is_folder = name_or_folder not in ("terms", DOC2VEC) and folder.is_dir()
    return str(folder.resolve()) if is_folder else name_or_folder


class SentenceEncoder:
    """A model of the library sentence-transformers, on the GPU where there is one.

    A text longer than the model reads is cut into parts of like length, after sentences; its vector
    is the mean of the parts' vectors, made as long as they are.

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

    def encode(
        self, texts: Sequence[str], on_texts: Callable[[int], None] = lambda count: None
    ) -> Vectors:
        """Return ``(n_texts, dimensions)`` float32; see `Encoder`."""
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), TEXTS_A_CALL):
            some = texts[start : start + TEXTS_A_CALL]
            vectors[start : start + len(some)] = self._encode(some)
            on_texts(len(some))
        return vectors

    def _encode(self, texts: Sequence[str]) -> Vectors:
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
    """Cut a text into parts of at most `most` tokens and of like length.

    A part ends after a sentence, where one ends in its second half; else after a word; else after a
    token.

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
        size = -(-left // -(-left // most))  # of parts of one size, as few as can be
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
    except Exception as error:  # of any kind: what is amiss shows in many libraries
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
    """Keep libraries from writing warnings beside a command's answer; errors are raised as ever."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
