"""The files of a source: in a folder, in a zip, packed by gzip, or one alone."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import weakref
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from recsys.errors import SourceError

GZIP = b"\x1f\x8b"
LONGEST_LINE = 1 << 24  # bytes that are read of one
LONGEST_PASSED = 1 << 28  # bytes; a file with a longer line is none of lines
SPREADSHEETS = {"[Content_Types].xml", "content.xml"}  # a file in them: of Excel, of LibreOffice
# Folders that belong to the files beside them, of Letterboxd and of the Netflix Prize, and what the
# names of the files in them begin with.
INNER = {"likes": "likes/", "training_set": ""}


@dataclass(frozen=True)
class File:
    """One file of a source, unpacked as it is read.

    Attributes
    ----------
    name
        Without ``.gz``, and without its folder unless that is inside of the source.
    size
        Bytes to read; of a gzip file about, as its header does not tell.
    """

    name: str
    size: int
    opener: Callable[[], IO[bytes]]

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open for reading; what fails on the way is a `SourceError` that names the file.

        UTF-16, as spreadsheets save it, is read as UTF-8.
        """
        try:
            with self.opener() as opened, _as_utf_8(opened) as stream:
                yield stream
        except UnicodeDecodeError as error:
            if not error.encoding.startswith("utf-16"):
                raise
            raise SourceError(f"{self.name} cannot be read: it is broken UTF-16") from error
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
            # RuntimeError is what zipfile says of an encrypted member, NotImplementedError of one
            # that is packed in a way it does not know.
            if type(error) is RuntimeError and "encrypted" not in str(error):
                raise
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise SourceError(f"{self.name} cannot be read: {reason}") from error

    def first_line(self) -> str:
        """Return the first line."""
        return "".join(self.first_lines(1))

    def first_lines(self, count: int) -> list[str]:
        """Return the first lines, without the byte order mark; of long ones the beginning."""
        with self.open() as stream:
            lines = [stream.readline(1 << 16) for _ in range(count)]
        text = [line.decode("utf-8", "replace").rstrip("\r\n") for line in lines if line]
        return [text[0].removeprefix("\ufeff"), *text[1:]] if text else []


class _Recoded(io.RawIOBase):
    """A stream of UTF-16 as UTF-8."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self.stream = stream
        self.decoder = codecs.getincrementaldecoder(encoding)()
        self.waiting = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while not self.waiting:
            data = self.stream.read(1 << 16)
            text = self.decoder.decode(data, final=not data)
            self.waiting = text.encode("utf-8", "surrogatepass")
            if not data:
                break
        part, self.waiting = self.waiting[: len(buffer)], self.waiting[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def _as_utf_8(stream: IO[bytes]) -> IO[bytes]:
    """Return the stream, or if it is UTF-16, what that is in UTF-8."""
    if not hasattr(stream, "peek"):
        stream = cast(IO[bytes], io.BufferedReader(cast(io.RawIOBase, stream)))
    head = cast(io.BufferedReader, stream).peek(4)[:4]
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        encoding = "utf-16"
    elif len(head) == 4 and 0 not in head[::2] and head[1::2] == b"\0\0":
        encoding = "utf-16-le"  # without the mark, and with Latin letters
    elif len(head) == 4 and 0 not in head[1::2] and head[::2] == b"\0\0":
        encoding = "utf-16-be"
    else:
        return stream
    return cast(IO[bytes], io.BufferedReader(_Recoded(stream, encoding)))


def read_line(stream: IO[bytes]) -> bytes:
    """Return the next line, empty at the end; of one without an end, the beginning.

    What is longer than any row is passed over without being held.

    Raises
    ------
    OSError
        There is no end in sight: packed, gigabytes take a few megabytes.
    """
    line = stream.readline(LONGEST_LINE)
    if len(line) < LONGEST_LINE or line.endswith(b"\n"):
        return line
    passed = len(line)
    while rest := stream.readline(LONGEST_LINE):
        if rest.endswith(b"\n"):
            break
        passed += len(rest)
        if passed > LONGEST_PASSED:
            raise OSError(f"it has a line of more than {LONGEST_PASSED >> 20} MB")
    return line + b"\n"


def readable(name: str) -> str:
    """Return a name on one line, and with the bytes escaped that are not UTF-8."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text.replace("\n", "\\n").replace("\r", "\\r")


