"""Files of vectors that are broken, lie or swell: one line says so, and memory stays as it was."""

from __future__ import annotations

import struct
import tracemalloc
import zipfile
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest

from recsys.errors import SourceError
from recsys.training import vector_readers
from recsys.training.vector_files import read_vectors
from tests.helpers.examples import examples

IDS = np.arange(1, 40)


def write(path: Path) -> bytes:
    """Write sound vectors in the format of the ending, and return the bytes."""
    numbers = np.random.default_rng(0).random((len(IDS), 4))
    if path.suffix == ".parquet":
        frame = pd.DataFrame(numbers, columns=list("abcd")).assign(movie_id=IDS)
        frame.to_parquet(path, engine="pyarrow")
    else:
        np.savez_compressed(path, movie_ids=IDS, movies=numbers)
    return path.read_bytes()


def read(path: Path) -> bool:
    """Tell whether a file is read; its values are sound then, else one line says what is wrong."""
    try:
        table = read_vectors(path, "movies")
    except SourceError as refusal:
        line = str(refusal)
    else:
        assert np.isfinite(table.vectors).all()
        assert len(table.ids) == len(table.vectors)
        return True
    assert path.name in line
    assert len(line.splitlines()) == 1
    return False


@pytest.mark.parametrize("ending", ["npz", "parquet"])
def test_changed_bytes_are_refused_in_a_line(tmp_path: Path, ending: str) -> None:
    path, chance = tmp_path / f"films.{ending}", Random(1)
    sound = write(path)
    assert read(path)
    refused, tries = 0, examples(600)
    for _ in range(tries):
        changed = bytearray(sound)
        for _ in range(chance.choice([1, 2, 5])):
            changed[chance.randrange(len(sound))] = chance.randrange(256)
        if chance.random() < 0.1:
            del changed[chance.randrange(len(sound)) :]
        path.write_bytes(changed)
        refused += not read(path)
    assert refused > tries / 6


def write_npz(path: Path, member: str, data: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("movie_ids.npy", header("'<i8'", "(2,)") + np.arange(1, 3).tobytes())
        archive.writestr(member, data)


def header(kind: str, shape: str) -> bytes:
    text = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("'<f8'", "(1000000000000, 4)"),  # more than there is of memory
        ("'<f8'", f"({10**30},)"),
        ("'<f8'", "(-1, 4)"),
        ("'<f8'", "(((((("),
        ("'<f8'", "(" * 5000),
        ("'<c16'", "(2, 2)"),
        ("'O'", "(2, 2)"),
        ("[('a', '<f8')]", "(2,)"),
        ("'zz'", "(2, 2)"),
    ],
)
def test_a_header_that_lies(tmp_path: Path, kind: str, shape: str) -> None:
    path = tmp_path / "films.npz"
    write_npz(path, "movies.npy", header(kind, shape) + bytes(64))
    assert not read(path)


@pytest.mark.parametrize("member", ["movies", "../movies.npy", "/movies.npy", "movies.txt"])
def test_members_that_are_no_arrays(tmp_path: Path, member: str) -> None:
    path = tmp_path / "films.npz"
    write_npz(path, member, b"text")
    assert not read(path)


def test_one_array_alone_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "films.npz").open("wb") as file:
        np.save(file, np.eye(3))
    assert not read(tmp_path / "films.npz")


@pytest.mark.parametrize("ending", ["npz", "parquet"])
def test_what_swells_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """Here what is large is a thirty-second of a gigabyte."""
    monkeypatch.setattr(vector_readers, "LARGE", (1 << 30) // 32)
    path, zeros = tmp_path / f"films.{ending}", np.zeros((1_500_000, 4))
    if ending == "npz":
        np.savez_compressed(path, movie_ids=np.zeros(len(zeros)), movies=zeros)
    else:
        pd.DataFrame(zeros, columns=list("abcd")).assign(movie_id=0).to_parquet(path)
    tracemalloc.start()
    with pytest.raises(SourceError, match=r"films.* bytes unpack to \d+,"):
        read_vectors(path, "movies")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 << 20
