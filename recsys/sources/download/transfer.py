"""One file over HTTP: streamed to disk, and continued where an earlier try was cut off."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from io import FileIO
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, build_opener

from recsys.progress import Progress

TIMEOUT_S = 30  # to connect, and between two packets
PAUSE_S = 1.0
BLOCK = 1 << 16
OK, PARTIAL, OUT_OF_RANGE = 200, 206, 416


class TransferError(Exception):
    """A file could not be downloaded; the text says why.

    Attributes
    ----------
    status
        What the server answered, None if it did not.
    """

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(" ".join(text.split()))
        self.status = status


class CutError(TransferError):
    """The connection ended before the file did."""


def small_text(url: str) -> str:
    """Return the text of a small file."""
    with _ask(url) as response, _network(url):
        return response.read(4096).decode("utf-8", errors="replace")


def receive(url: str, part: FileIO, note: Path, progress: Progress) -> None:
    """Complete the part, from where it ends if the file is still the same.

    Parameters
    ----------
    part
        The file as far as it has come.
    note
        A file that remembers the address and the version of which it is a part.
    progress
        Told the bytes that are there, and the bytes in all; None where the server does not say.

    Raises
    ------
    TransferError
        The server does not give it, or two tries in a row brought nothing new. The part is kept.
    OSError
        It cannot be written.
    """
    while True:
        before = _size(part)
        try:
            return _receive_once(url, part, note, progress)
        except CutError:
            if _size(part) <= before:
                raise
            time.sleep(PAUSE_S)


def _receive_once(url: str, part: FileIO, note: Path, progress: Progress) -> None:
    done = _size(part)
    version = _remembered(note, url)
    with _continued(url, done, version) as response:
        if response.status == OK:
            done = 0
            part.truncate(0)
            _remember(note, url, response)
        part.seek(done)
        left = response.headers.get("Content-Length", "")
        total = done + int(left) if left.isdigit() else None
        progress("downloading", done, total)
        while True:
            with _network(url):
                block = response.read(BLOCK)
            if not block:
                break
            _write(part, block)
            done += len(block)
            progress("downloading", done, total)
    if total is not None and done < total:
        raise CutError(f"the connection was cut after {done:,} of {total:,} bytes")


def _continued(url: str, done: int, version: str | None) -> HTTPResponse:
    """Return the answer with the rest, or with the whole where the server gives no rest."""
    if done and version:
        try:
            response = _ask(url, {"Range": f"bytes={done}-", "If-Range": version})
        except TransferError as error:
            if error.status != OUT_OF_RANGE:
                raise
        else:
            place = response.headers.get("Content-Range", "")
            if response.status == OK or place.startswith(f"bytes {done}-"):
                return response
            response.close()  # another range than asked for
    response = _ask(url)
    if response.status != OK:
        response.close()
        raise TransferError(f"the server answers {response.status} {response.reason}")
    return response


def _ask(url: str, headers: dict[str, str] | None = None) -> HTTPResponse:
    with _network(url):
        request = Request(url, headers={"User-Agent": "recsys", **(headers or {})})
        # A new opener each time: the shared one keeps the proxies of its first use.
        response: HTTPResponse = build_opener().open(request, timeout=TIMEOUT_S)
    return response


@contextmanager
def _network(url: str) -> Iterator[None]:
    """Turn errors of the network and the server into a `TransferError`."""
    try:
        yield
    except HTTPError as error:
        error.close()
        text = f"the server answers {error.code} {error.reason}"
        raise TransferError(text, error.code) from error
    except URLError as error:  # before the answer began
        raise TransferError(_why(error.reason, url)) from error
    except (OSError, HTTPException, ValueError) as error:
        raise CutError(_why(error, url)) from error


def _why(reason: BaseException | str, url: str) -> str:
    host = urlsplit(url).hostname
    if isinstance(reason, socket.gaierror):
        return f"the name {host} cannot be resolved (is there a network?)"
    if isinstance(reason, TimeoutError):
        return f"{host} does not answer within {TIMEOUT_S} s"
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"the certificate of {host} is not valid: {reason.verify_message}"
    if isinstance(reason, OSError) and reason.strerror:
        return f"{host}: {reason.strerror}"
    return f"{host}: {str(reason) or type(reason).__name__}"


def _remember(note: Path, url: str, response: HTTPResponse) -> None:
    """Note the version. A weak ETag does not promise equal bytes, so it does not count."""
    version = response.headers.get("ETag", "")
    if not version.startswith('"'):
        version = response.headers.get("Last-Modified", "")
    note.write_text(f"{url}\n{version}", encoding="utf-8")


def _remembered(note: Path, url: str) -> str | None:
    try:
        address, _, version = note.read_text(encoding="utf-8").partition("\n")
    except FileNotFoundError:
        return None
    return version if address == url and version else None


def _write(part: FileIO, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[part.write(view) :]


def _size(part: FileIO) -> int:
    return os.fstat(part.fileno()).st_size
