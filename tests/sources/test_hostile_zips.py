"""Zips that point elsewhere, hold each other or swell: read as files, or refused in one line."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import Engine

from recsys.errors import SourceError
from recsys.loading.load import load
from recsys.sources import open_source
from tests.helpers import forked
from tests.helpers.bombs import load_bomb, pack
from tests.helpers.servers import url_of

FILMS = "movieId,title,genres\n1,Heat (1995),Crime\n"
RATINGS = "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n"


def loaded(engine: Engine, path: Path) -> int:
    load(engine, open_source(str(path)))
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("select count(*) from recsys.ratings").scalar_one())


@pytest.mark.parametrize("folder", ["../../", "/etc/recsys/", "a/../../"])
def test_nothing_is_written_where_a_zip_says(engine: Engine, tmp_path: Path, folder: str) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    with zipfile.ZipFile(inner / "set.zip", "w") as archive:
        archive.writestr(f"{folder}movies.csv", FILMS)
        archive.writestr(f"{folder}ratings.csv", RATINGS)
    assert loaded(engine, inner / "set.zip") == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [inner / "set.zip"]
    assert not Path("/etc/recsys").exists()


def test_a_link_in_a_zip_is_not_followed(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text(RATINGS)
    link = zipfile.ZipInfo("ratings.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("movies.csv", FILMS)
        archive.writestr(link, str(tmp_path / "secret.csv"))
    with pytest.raises(SourceError) as caught:
        loaded(engine, tmp_path / "set.zip")
    assert len(str(caught.value).splitlines()) == 1


def test_a_zip_in_a_zip_is_refused(engine: Engine, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("movies.csv", FILMS)
        archive.writestr("ratings.csv", RATINGS)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("inner.zip", packed.getvalue())
    with pytest.raises(SourceError) as caught:
        loaded(engine, tmp_path / "set.zip")
    assert len(str(caught.value).splitlines()) == 1


def test_millions_of_empty_lines_are_passed_over(engine: Engine, tmp_path: Path) -> None:
    empty = 1 << 20
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("movies.csv", FILMS)
        archive.writestr("ratings.csv", RATINGS + "\r\n" * empty + "1,1,six,1\n")
    report = load(engine, open_source(str(tmp_path / "set.zip")), max_rejects=0.9)
    assert (report.total.loaded, report.total.rejected) == (2, 1)
    with engine.connect() as connection:
        rejects = connection.exec_driver_sql("select line from recsys.load_rejects").scalars()
        assert rejects.all() == [empty + 3]


GIGABYTE = 1 << 30
HEADINGS = b"movieId,title,genres\n"
# What a file begins with, what it repeats, for how long, and why it is refused.
BOMBS: dict[str, tuple[bytes, bytes, float, str]] = {
    "ratings.csv, zeros": (RATINGS.encode(), b"\0", 10, "a line of more than 256 MB"),
    "movies.csv, zeros": (HEADINGS, b"\0", 10, "a line of more than 256 MB"),
    "ratings.csv, blanks": (RATINGS.encode(), b"   \n", 10, "more than 1,000,000: nothing"),
    "movies.csv, an open quote": (HEADINGS + b'1,"', b"   \n", 1, "more than 1,000,000: nothing"),
    "movies.csv, long titles": (HEADINGS, b"1," + b"a" * 900_000 + b",\n", 0.5, "longer than"),
    "ratings.json, an array": (b"[", b" ", 10, "more than 256 MB"),
    "ratings.jsonl, a line": (
        b'{"userId": 1, "movieId": 1, "rating": 4}\n',
        b"\0",
        10,
        "a line of",
    ),
}

SLOW = BOMBS.keys() - {"movies.csv, zeros", "ratings.jsonl, a line"}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize(
    "what",
    [pytest.param(what, marks=[pytest.mark.slow] if what in SLOW else []) for what in BOMBS],
)
def test_ten_gigabytes_in_ten_megabytes(engine: Engine, tmp_path: Path, what: str) -> None:
    path, written = tmp_path / "set.zip", tmp_path / "written"
    name = what.partition(",")[0]
    head, repeated, gigabytes, why = BOMBS[what]
    block = repeated * max(1, (1 << 20) // len(repeated))
    others = {"movies.csv": FILMS} if name == "ratings.csv" else {}
    pack(path, others, name, head, block, int(gigabytes * GIGABYTE) // len(block))
    assert path.stat().st_size < 45 << 20
    process = forked.start(load_bomb, url_of(engine), str(path), str(written))
    process.join(240)
    ended = process.exitcode
    process.kill()
    assert ended == 0
    grown, _, end = written.read_text().partition(" ")
    assert why in end
    assert len(end.splitlines()) == 1
    assert int(grown) < 1000
