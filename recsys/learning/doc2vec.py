"""doc2vec: vectors of texts, learned from the texts themselves.

PV-DBOW (Le, Mikolov, "Distributed Representations of Sentences and Documents", ICML 2014): a text's
vector is learned to tell the words of the text from words drawn at random.
"""

from __future__ import annotations

import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from recsys.arrays import Vectors
from recsys.errors import EncoderError
from recsys.learning.encoders import DOC2VEC, quiet
from recsys.progress import Progress, silent

# Of gensim.models.Doc2Vec.
PARAMETERS: Mapping[str, Any] = {
    "dm": 0,  # PV-DBOW
    "vector_size": 100,
    "min_count": 2,
    "negative": 5,
    "sample": 1e-4,
    "seed": 1,
}
# Passes over the texts. A film's whole plot finds its overview among the first ten of 9,003 in 57 %
# of the cases after 40 passes, in 17 % after 20. Of 629 overviews, which teach less, in 71 % after
# 40, and in 82 % after 150.
LEAST_EPOCHS, MOST_EPOCHS, TEXTS_IN_ALL = 40, 400, 100_000
WORD = re.compile(r"\w+")


class Doc2VecEncoder:
    """A doc2vec model; `learn` makes one, `from_state` reads one.

    The vector of another text is learned as those of the films were, while the model stays as it
    is. Random draws depend on the text alone, so that its vector is the same each time.

    Parameters
    ----------
    words, counts
        The words that are known, and how often the texts have them.
    outputs
        ``(n_words, dimensions)``: what a text's vector is multiplied by to tell its words.
    parameters
        Of ``gensim.models.Doc2Vec``.
    """

    name = DOC2VEC
    with_genres = True

    def __init__(
        self,
        words: Sequence[str],
        counts: Sequence[int],
        outputs: Vectors,
        parameters: Mapping[str, Any],
    ) -> None:
        self.words, self.counts, self.parameters = list(words), list(counts), dict(parameters)
        self.dimensions = int(outputs.shape[1])
        self._gensim = _gensim()
        with quiet():
            # Words keep their places: which of them are drawn depends on these.
            self._model = self._gensim.Doc2Vec(**parameters, sorted_vocab=0)
            self._model.build_vocab_from_freq(dict(zip(self.words, self.counts, strict=True)))
        self._model.syn1neg = outputs

    @classmethod
    def learn(
        cls, texts: Sequence[str], progress: Progress = silent
    ) -> tuple[Doc2VecEncoder, Vectors]:
        """Learn from texts; the same texts in the same order give the same vectors.

        Parameters
        ----------
        progress
            Told after each pass over the texts: ``passes``.

        Returns
        -------
        Doc2VecEncoder, ndarray
            And the texts' vectors, ``(n_texts, dimensions)``, zeros where no word is known.

        Raises
        ------
        EncoderError
            No word is in the texts often enough.
        """
        gensim, parameters = _gensim(), parameters_for(len(texts))
        films = [gensim.TaggedDocument(_words(text), [row]) for row, text in enumerate(texts)]
        with quiet():
            # More threads would read the texts in a random order.
            model = gensim.Doc2Vec(**parameters, workers=1)
            if films:
                model.build_vocab(films)
            if not len(model.wv):
                raise EncoderError("doc2vec cannot be learned: the films' texts share no words")
            told = _Told(films, model.epochs, progress)
            model.train(told, total_examples=len(films), epochs=model.epochs)
        known = [any(word in model.wv for word in film.words) for film in films]
        vectors: Vectors = np.where(np.array(known)[:, None], model.dv.vectors, 0)
        counts = [int(model.wv.get_vecattr(word, "count")) for word in model.wv.index_to_key]
        return cls(model.wv.index_to_key, counts, model.syn1neg, parameters), vectors

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return ``(n_texts, dimensions)``; see `Encoder`."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            if words := [word for word in _words(text) if word in self._model.wv]:
                self._infer(vector, words)
        return vectors

    def _infer(self, vector: Vectors, words: list[str]) -> None:
        """Fill a vector, as gensim's infer_vector does, whose start differs between processes."""
        model = self._model
        model.random.seed(zlib.crc32(" ".join(words).encode()))
        vector[:] = (model.random.random_sample(self.dimensions) - 0.5) / self.dimensions
        free, work = np.ones(1, dtype=np.float32), np.zeros(self.dimensions, dtype=np.float32)
        for alpha in np.linspace(model.alpha, model.min_alpha, model.epochs):
            self._gensim.train_document_dbow(
                model,
                words,
                [0],
                alpha,
                work,
                learn_words=False,
                learn_hidden=False,
                doctag_vectors=vector[None],
                doctags_lockf=free,
            )

    def state(self) -> bytes:
        """Return the model as a NumPy archive without pickles."""
        file = io.BytesIO()
        np.savez_compressed(
            file,
            words=np.array(self.words),
            counts=np.array(self.counts, dtype=np.int64),
            outputs=self._model.syn1neg,
            parameters=np.array(json.dumps(self.parameters)),
        )
        return file.getvalue()

    @classmethod
    def from_state(cls, state: bytes) -> Doc2VecEncoder:
        """Return the model that `state` wrote."""
        with np.load(io.BytesIO(state), allow_pickle=False) as arrays:
            return cls(
                arrays["words"].tolist(),
                arrays["counts"].tolist(),
                arrays["outputs"],
                json.loads(arrays["parameters"].item()),
            )


class _Told:
    """Texts that tell of each pass over them."""

    def __init__(self, films: list[Any], passes: int, progress: Progress) -> None:
        self.films, self.passes, self.progress, self.done = films, passes, progress, 0

    def __iter__(self) -> Iterator[Any]:
        yield from self.films
        self.done += 1
        self.progress("passes", self.done, self.passes)


def parameters_for(n_texts: int) -> dict[str, Any]:
    """Return how a model is learned from so many texts."""
    epochs = min(MOST_EPOCHS, max(LEAST_EPOCHS, TEXTS_IN_ALL // max(1, n_texts)))
    return {**PARAMETERS, "epochs": epochs}


def _words(text: str) -> list[str]:
    return WORD.findall(text.casefold())


def _gensim() -> ModuleType:
    try:
        with quiet():
            from gensim.models import doc2vec
    except ImportError as error:
        raise EncoderError("doc2vec needs gensim: pip install 'recsys[doc2vec]'") from error
    module: ModuleType = doc2vec
    return module
