"""Readers of the formats in which vectors come: what a file says, not yet checked."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.errors import ParserWarning

from recsys.arrays import Numbers, Values
from recsys.errors import SourceError

Side = Literal["movies", "users"]

KEYS: dict[Side, tuple[str, ...]] = {
    "movies": ("movie_id", "imdb_id", "tmdb_id"),
    "users": ("user_id",),
}
LARGE = 1 << 30  # bytes; smaller ones are read, however well packed
MOST_PACKED = 100
LIST_COLUMNS = ("embedding", "vector")


@dataclass(frozen=True)
class Raw:
    """What a reader found, ids not yet checked; rows are called by `unit` and their number."""

    name: str
    key: str
    ids: pd.Series[str]  # its index tells each row's number
    values: Numbers  # (n, dimension)
    unit: str = "row"

    def where(self, place: int) -> str:
        """Name a row, as in ``movies.csv, line 7``."""
        return f"{self.name}, {self.unit} {self.ids.index[place]}"


def _read_csv(path: Path, side: Side) -> Raw:
    options: dict[str, Any] = {
        "encoding": "utf-8-sig",
        "index_col": False,
        "keep_default_na": False,
        "skip_blank_lines": False,  # so that rows know their line
        "low_memory": False,
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ParserWarning)  # a line longer than the first
            names = [str(name) for name in pd.read_csv(path, nrows=0, **options).columns]
            key_column, key, others = _columns(path.name, names, side)
            text = [key_column, *(others if _is_list(others) else [])]
            frame = pd.read_csv(path, dtype=dict.fromkeys(text, "str"), **options)
    except (ValueError, ParserWarning) as error:
        reason = str(error).strip().splitlines()[0]
        raise SourceError(f"{path.name} cannot be read as CSV: {reason}") from error
    frame.index = frame.index + 2
    empty = frame[key_column] == ""
    empty[empty] = (frame.loc[empty, others] == "").all(axis=1)
    return _from_frame(path.name, frame[~empty], key_column, key, others, "line")


def _read_parquet(path: Path, side: Side) -> Raw:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise SourceError(
            f"{path.name}: Parquet files are read by pyarrow: pip install 'recsys[parquet]'"
        ) from error
    with _broken(path, "Parquet"), path.open("rb") as stream:
        described = pyarrow.parquet.read_metadata(stream)
        _check_size(path, 8 * described.num_rows * described.num_columns)
        frame = pd.read_parquet(stream, engine="pyarrow")
    frame = frame.reset_index(names=frame.index.name) if frame.index.name else frame
    frame.columns = frame.columns.map(str)
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    key_column, key, others = _columns(path.name, list(frame.columns), side)
    return _from_frame(path.name, frame, key_column, key, others, "row")


def _read_npz(path: Path, side: Side) -> Raw:
    arrays = read_arrays(path)
    key_column, key, _ = _columns(
        path.name, [name for name in arrays if name not in KEYS], side, plural="s"
    )
    if side not in arrays:
        raise SourceError(f"{path.name} has no array '{side}': it has {', '.join(arrays)}")
    ids, values = arrays[key_column], arrays[side]
    if (
        ids.ndim != 1
        or values.ndim != 2
        or len(ids) != len(values)
        or values.dtype.kind not in "fiu"
    ):
        raise SourceError(
            f"{path.name}: '{key_column}' must be n ids and '{side}' n rows of numbers, but they "
            f"are {ids.dtype} {ids.shape} and {values.dtype} {values.shape}"
        )
    text = pd.Series(ids.astype(str), index=range(1, len(ids) + 1), dtype="str")
    return Raw(path.name, key, text, values.astype(np.float64))


READERS: dict[str, Callable[[Path, Side], Raw]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".npz": _read_npz,
}


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an npz file by name."""
    # Opened here, as numpy leaves a file open that is no archive.
    with _broken(path, "npz"), path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
        _check_size(path, sum(member.file_size for member in archive.infolist()))
        stream.seek(0)
        with np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray):
                raise ValueError(f"{name} in it is no array")
        return arrays


