"""Downloads against a server of this process's own; nothing here reaches the network."""

from __future__ import annotations

import errno
import hashlib
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from recsys.errors import SourceError
from recsys.settings import DEFAULT_MIRROR, Downloads
from recsys.sources.download import transfer
from recsys.sources.download.sets import TERMS, fetch
from tests.helpers.children import child
from tests.helpers.file_server import Site, archive, serve


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(transfer, "PAUSE_S", 0.0)
    with serve(Site()) as found:
        yield found


@pytest.fixture
def get(site: Site, tmp_path: Path) -> Callable[..., Path]:
    return partial(fetch, "ml-1m", mirror=site.url, cache=tmp_path / "cache")


@pytest.fixture
def refused(get: Callable[..., Path]) -> Callable[[str], None]:
    """Expect a refusal in one line that says what to do."""

    def check(pattern: str) -> None:
        with pytest.raises(SourceError, match=pattern) as error:
            get()
        assert "\n" not in str(error.value)
        assert re.search("by hand from http://.*/ml-1m.zip and give its path$", str(error.value))

    return check


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "cache").iterdir())


def leave_a_part(site: Site, refused: Callable[[str], None], length: int) -> None:
    """Cut the connection after `length` bytes, and at once at every further try of this call."""
    site.cuts = [length, 0]
    refused(f"cut after {length:,} of {len(site.body):,} bytes")


def test_downloads_once(site: Site, get: Callable[..., Path], tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    found = get(progress=lambda what, done, of: told.append((done, of)))
    assert found == tmp_path / "cache" / "ml-1m.zip"
    assert found.read_bytes() == site.body
    assert files(tmp_path) == ["ml-1m.zip"]
    assert told[0] == (0, len(site.body))
    assert told[-1] == (len(site.body), len(site.body))
    assert told == sorted(told)
    site.status = 500
    site.requests.clear()
    assert get() == found  # no network at all
    assert site.requests == []


@pytest.mark.parametrize("form", ["MD5 (ml-1m.zip) = {}\n", "{}  ml-1m.zip\n", "{}", "  {}\r\n"])
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_checksum(
    site: Site, get: Callable[..., Path], form: str, case: Callable[[str], str]
) -> None:
    site.checksum = form.format(case(hashlib.md5(site.body).hexdigest())).encode()
    assert get().read_bytes() == site.body


def test_checksum_that_does_not_match(
    site: Site, get: Callable[..., Path], refused: Callable[[str], None], tmp_path: Path
) -> None:
    site.checksum = b"MD5 (ml-1m.zip) = " + b"0" * 32
    refused("ml-1m cannot be downloaded: .* not match its published checksum.*deleted")
    assert files(tmp_path) == []
    site.checksum = b"<html>Please log in</html>"
    refused("ml-1m.zip.md5 is no checksum")


def test_a_cut_connection_is_continued_at_once(site: Site, get: Callable[..., Path]) -> None:
    site.cuts = [100_000, 50_000]
    assert get().read_bytes() == site.body
    assert [wanted for _, wanted in site.requests] == [None, None, "bytes=100000-", "bytes=150000-"]


@pytest.mark.parametrize(
    "headers", [{"ETag": '"one"'}, {"Last-Modified": "Wed, 01 Jan 2020 00:00:00 GMT"}]
)
def test_a_later_call_continues(
    site: Site, get: Callable[..., Path], refused: Callable[[str], None], headers: dict[str, str]
) -> None:
    site.headers = headers
    leave_a_part(site, refused, 100_000)
    site.requests.clear()
    told: list[tuple[int, int | None]] = []
    found = get(progress=lambda what, done, of: told.append((done, of)))
    assert found.read_bytes() == site.body
    assert site.requests[-1][1] == "bytes=100000-"
    assert told[0] == (100_000, len(site.body))


def changed(site: Site) -> None:
    site.body, site.headers = archive(1), {"ETag": '"two"'}


def no_ranges(site: Site) -> None:
    site.takes_ranges = False


def out_of_range(site: Site) -> None:
    site.body = archive()[:90_000]  # shorter, with the same tag
    site.checksum = hashlib.md5(site.body).hexdigest().encode()


@pytest.mark.parametrize("happens", [changed, no_ranges, out_of_range])
def test_starts_anew(
    site: Site,
    get: Callable[..., Path],
    refused: Callable[[str], None],
    tmp_path: Path,
    happens: Callable[[Site], None],
) -> None:
    leave_a_part(site, refused, 100_000)
    happens(site)
    site.requests.clear()
    assert get().read_bytes() == site.body
    assert site.requests[1][1] == "bytes=100000-"
    assert files(tmp_path) == ["ml-1m.zip"]


def test_never_continues_what_may_be_another_file(
    site: Site, get: Callable[..., Path], refused: Callable[[str], None]
) -> None:
    site.headers = {"ETag": 'W/"weak"'}
    site.cuts = [100_000, 50_000]
    refused("cut after 50,000 of")
    assert get().read_bytes() == site.body
    assert all(wanted is None for _, wanted in site.requests)


def test_never_continues_from_another_mirror(
    site: Site, get: Callable[..., Path], refused: Callable[[str], None]
) -> None:
    leave_a_part(site, refused, 100_000)
    site.requests.clear()
    assert get(mirror=f"{site.url}/other/").read_bytes() == site.body
    assert site.requests[-1] == ("/movielens/other/ml-1m.zip", None)


def test_unknown_length(
    site: Site, get: Callable[..., Path], refused: Callable[[str], None], tmp_path: Path
) -> None:
    site.sends_length, site.cuts = False, [200_000]
    refused("a damaged zip file")
    assert files(tmp_path) == []
    told: list[int | None] = []
    assert get(progress=lambda what, done, of: told.append(of)).read_bytes() == site.body
    assert set(told) == {None}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>Please log in</html>", "is no zip file"),
        (b"", "is no zip file"),
        (archive()[:-100], "a damaged zip file"),
        (archive().replace(archive()[1000:1010], b"x" * 10), "a damaged zip file"),
    ],
    # Without names the bytes would be in them, and a zip's have the time that it was made.
    ids=["a page", "nothing", "cut off", "changed"],
)
def test_what_is_no_zip(
    site: Site, refused: Callable[[str], None], tmp_path: Path, body: bytes, message: str
) -> None:
    site.body = body
    refused(message)
    assert files(tmp_path) == []


