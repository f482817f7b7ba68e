"""`recsys load` on the command line: known names, sizes, and what is said apart from the counts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recsys.settings import Settings
from tests.helpers.commands import fails, recsys
from tests.helpers.file_server import Site, serve
from tests.helpers.loads import MOVIES_CSV, RATINGS_CSV


@pytest.fixture
def name(settings: Settings, template: str, copies: Callable[[str], str]) -> str:
    """Name of an empty database with the schema."""
    return copies(template)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    with serve(Site()) as found:
        monkeypatch.setenv("RECSYS_MIRROR", found.url)
        monkeypatch.setenv("RECSYS_CACHE", str(tmp_path))
        monkeypatch.setenv("no_proxy", "*")
        yield found


def test_a_known_name_is_downloaded_once_and_its_terms_are_shown(name: str, site: Site) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("ml-32m/movies.csv", MOVIES_CSV)
        archive.writestr("ml-32m/ratings.csv", RATINGS_CSV)
        archive.writestr("ml-32m/README.txt", "about")
    site.body = packed.getvalue()
    first = recsys("--database", name, "load", "ml-32m")
    again = recsys("--database", name, "load", "ml-32m")
    assert "not for commercial" in first.stderr
    assert [path for path, _ in site.requests].count("/movielens/ml-32m.zip") == 1
    assert "ratings" in first.stdout
    assert "unchanged" in again.stdout


def test_no_network_is_one_line(name: str, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_MIRROR", "http://127.0.0.1:9")
    done = recsys("--database", name, "load", "ml-1m", status=1)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("recsys: ")]
    assert "ml-1m cannot be downloaded" in line
    assert "by hand" in line


def test_synthetic_sizes(name: str) -> None:
    sizes = ("--users", "20", "--movies", "30", "--ratings", "200", "--seed", "1")
    done = recsys("--database", name, "load", "synthetic", *sizes)
    assert "200" in done.stdout
    assert "simulated" in done.stderr
    recsys("--database", name, "load", "sample", "--users", "3", status=2)
    clash = fails("--database", name, "load", "sample")
    assert "--replace" in clash
    recsys("--database", name, "load", "sample", "--replace")


def test_what_was_not_read_or_not_taken_is_said(name: str, tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text(RATINGS_CSV + "1,3,9,1\n")
    (tmp_path / "genome-tags.csv").write_text("tagId,tag\n1,007\n")
    done = recsys("--database", name, "load", str(tmp_path), "--max-rejects", "0.5")
    assert "Not read: genome-tags.csv" in done.stderr
    assert "2 were entered under their ids" in done.stderr
    assert "recsys.load_rejects where run_id = 1" in done.stderr


def test_texts_that_came_are_not_yet_learned(name: str) -> None:
    on = ("--database", name)
    assert "learns the texts for `recsys search`" in recsys(*on, "load", "sample").stderr
    recsys(*on, "text", "embed")
    assert "learns the texts" not in recsys(*on, "load", "sample").stderr


def test_a_dry_run_shows_what_is_understood(name: str, tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("who,item,Overall Rating,Comment\n" + "1,2,80,good\n3,4,60,\n" * 6)
    options = ("--column", "user_id=who", "--column", "rating=Overall Rating", "--dry-run")
    done = recsys("--database", name, "load", str(path), *options)
    assert "Format: ratings." in done.stderr
    assert "who -> user_id, item -> movie_id, Overall Rating -> rating" in done.stderr
    assert "votes.csv: columns not read: Comment." in done.stderr
    assert "ratings up to 100: read as a twentieth as many stars" in done.stderr
    assert "Nothing was loaded" in done.stderr
    assert "4.0" in done.stdout
    assert "no film" in fails("--database", name, "similar", "4")


def test_what_has_no_film_is_written(name: str, tmp_path: Path) -> None:
    (tmp_path / "movies.csv").write_text(MOVIES_CSV)
    recsys("--database", name, "load", str(tmp_path))
    path, unmatched = tmp_path / "mine.csv", tmp_path / "unmatched.csv"
    path.write_text("Name,Year,Letterboxd URI,Rating\nHeat,1995,x,4\nHeta,1885,y,3\n")
    options = ("--user", "7", "--unmatched", str(unmatched))
    done = recsys("--database", name, "load", str(path), *options)
    assert "unmatched.csv: 1 without a film here" in done.stderr.replace("\n", "")
    assert unmatched.read_text().splitlines()[1] == ",Heta,1885,7,rated,3.0,,,,2 Heat (1995)"


def test_ids_that_are_no_numbers_are_shown_and_taken(name: str, tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("user,item,rating\nanna,heat,4\nbert,heat,5\nbert,ronin,5\n")
    recsys("--database", name, "load", str(path))
    done = recsys("--database", name, "recommend", "anna", "--output", "csv")
    heading, row, *_ = done.stdout.splitlines()
    assert heading.startswith("rank,movie_id,movie_key,title")
    assert row.startswith("1,2,ronin,ronin")
    assert "no user 'cleo'" in recsys("--database", name, "recommend", "cleo", status=2).stderr


@pytest.mark.parametrize(
    ("option", "status", "says"),
    [
        (("--column", "rating"), 2, "NAME=HEADING"),
        (("--scale", "ten"), 1, "no scale of ratings"),
        (("--dates", "iso"), 2, "day-first"),
        (("--user", "-1"), 2, "greater than or equal to 0"),
    ],
)
def test_wrong_options_are_answered(
    name: str, option: tuple[str, str], status: int, says: str
) -> None:
    assert says in recsys("--database", name, "load", "sample", *option, status=status).stderr
