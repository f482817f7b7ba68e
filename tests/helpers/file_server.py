"""A file server of this process's own, which misbehaves as it is told."""

from __future__ import annotations

import io
import random
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def archive(seed: int = 0) -> bytes:
    """A zip of about 300 KB that does not compress."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("ml-1m/ratings.dat", random.Random(seed).randbytes(300_000))
    return buffer.getvalue()


class Site:
    """What the server has, how it misbehaves, and what it was asked."""

    def __init__(self) -> None:
        self.body = archive()
        self.headers = {"ETag": '"one"'}
        self.checksum: bytes | None = None
        self.cuts: list[int] = []  # bytes to send of each answer before the connection ends
        self.status: int | None = None
        self.takes_ranges = True
        self.sends_length = True
        self.requests: list[tuple[str, str | None]] = []  # path and Range
        self.url = ""


class Handler(BaseHTTPRequestHandler):
    def __init__(self, site: Site, *args: object) -> None:
        self.site = site
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        site, wanted = self.site, self.headers["Range"]
        site.requests.append((self.path, wanted))
        if site.status is not None:
            return self.answer(site.status, b"out of order", {})
        if self.path.endswith(".md5"):
            return self.answer(200 if site.checksum else 404, site.checksum or b"", {})
        start = 0
        same = self.headers["If-Range"] in site.headers.values()
        if wanted and site.takes_ranges and same:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(site.body):
                return self.answer(416, b"", {"Content-Range": f"bytes */{len(site.body)}"})
        place = f"bytes {start}-{len(site.body) - 1}/{len(site.body)}"
        headers = site.headers | ({"Content-Range": place} if start else {})
        cut = site.cuts.pop(0) if site.cuts else None
        return self.answer(206 if start else 200, site.body[start:], headers, cut)

    def answer(
        self, status: int, body: bytes, headers: dict[str, str], cut: int | None = None
    ) -> None:
        self.send_response(status)
        if self.site.sends_length:
            self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:cut])

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serve(site: Site) -> Iterator[Site]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, site)) as server:
        site.url = f"http://127.0.0.1:{server.server_port}/movielens"
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        yield site
        server.shutdown()
        thread.join()
