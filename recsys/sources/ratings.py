"""Ratings, of which there may be tens of millions: parsed by the million, doubted by the line.

A row is one line. A block of lines that holds nothing but digits, points and separators is read
by pandas' C parser; where that stumbles, the block is halved until the lines at fault stand
nearly alone, and those are read one by one, each refused with its own reason. What is left of
neighbouring halves makes one batch, as a batch costs as much as a thousand lines.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import cast

import numpy as np
import pandas as pd

from recsys.arrays import Mask
from recsys.sources import columns
from recsys.sources.batches import COLUMNS, Batch, Reject
from recsys.sources.files import File, read_line
from recsys.sources.records import Chunk, Layout, Record, escaped, fault, frame_of, split_line
from recsys.sources.scales import Scale
from recsys.sources.times import IN_FUTURE, NO_TIME, latest_second, seconds_of

BLOCK = 1 << 24  # bytes
FEW_LINES = 500
BLOCKS_A_BATCH = 40  # of so few lines
FAST_COLUMNS = ({"user_id", "movie_id", "rating"}, {"user_id", "movie_id", "rating", "rated_at"})
LARGEST_ID = 10**18


@dataclass(frozen=True)
class Block:
    """Whole lines of a file and the number of the first."""

    data: bytes
    line: int


def read_ratings(file: File, layout: Layout) -> Iterator[Batch]:
    """Read ratings in the order of the file.

    Parameters
    ----------
    layout
        Its columns are ``user_id`` or ``user_key``, ``movie_id`` or ``movie_key``, ``rating``
        and, where there are times, ``rated_at``; empty names are passed over.
    """
    with file.open() as stream:
        line = 1
        for _ in range(layout.heading):
            line += 1
            read_line(stream)
        while data := stream.read(BLOCK):
            data += read_line(stream)
            if line == 1:
                data = data.removeprefix(b"\xef\xbb\xbf")
            lines = _count_lines(data)
            pieces = _pieces(Block(data, line), lines, file.name, layout)
            for doubted, group in groupby(pieces, lambda piece: isinstance(piece, Block)):
                if doubted:
                    blocks = cast(Iterator[Block], group)
                    while some := list(islice(blocks, BLOCKS_A_BATCH)):
                        yield _parse_slowly(some, file.name, layout)
                else:
                    yield from cast(Iterator[Batch], group)
            line += lines


def _pieces(block: Block, lines: int, file: str, layout: Layout) -> Iterator[Batch | Block]:
    """Yield what the fast parser took, and between them the blocks to read line by line."""
    if not block.data.strip(b"\r\n"):  # empty lines, of which gigabytes pack into a few megabytes
        nothing = Chunk(frame_of([], layout.columns), [], [], len(block.data))
        yield rating_batch(nothing, file, layout)
        return
    rows = _parse_fast(block.data, lines, layout)
    if rows is not None:
        rows.insert(0, "line", np.arange(block.line, block.line + lines, dtype=np.int64))
        yield _checked(rows, block, file, layout.scale)
    elif lines <= FEW_LINES:
        yield block
    else:
        cut = block.data.find(b"\n", len(block.data) // 2, -1) + 1
        if cut == 0:  # the second half is one huge line
            cut = block.data.rindex(b"\n", 0, len(block.data) // 2) + 1
        first = block.data[:cut]
        above = _count_lines(first)
        yield from _pieces(Block(first, block.line), above, file, layout)
        rest = Block(block.data[cut:], block.line + above)
        yield from _pieces(rest, lines - above, file, layout)


def _parse_fast(data: bytes, lines: int, layout: Layout) -> pd.DataFrame | None:
    """Parse lines of plain numbers; None where anything about them is not plain."""
    names = layout.columns
    if {name for name in names if name} not in FAST_COLUMNS or layout.scale.likes:
        return None
    if layout.separator != ",":
        # What is a comma now is one of a decimal.
        data = data.replace(b",", b".").replace(layout.separator.encode(), b",")
    if data.translate(None, b"0123456789.,\r\n"):
        return None
    separators = data.count(b",")
    if separators != lines * (len(names) - 1) or data.count(b"\r") != data.count(b"\r\n"):
        return None
    try:
        rows = pd.read_csv(
            io.BytesIO(data),
            header=None,
            names=range(len(names)),
            usecols=[place for place, name in enumerate(names) if name],
            index_col=False,
            dtype={
                place: "float64" if name == "rating" else "int64"
                for place, name in enumerate(names)
                if name
            },
        ).rename(columns=dict(enumerate(names)))
    except (ValueError, OverflowError, pd.errors.ParserError):
        return None
    if len(rows) != lines or rows["rating"].isna().any():
        return None
    if max(rows["user_id"].max(), rows["movie_id"].max()) >= LARGEST_ID:
        return None
    return rows


def _checked(rows: pd.DataFrame, block: Block, file: str, scale: Scale) -> Batch:
    """Refuse the rows whose numbers are out of range."""
    raw = _raw_lines(block.data)
    rating = rows["rating"].to_numpy()
    bad = ~scale.takes(rating)
    rows["rating"] = scale.stars(rating)
    none: Mask = np.zeros(len(rows), dtype=np.bool_)
    unclear = future = none
    if "rated_at" in rows:
        times = seconds_of(rows["rated_at"].to_numpy())
        unclear, future = np.isnan(times), times > latest_second()
        rows["rated_at"] = times
    else:
        rows["rated_at"] = np.nan
    out = bad | unclear | future
    rejects = [
        Reject(
            file,
            block.line + int(place),
            columns.out_of_range(scale) if bad[place] else NO_TIME if unclear[place] else IN_FUTURE,
            raw(int(place)),
        )
        for place in out.nonzero()[0]
    ]
    places = (~out).nonzero()[0]
    kept = rows[~out].reset_index(drop=True)
    return Batch(
        "ratings", file, kept, rejects, len(block.data), lambda place: raw(int(places[place]))
    )


def _parse_slowly(blocks: Sequence[Block], file: str, layout: Layout) -> Batch:
    names = layout.columns
    rejects: list[Reject] = []
    good: list[Record] = []
    whole = b"".join(block.data for block in blocks)
    for line, data in enumerate(io.BytesIO(whole), start=blocks[0].line):
        raw = data.decode(layout.encoding, "surrogateescape")
        try:
            fields = split_line(raw, layout)
            why = fault(fields, raw, len(names)) if fields else None
        except csv.Error:
            fields, why = [raw], "its quotes are broken"
        if why:
            rejects.append(Reject(file, line, why, escaped(raw)))
        elif fields:  # an empty line is no row
            good.append((line, fields, raw))
    chunk = Chunk(frame_of(good, names), [raw for _, _, raw in good], rejects, len(whole))
    return rating_batch(chunk, file, layout)


def rating_batch(chunk: Chunk, file: str, layout: Layout) -> Batch:
    """Read ratings from columns of text; without a rating, each row is a like."""
    if "rating" not in chunk.rows:
        chunk = replace(chunk, rows=chunk.rows.assign(rating="1"))
    chunk = columns.parse(chunk, file, layout)
    names = [*COLUMNS["ratings"], *({"user_key", "movie_key"} & set(chunk.rows.columns))]
    rows, raw = chunk.rows.reindex(columns=names), chunk.raw
    return Batch("ratings", file, rows, chunk.rejects, chunk.size, lambda n: escaped(raw[n]))


def _count_lines(data: bytes) -> int:
    return data.count(b"\n") + (not data.endswith(b"\n"))


def _raw_lines(data: bytes) -> Callable[[int], str]:
    """Give the text of a line, found only when it is asked for."""
    lines: list[bytes] = []

    def raw(place: int) -> str:
        if not lines:
            lines.extend(data.split(b"\n"))
        return escaped(lines[place].decode("utf-8", "surrogateescape"))

    return raw
