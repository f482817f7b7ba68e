"""NumPy arrays to and from PostgreSQL's binary COPY, without a loop over rows.

Every column has one width and no nulls, so a row is one record of a structured array:
a field count, then for each field its length and its bytes, all big-endian
(PostgreSQL manual, COPY, "Binary Format"). A vector's bytes are its dimension, two
bytes unused, then its float4 elements (pgvector, ``vector_send``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from recsys.database.engine import driver

HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
TRAILER = struct.pack(">h", -1)
ROWS_A_CHUNK = 1 << 15


def write_columns(connection: Connection, table: str, columns: Mapping[str, NDArray[Any]]) -> None:
    """COPY columns of equal length into `table`.

    Parameters
    ----------
    connection
        An open transaction; nothing is committed here.
    table
        Qualified name, trusted.
    columns
        By column name: ``(n,)`` int32 for integer, ``(n,)`` int64 for bigint,
        ``(n,)`` float32 for real, ``(n,)`` float64 for double precision,
        ``(n,)`` bytes for text of one length, ``(n, dimension)`` float32 for vector, float16 for
        halfvec.
    """
    record = np.dtype(
        [
            ("fields", ">i2"),
            *[part for name, values in columns.items() for part in _field(name, values)],
        ]
    )
    n_rows = len(next(iter(columns.values())))
    statement = f"copy {table} ({', '.join(columns)}) from stdin (format binary)"
    with driver(connection).cursor().copy(statement.encode()) as copy:
        copy.write(HEADER)
        for start in range(0, n_rows, ROWS_A_CHUNK):
            rows = slice(start, min(start + ROWS_A_CHUNK, n_rows))
            chunk = np.zeros(rows.stop - rows.start, dtype=record)
            chunk["fields"] = len(columns)
            for name, values in columns.items():
                chunk[f"{name} length"] = record[name].itemsize
                if values.ndim == 2:
                    chunk[name]["dimension"] = values.shape[1]
                    chunk[name]["elements"] = values[rows]
                else:
                    chunk[name] = values[rows]
            copy.write(chunk.tobytes())
        copy.write(TRAILER)


def read_columns(connection: Connection, query: str, **types: str | int) -> dict[str, NDArray[Any]]:
    """Read a query's columns as arrays, some rows at a time: hardly more than these is in memory.

    Parameters
    ----------
    query
        Its columns come in the order of `types` and hold no null.
    types
        Each column's NumPy type: ``i8`` for bigint, ``f4`` for real, ``f8`` for double precision,
        ``?`` for boolean, a number for vectors of that dimension, which come as
        ``(n, dimension)`` float32.
    """
    record = np.dtype(
        [
            ("fields", ">i2"),
            *[
                part
                for name, kind in types.items()
                for part in (
                    (f"{name} length", ">i4"),
                    (name, _vector(kind) if isinstance(kind, int) else f">{kind}"),
                )
            ],
        ]
    )
    columns: dict[str, NDArray[Any]] = {
        name: np.empty((0, kind), "f4") if isinstance(kind, int) else np.empty(0, kind)
        for name, kind in types.items()
    }
    n, capacity = 0, 0
    for rows in _records(connection, query, record):
        if n + len(rows) > capacity:
            # By a part of it, not by as much again: what is added is written with zeros.
            capacity = n + len(rows) + n // 8
            _resize(columns, capacity)
        for name, column in columns.items():
            column[n : n + len(rows)] = rows[name]["elements" if column.ndim == 2 else ...]
        n += len(rows)
    _resize(columns, n)
    return columns


def _records(connection: Connection, query: str, record: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    """Yield the rows of a query, a chunk at a time."""
    statement = f"copy ({query}) to stdout (format binary)".encode()
    with driver(connection).cursor().copy(statement) as copy:
        messages, start = iter(copy), len(HEADER)
        while received := b"".join(islice(messages, ROWS_A_CHUNK)):
            # The trailer is shorter than a row.
            yield np.frombuffer(received, record, (len(received) - start) // record.itemsize, start)
            start = 0


def _resize(columns: dict[str, NDArray[Any]], n: int) -> None:
    for column in columns.values():
        column.resize((n, *column.shape[1:]), refcheck=False)  # in place: nothing is copied


def _field(name: str, values: NDArray[Any]) -> tuple[tuple[str, Any], tuple[str, Any]]:
    kind: Any
    if values.ndim == 2:
        kind = _vector(values.shape[1], f">{values.dtype.str[1:]}")
    elif values.dtype.kind == "S":
        kind = values.dtype
    else:
        kind = {"i4": ">i4", "i8": ">i8", "f4": ">f4", "f8": ">f8"}[values.dtype.str[1:]]
    return (f"{name} length", ">i4"), (name, kind)


def _vector(dimension: int, element: str = ">f4") -> np.dtype[Any]:
    return np.dtype([("dimension", ">i2"), ("unused", ">i2"), ("elements", element, (dimension,))])