@pytest.mark.parametrize("status", [204, 404, 500, 503])
def test_server_errors(
    site: Site, refused: Callable[[str], None], tmp_path: Path, status: int
) -> None:
    site.status = status
    refused("is no checksum" if status == 204 else f"the server answers {status} ")
    assert files(tmp_path) == []


def test_a_server_that_does_not_answer(
    refused: Callable[[str], None], get: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mirror = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(SourceError, match=r"127.0.0.1 does not answer within 0.1 s; try again"):
            get(mirror=mirror)


def test_no_network(site: Site, get: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    mirror = f"http://127.0.0.1:{port}"
    with pytest.raises(SourceError) as error:
        get(mirror=mirror)
    assert str(error.value) == (
        "ml-1m cannot be downloaded: 127.0.0.1: Connection refused; "
        f"try again, or download it by hand from {mirror}/ml-1m.zip and give its path"
    )

    def unknown(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(SourceError, match=r"the name movies\.invalid cannot be resolved"):
        get(mirror="https://movies.invalid/")


@pytest.mark.parametrize(
    "mirror", ["file:///tmp", "movielens", "http://", "http://[", "http://a:b"]
)
def test_mirrors_that_are_none(get: Callable[..., Path], mirror: str) -> None:
    with pytest.raises(SourceError, match="RECSYS_MIRROR must be"):
        get(mirror=mirror)


def test_an_address_with_a_space(get: Callable[..., Path]) -> None:
    with pytest.raises(SourceError, match="ml-1m cannot be downloaded"):
        get(mirror="http://127.0.0.1/a folder")


def test_disk_full(
    site: Site, get: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(transfer, "_write", full)
        with pytest.raises(SourceError, match="No space left on device; set RECSYS_CACHE to"):
            get()
    assert files(tmp_path) == []
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match="ml-1m cannot be kept in"):
        get(cache=tmp_path / "file" / "cache")


def test_two_at_once_download_once(site: Site, get: Callable[..., Path], tmp_path: Path) -> None:
    code = "import sys, recsys.sources.download.sets as d; print(d.fetch('ml-1m', *sys.argv[1:]))"
    command = (sys.executable, "-c", code, site.url, str(tmp_path / "cache"))
    with ExitStack() as stack:
        processes = [stack.enter_context(child(*command)) for _ in range(3)]
        answers = {process.communicate()[0].strip() for process in processes}
    assert answers == {str(tmp_path / "cache" / "ml-1m.zip")}
    assert sum(path.endswith(".zip") for path, _ in site.requests) == 1
    assert files(tmp_path) == ["ml-1m.zip"]


def test_waiting_for_another_that_fails(site: Site, get: Callable[..., Path]) -> None:
    results: list[Path | Exception] = []

    def call() -> None:
        try:
            results.append(get())
        except SourceError as error:
            results.append(error)

    site.body = b"<html>"
    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all("no zip file" in str(result) for result in results)


def test_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RECSYS_MIRROR", raising=False)
    monkeypatch.delenv("RECSYS_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    chosen = Downloads.from_environment()
    assert chosen.mirror == DEFAULT_MIRROR
    assert chosen.cache.name == "downloads"
    assert chosen.cache.is_relative_to(tmp_path)
    monkeypatch.setenv("RECSYS_MIRROR", "http://mirror")
    monkeypatch.setenv("RECSYS_CACHE", "~/zips")
    assert Downloads.from_environment() == Downloads("http://mirror", tmp_path / "zips")
    given = Downloads.from_environment("http://other", tmp_path)
    assert given == Downloads("http://other", tmp_path)


def test_names_and_terms() -> None:
    with pytest.raises(SourceError, match="no data set 'ml-2m': the names are ml-latest-small, "):
        fetch("ml-2m")
    for name, terms in TERMS.items():
        assert f"/{name}-README." in terms
        assert "commercial" in terms