@contextmanager
def _broken(path: Path, kind: str) -> Iterator[None]:
    """Say in one line that a file is broken: what libraries raise then is of any kind."""
    try:
        yield
    except SourceError:
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SourceError(f"{path.name} cannot be read as {kind}: {reason}") from error


def _check_size(path: Path, unpacked: int) -> None:
    """Refuse a small file that would fill the memory: no vectors that were learned pack so well."""
    if unpacked > max(LARGE, MOST_PACKED * path.stat().st_size):
        raise SourceError(
            f"{path.name}: its {path.stat().st_size:,} bytes unpack to {unpacked:,}: these are no "
            "vectors"
        )


def _columns(
    file: str, names: Sequence[str], side: Side, plural: str = ""
) -> tuple[str, str, list[str]]:
    """Return the column of ids, what they are, and the other columns."""
    wanted = {key.replace("_", "") + plural: key for key in KEYS[side]}
    found = [name for name in names if _plain(name) in wanted]
    if len(found) != 1:
        keys = ", ".join(key + plural for key in KEYS[side])
        what = (
            f"several columns of ids ({', '.join(found)}): keep one"
            if found
            else (
                f"no column of ids: the {side}' are called {keys}"
                if len(KEYS[side]) == 1
                else f"no column of ids: name it one of {keys}"
            )
        )
        raise SourceError(f"{file} has {what}")
    others = [name for name in names if name != found[0]]
    return found[0], wanted[_plain(found[0])], others


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", "")


def _is_list(others: Sequence[str]) -> bool:
    return len(others) == 1 and others[0].strip().lower() in LIST_COLUMNS


def _from_frame(
    file: str, frame: pd.DataFrame, key_column: str, key: str, others: list[str], unit: str
) -> Raw:
    def fail(place: int, message: str) -> NoReturn:
        raise SourceError(f"{file}, {unit} {frame.index[place]}: {message}")

    read = _lists if _is_list(others) else _numbers
    text = frame[key_column].astype("str").fillna("")
    return Raw(file, key, text, read(frame[others], fail), unit)


def _numbers(frame: pd.DataFrame, fail: Callable[[int, str], NoReturn]) -> Values:
    """Return columns of numbers as they stand, ``(n, n_columns)``."""
    if all(isinstance(kind, np.dtype) and kind.kind in "fiu" for kind in frame.dtypes):
        plain: Values = frame.to_numpy(dtype=np.float64)
        if not np.isnan(plain).any():
            return plain
    values = np.empty(frame.shape)
    for place, name in enumerate(frame.columns):
        # By way of text, so that True is none.
        column = pd.to_numeric(frame.iloc[:, place].astype("str"), errors="coerce")
        values[:, place] = column.to_numpy(dtype=np.float64, na_value=np.nan)
        wrong = np.isnan(values[:, place])
        if wrong.any():
            row = int(np.argmax(wrong))
            fail(row, f"{str(frame.iloc[row, place])!r} in the column '{name}' is not a number")
    return values


def _lists(frame: pd.DataFrame, fail: Callable[[int, str], NoReturn]) -> Values:
    """Return a column of lists, in Parquet's form or as text, ``(n, length)``."""
    rows: list[Values] = []
    for place, cell in enumerate(frame.iloc[:, 0]):
        try:
            row = np.asarray(json.loads(cell) if isinstance(cell, str) else cell)
        except ValueError:
            row = np.empty(0, dtype=object)
        if row.ndim != 1 or row.dtype.kind not in "fiu":
            fail(place, f"{str(cell)[:40]!r} is no list of numbers")
        if rows and len(row) != len(rows[0]):
            fail(place, f"the list has {len(row)} numbers, the first one has {len(rows[0])}")
        rows.append(row)
    return np.array(rows, dtype=np.float64)