def list_files(path: Path) -> list[File]:
    """Return the files of a folder or zip, or the one file that `path` is, by name.

    Those of a folder `INNER` in it are among them.

    Raises
    ------
    SourceError
        `path` cannot be read.
    """
    try:
        if path.is_dir():
            folders = [path, *filter(Path.is_dir, map(path.joinpath, INNER))]
            found = [
                _plain(entry, "" if folder == path else INNER[folder.name])
                for folder in folders
                for entry in folder.iterdir()
                if entry.is_file()
            ]
        elif zipfile.is_zipfile(path):
            found = _members(path)
        else:
            found = [_plain(path)]
    except (OSError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{readable(str(path))} cannot be read: {reason}") from error
    names = Counter(file.name for file in found)
    twice = next((name for name, count in names.items() if count > 1), None)
    if twice is not None:
        raise SourceError(
            f"{readable(str(path))} holds two files {twice}: load one folder at a time"
        )
    return sorted((file for file in found if not file.name.startswith(".")), key=lambda f: f.name)


def _plain(path: Path, folder: str = "") -> File:
    with path.open("rb") as stream:
        packed = stream.read(2) == GZIP
    size = path.stat().st_size
    name = folder + readable(path.name)
    if packed:
        # A gzip file ends with the size of what it holds, modulo 2^32.
        with path.open("rb") as stream:
            stream.seek(-4, os.SEEK_END)
            tail = int.from_bytes(stream.read(4), "little")
        return File(
            name.removesuffix(".gz"),
            max(size, tail),
            lambda: cast(IO[bytes], gzip.open(path, "rb")),
        )
    return File(name, size, lambda: path.open("rb"))


def _members(path: Path) -> list[File]:
    """Return the files of a zip at its top, or in the folders there if it has none."""
    # It stays open as long as the files that it is read by: to open it anew reads its directory,
    # which may hold thousands of them. The collector may find a file before its archive.
    stream = path.open("rb")
    try:
        archive = zipfile.ZipFile(stream)
    except BaseException:
        stream.close()
        raise
    weakref.finalize(archive, stream.close)
    if SPREADSHEETS.intersection(archive.namelist()):
        stream.close()
        raise SourceError(f"{readable(path.name)} is a spreadsheet: save it as CSV and load that")
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]

    def name(member: zipfile.ZipInfo) -> str:
        parts = PurePosixPath(member.filename).parts
        return INNER.get(parts[-2], "") + parts[-1] if len(parts) > 1 else parts[-1]

    def depth(member: zipfile.ZipInfo) -> int:
        return len([part for part in PurePosixPath(member.filename).parts if part not in INNER])

    top = min(map(depth, members), default=0)

    def opener(member: zipfile.ZipInfo) -> IO[bytes]:
        stream = archive.open(member)
        packed = member.filename.endswith(".gz")
        # A zip's own stream reads long lines by a few kilobytes.
        return cast(IO[bytes], _Inner(stream) if packed else io.BufferedReader(stream, 1 << 16))

    return [
        File(
            readable(name(member)).removesuffix(".gz"),
            member.file_size,
            lambda member=member: opener(member),  # type: ignore[misc]
        )
        for member in members
        if depth(member) == top
    ]


class _Inner(gzip.GzipFile):
    """What is packed inside of a zip; closed, it closes what it reads from."""

    def __init__(self, packed: IO[bytes]) -> None:
        self.packed = packed
        super().__init__(fileobj=packed, mode="rb")

    def close(self) -> None:
        super().close()
        self.packed.close()
