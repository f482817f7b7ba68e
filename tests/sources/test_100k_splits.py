"""The splits of MovieLens 100k: parts of u.data, one of which is read where u.data is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from recsys.errors import SourceError
from recsys.sources import open_source
from recsys.sources.file_source import FileSource
from tests.helpers.loads import MOVIES_CSV, RATINGS_QUERY, rows, run, write

FLAGS = "|0" * 19
ITEM = f"1|Heat (1995)|01-Jan-1995||{FLAGS}\n2|Fargo (1996)|01-Jan-1996||{FLAGS}\n"
BASE = "1\t1\t4\t881250951\r\n2\t1\t3\t881250949\r\n"
TEST = "1\t2\t5\t881250950\n"


def unread(path: Path) -> list[str]:
    source = open_source(str(path))
    assert isinstance(source, FileSource)
    return source.unread


def test_one_split_alone(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, {"u1.base": BASE + "1\tx\t5\t1\n", "u1.test": TEST})
    report = run(engine, tmp_path / "u1.base", max_rejects=0.5)
    assert (report.format, report.invented) == ("movielens-100k", 1)
    assert rows(engine, RATINGS_QUERY) == [(1, 1, 4.0, 881250951), (2, 1, 3.0, 881250949)]
    assert rows(engine, "select line, reason, raw from recsys.load_rejects") == [
        (3, "movieId is not a whole number", "1\tx\t5\t1")
    ]
    # The films' numbers are those of u.item.
    assert run(engine, write(tmp_path, {"u.item": ITEM}) / "u.item").total.read == 2
    assert run(engine, tmp_path / "u1.test").total.loaded == 1
    assert run(engine, tmp_path / "u1.test").total.unchanged == 1


def test_a_folder_without_all_ratings_gives_its_first_split(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, {"u.item": ITEM, "u1.test": TEST, "u1.base": BASE, "ua.base": BASE + TEST})
    assert unread(tmp_path) == ["u1.test", "ua.base"]
    run(engine, tmp_path)
    assert [row[:2] for row in rows(engine, RATINGS_QUERY)] == [(1, 1), (2, 1)]
    write(tmp_path, {"u.data": BASE + TEST})
    assert unread(tmp_path) == ["u1.base", "u1.test", "ua.base"]
    assert run(engine, tmp_path).total.loaded == 1


def test_a_split_never_rates_films_of_other_numbers(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, {"movies.csv": MOVIES_CSV, "ub.test": TEST})
    run(engine, tmp_path / "movies.csv")
    with pytest.raises(SourceError, match="numbers its films otherwise"):
        run(engine, tmp_path / "ub.test")
    assert rows(engine, "select count(*) from recsys.ratings") == [(0,)]
