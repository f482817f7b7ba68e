"""Public data sets by name: MovieLens archives from GroupLens, fetched once into a cache.

A download is written to ``NAME.zip.part``, continued where it was cut, compared with the published
checksum, and moved into place whole. A lock on the part keeps two processes apart.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from urllib.parse import urlsplit

from recsys.errors import SourceError
from recsys.progress import Progress, silent
from recsys.settings import Downloads
from recsys.sources.download.transfer import TransferError, receive, small_text

_CORE = (
    "For research; not for commercial or revenue-bearing use without GroupLens' permission. "
    "Publications must acknowledge the data set, and nobody may suggest that GroupLens or the "
    "University of Minnesota endorses them."
)
_PAPERS = " GroupLens must get a copy of each publication."
_NO_COPIES = " Passing copies on needs separate permission."
_COPIES = " Copies, changed or not, may be passed on under the same conditions."
_README = " Terms in full: https://files.grouplens.org/datasets/movielens/{}"

# The terms of use of each set, in our words, from its README.
TERMS: dict[str, str] = {
    "ml-latest-small": _CORE + _COPIES + _README.format("ml-latest-small-README.html"),
    "ml-latest": _CORE + _COPIES + _README.format("ml-latest-README.html"),
    "ml-100k": _CORE + _NO_COPIES + _README.format("ml-100k-README.txt"),
    "ml-1m": _CORE + _NO_COPIES + _README.format("ml-1m-README.txt"),
    "ml-10m": _CORE + _PAPERS + _NO_COPIES + _README.format("ml-10m-README.html"),
    "ml-20m": _CORE + _NO_COPIES + _README.format("ml-20m-README.html"),
    "ml-25m": _CORE + _NO_COPIES + _README.format("ml-25m-README.html"),
    "ml-32m": _CORE + _COPIES + _README.format("ml-32m-README.html"),
}

# What servers answer about a file that they do not have; file stores say 403.
ABSENT = (403, 404, 410)
CHECKSUM = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")


def fetch(
    name: str,
    mirror: str | None = None,
    cache: Path | None = None,
    progress: Progress = silent,
) -> Path:
    """Return the archive of a data set, downloaded first if the cache does not have it.

    Parameters
    ----------
    name
        One of `TERMS`.
    mirror
        Address of the folder that holds ``NAME.zip``; None for ``RECSYS_MIRROR``, or GroupLens.
    cache
        Folder to keep it in; None for ``RECSYS_CACHE``, or the user's cache folder.
    progress
        Told the bytes that are there, and the bytes in all; None where the server does not say.

    Raises
    ------
    SourceError
        The name is unknown, the archive cannot be downloaded or kept, or what came is no archive.
    """
    if name not in TERMS:
        raise SourceError(f"there is no data set {name!r}: the names are {', '.join(TERMS)}")
    chosen = Downloads.from_environment(mirror, cache)
    archive = chosen.cache / f"{name}.zip"
    if archive.exists():
        return archive
    if not _is_web_address(chosen.mirror):
        raise SourceError(
            f"{name} cannot be downloaded from {chosen.mirror!r}: "
            "RECSYS_MIRROR must be the https:// or http:// address of a folder"
        )
    url = f"{chosen.mirror.rstrip('/')}/{archive.name}"
    try:
        chosen.cache.mkdir(parents=True, exist_ok=True)
        path = archive.with_name(f"{archive.name}.part")
        with _locked(path) as part:
            if not archive.exists():  # else another process has been faster
                _download(url, part, path, progress)
                path.replace(archive)
    except TransferError as error:
        raise SourceError(
            f"{name} cannot be downloaded: {error}; "
            f"try again, or download it by hand from {url} and give its path"
        ) from error
    except OSError as error:
        raise SourceError(
            f"{name} cannot be kept in {chosen.cache}: {error.strerror or error}; "
            "set RECSYS_CACHE to a folder that has room and may be written"
        ) from error
    return archive


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _download(url: str, part: FileIO, path: Path, progress: Progress) -> None:
    """Complete the part and check it; a part that fails the check is deleted."""
    published = _published_checksum(url)  # first: it may fail, and the part takes long
    receive(url, part, _note(path), progress)
    _note(path).unlink(missing_ok=True)
    wrong = _fault(part, published)
    if wrong:
        path.unlink()
        raise TransferError(f"{wrong}, so it was deleted")
    os.fsync(part.fileno())  # a power cut must not leave an empty archive behind


def _published_checksum(url: str) -> str | None:
    """Read ``MD5 (ml-20m.zip) = hex``, ``hex  ml-20m.zip`` or ``hex``; None if there is none."""
    try:
        text = small_text(f"{url}.md5")
    except TransferError as error:
        if error.status in ABSENT:
            return None
        raise
    found = CHECKSUM.search(text.lower())
    if found is None:
        raise TransferError(f"what came from {url}.md5 is no checksum (a login page, perhaps)")
    return found[0]


def _fault(part: FileIO, published: str | None) -> str | None:
    """Return what is wrong with the file, None if nothing is."""
    part.seek(0)
    if part.read(2) != b"PK":
        return "what came is no zip file (a login page, perhaps)"
    part.seek(0)
    if published is None:  # the checksums inside must do
        return None if _is_whole_zip(part) else "what came is a damaged zip file"
    # MD5, as GroupLens publishes it: it finds accidents, not forgeries.
    found = hashlib.file_digest(part, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return None if found == published else "what came does not match its published checksum"


def _is_whole_zip(part: FileIO) -> bool:
    try:
        with zipfile.ZipFile(part) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        return False


@contextmanager
def _locked(path: Path) -> Iterator[FileIO]:
    """Open the part for reading and writing, made first if need be, for this process alone."""
    while True:
        with FileIO(path, "r+", opener=_create) as part:
            fcntl.flock(part, fcntl.LOCK_EX)
            # The process that had the lock may have deleted the part or moved it into place.
            if not _stands_at(part, path):
                continue
            try:
                yield part
            finally:
                if os.fstat(part.fileno()).st_size == 0 and _stands_at(part, path):
                    path.unlink()
                    _note(path).unlink(missing_ok=True)
            return


def _note(path: Path) -> Path:
    """Return the path of the file that remembers which download the part belongs to."""
    return path.with_name(f"{path.name}.from")


def _create(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o666)


def _stands_at(part: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(part.fileno()), path.stat())
    except FileNotFoundError:
        return False
