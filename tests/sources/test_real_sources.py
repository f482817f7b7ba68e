"""The real data sets other than ml-latest-small, with counts that can be checked against their files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine

from tests.helpers.databases import open_database
from tests.helpers.loads import counts, everything, rows, run


def test_movietweetings(engine: Engine, data_folder: Path) -> None:
    report = run(engine, data_folder / "movietweetings")
    assert counts(report, "movies") == {"read": 12_611, "loaded": 12_611}
    assert counts(report, "ratings") == {"read": 141_695, "loaded": 141_695}
    lines = (data_folder / "movietweetings" / "ratings.dat").read_text().splitlines()
    stars = sorted(max(int(line.split("::")[2]) / 2, 0.5) for line in lines)
    assert [row[0] for row in rows(engine, "select rating from recsys.ratings order by 1")] == stars


def test_tmdb_5000(engine: Engine, data_folder: Path) -> None:
    report = run(engine, data_folder / "tmdb-5000")
    assert counts(report, "movies") == {"read": 4_803, "loaded": 4_803}
    held = """
        select (select count(*) from recsys.movie_texts where kind = 'overview'),
            (select count(*) from recsys.genres), (select count(*) from recsys.movie_genres),
            (select count(*) from recsys.movies where year is null)
    """
    assert rows(engine, held) == [(4_799, 20, 12_160, 1)]


@pytest.fixture
def movielens_engine(
    server_url: URL, movielens_loaded: str, copies: Callable[[str], str]
) -> Engine:
    """ml-latest-small, to write in."""
    return open_database(server_url, copies(movielens_loaded))


def test_overviews_and_plots_of_films_that_are_there(
    movielens_engine: Engine, data_folder: Path
) -> None:
    engine = movielens_engine
    report = run(engine, data_folder / "overviews")
    assert counts(report, "descriptions") == {"read": 9_742, "loaded": 9_003, "unchanged": 739}
    assert report.joined["imdb_id"] == 9_742
    report = run(engine, data_folder / "plots")
    found = counts(report, "descriptions")
    assert found["read"] == 844
    assert sum(report.joined.values()) + report.unjoined == 844
    assert found["loaded"] + found.get("duplicate", 0) == sum(report.joined.values()) > 600
    # TMDB 5000 joins by id alone: of the same title, but with another id, is another film.
    report = run(engine, data_folder / "tmdb-5000")
    assert report.joined["tmdb_id"] > 3_500
    assert report.joined["tmdb_id"] + report.unjoined == 4_803


def test_loading_again_changes_nothing(movielens_engine: Engine, data_folder: Path) -> None:
    engine, names = movielens_engine, ("ml-latest-small", "plots")
    run(engine, data_folder / "plots")
    before = everything(engine)
    again = [run(engine, data_folder / name).total for name in names]
    assert [(total.loaded, total.updated) for total in again] == [(0, 0)] * 2
    assert everything(engine) == before
