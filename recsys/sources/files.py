"""The files of a source: in a folder, in a zip, packed by gzip, or one alone."""

from __future__ import annotations

import gzip
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from recsys.errors import SourceError

GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class File:
    """One file of a source, unpacked as it is read.

    Attributes
    ----------
    name
        Without its folder and without ``.gz``.
    size
        Bytes to read; of a gzip file about, as its header does not tell.
    """

    name: str
    size: int
    opener: Callable[[], IO[bytes]]

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open for reading; what fails on the way is a `SourceError` that names the file."""
        try:
            with self.opener() as stream:
                yield stream
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
            # RuntimeError is what zipfile says of an encrypted member, NotImplementedError of one
            # that is packed in a way it does not know.
            if type(error) is RuntimeError and "encrypted" not in str(error):
                raise
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise SourceError(f"{self.name} cannot be read: {reason}") from error

    def first_line(self) -> str:
        """Return the first line, without the byte order mark."""
        with self.open() as stream:
            line = stream.readline(1 << 16)
        return line.decode("utf-8-sig", "replace").rstrip("\r\n")


def readable(name: str) -> str:
    """Return a name on one line, and with the bytes escaped that are not UTF-8."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text.replace("\n", "\\n").replace("\r", "\\r")


def list_files(path: Path) -> list[File]:
    """Return the files of a folder or zip, or the one file that `path` is, by name.

    Raises
    ------
    SourceError
        `path` cannot be read.
    """
    try:
        if path.is_dir():
            found = [_plain(entry) for entry in path.iterdir() if entry.is_file()]
        elif zipfile.is_zipfile(path):
            found = _members(path)
        else:
            found = [_plain(path)]
    except (OSError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{readable(str(path))} cannot be read: {reason}") from error
    names = [file.name for file in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SourceError(
            f"{readable(str(path))} holds two files {twice}: load one folder at a time"
        )
    return sorted((file for file in found if not file.name.startswith(".")), key=lambda f: f.name)


def _plain(path: Path) -> File:
    with path.open("rb") as stream:
        packed = stream.read(2) == GZIP
    size = path.stat().st_size
    name = readable(path.name)
    if packed:
        # A gzip file ends with the size of what it holds, modulo 2^32.
        with path.open("rb") as stream:
            stream.seek(-4, os.SEEK_END)
            tail = int.from_bytes(stream.read(4), "little")
        return File(name.removesuffix(".gz"), max(size, tail), lambda: _unpacked(path))
    return File(name, size, lambda: path.open("rb"))


def _members(path: Path) -> list[File]:
    """Return the files of a zip at its top, or in the folders there if it has none."""
    with zipfile.ZipFile(path) as archive:
        members = [
            member
            for member in archive.infolist()
            if not member.is_dir() and not member.filename.startswith("__MACOSX/")
        ]
    top = min((len(PurePosixPath(member.filename).parts) for member in members), default=0)

    def opener(member: zipfile.ZipInfo) -> IO[bytes]:
        # The archive stays open as long as the member that is read from it.
        with zipfile.ZipFile(path) as archive:
            stream = archive.open(member)
            packed = member.filename.endswith(".gz")
            return _unpacked(stream) if packed else stream

    return [
        File(
            readable(PurePosixPath(member.filename).name).removesuffix(".gz"),
            member.file_size,
            lambda member=member: opener(member),  # type: ignore[misc]
        )
        for member in members
        if len(PurePosixPath(member.filename).parts) == top
    ]


def _unpacked(packed: Path | IO[bytes]) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(packed, "rb"))
