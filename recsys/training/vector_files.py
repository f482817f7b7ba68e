"""Vectors that were trained elsewhere, from CSV, Parquet and npz files, every value checked.

A CSV or Parquet file has one column of ids and either one column a coordinate or one column of
lists (``embedding``, ``vector``); an npz file has an array of ids and one of vectors. Nothing is
unpickled.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recsys.arrays import Index, Vectors
from recsys.errors import SourceError
from recsys.sources import columns
from recsys.training.vector_readers import READERS, Raw, Side, read_arrays

# pgvector stores 16,000 numbers, one of which is not learned.
MOST_DIMENSIONS = 15_999
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class VectorTable:
    """What a file holds.

    Attributes
    ----------
    name
        The file's, without its folder.
    key
        What the ids are: ``movie_id``, ``imdb_id`` (without ``tt``), ``tmdb_id`` or ``user_id``.
    ids
        ``(n,)`` int64, each once.
    vectors
        ``(n, dimension)`` float32, finite.
    """

    name: str
    key: str
    ids: Index
    vectors: Vectors


def read_vectors(path: Path, side: Side) -> VectorTable:
    """Read the films' or the users' vectors of a file.

    Raises
    ------
    SourceError
        The file is missing, of another format, or holds something that is no vector.
    """
    if not path.is_file():
        raise SourceError(f"there is no file {path}")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise SourceError(
            f"{path.name}: vectors are read from {', '.join(READERS)} files; "
            "the name's ending tells which it is"
        )
    raw = reader(path, side)
    if not raw.values.size:
        raise SourceError(f"{path.name} holds no vectors")
    if raw.values.shape[1] > MOST_DIMENSIONS:
        raise SourceError(
            f"{path.name}: vectors of {raw.values.shape[1]:,} numbers; "
            f"PostgreSQL's pgvector takes {MOST_DIMENSIONS:,} at most"
        )
    return VectorTable(raw.name, raw.key, _checked_ids(raw), _checked_values(raw))


def holds_users(path: Path) -> bool:
    """Tell whether a file of the films' vectors holds the users', too."""
    if path.suffix.lower() != ".npz" or not path.is_file():
        return False
    return "users" in read_arrays(path)


def shown_id(key: str, number: int) -> str:
    """Write an id as people know it."""
    return f"tt{number:07d}" if key == "imdb_id" else str(number)


def _checked_ids(raw: Raw) -> Index:
    # Ids that have gone through floats end in .0.
    text = raw.ids.str.strip().str.lower().str.removeprefix("tt").str.removesuffix(".0")
    found, reason = columns.ids(text, "wrong")
    wrong = (reason != "") | (raw.key in ("imdb_id", "tmdb_id")) & (found == 0)
    if raw.key != "imdb_id":
        wrong |= raw.ids.str.lower().str.contains("t")
    if wrong.any():
        place = int(np.argmax(wrong.to_numpy()))
        raise SourceError(f"{raw.where(place)}: {raw.ids.iloc[place]!r} is no {raw.key}")
    ids = found.to_numpy(dtype=np.int64)
    order = np.argsort(ids, kind="stable")
    again = np.flatnonzero(np.diff(ids[order]) == 0)
    if len(again):
        first, second = order[again[0]], order[again[0] + 1]
        raise SourceError(
            f"{raw.where(int(second))}: {raw.key} {shown_id(raw.key, ids[second])} is there twice, "
            f"first in {raw.unit} {raw.ids.index[first]}"
        )
    return ids


def _checked_values(raw: Raw) -> Vectors:
    wrong = ~(np.abs(raw.values) <= LARGEST)  # NaN, too
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise SourceError(
            f"{raw.where(int(row))}: number {column + 1} is {raw.values[row, column]}, "
            "which is not finite or too large"
        )
    return raw.values.astype(np.float32)
