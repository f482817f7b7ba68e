"""What people take home from other sites: it joins, is kept, and what does not join is listed."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import Engine

from recsys.cli.load import write_unmatched
from recsys.errors import SourceError
from recsys.sources import open_source
from recsys.sources.scales import TENTHS
from recsys.sources.tables import Reading
from tests.helpers.loads import RATINGS_QUERY, rows, run, write

MINE = Reading(user_id=42)
FEEDBACK = (
    "select movie_id, kind, at::date::text from recsys.feedback where user_id = 42 order by 1, 2"
)
STARS = """
    select movie_id, rating, rated_at::date::text from recsys.ratings where user_id = 42 order by 1
"""
FILMS = """movieId,title,genres
1,Toy Story (1995),Comedy
2,Heat (1995),Action
3,"Godfather, The (1972)",Crime
4,Amélie (2001),Comedy
5,Fast & Furious (2009),Action
6,Saw II (2005),Horror
7,Saw III (2006),Horror
8,Twin (2011),Drama
9,Twin (2011),Comedy
10,Lady Bird (2017),Comedy
11,Eternal Sunshine of the Spotless Mind (2004),Drama
12,"Wages of Fear, The (Salaire de la peur, Le) (1953)",Thriller
13,Ring (1998),Horror
14,"Ring, The (2002)",Horror
"""
LINKS = "movieId,imdbId,tmdbId\n1,0114709,862\n2,0113277,949\n3,0068646,238\n"


@pytest.fixture
def films(engine: Engine, tmp_path: Path) -> Engine:
    folder = tmp_path / "films"
    folder.mkdir()
    run(engine, write(folder, {"movies.csv": FILMS, "links.csv": LINKS}))
    return engine


def test_letterboxd_as_a_folder_and_as_a_zip(films: Engine, tmp_path: Path) -> None:
    files = {
        "ratings.csv": "Date,Name,Year,Letterboxd URI,Rating\n"
        "2023-09-02,Heat,1995,https://boxd.it/a,4.5\n"
        "2023-09-03,The Godfather,1972,https://boxd.it/b,5\n"
        '2023-09-05,"Red, White & Blue",2023,https://boxd.it/c,2\n',
        "watched.csv": "Date,Name,Year,Letterboxd URI\n"
        "2023-09-02,Heat,1995,https://boxd.it/a\n"
        "2023-09-06,Fast and Furious,2009,https://boxd.it/d\n",
        "watchlist.csv": "Date,Name,Year,Letterboxd URI\n2023-09-07,Amelie,2001,https://boxd.it/e\n",
        "diary.csv": "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n"
        "2023-09-08,Toy Story,1995,https://boxd.it/f,3,,,2020-01-01\n",
        "profile.csv": "Date Joined,Username\n2020-01-01,me\n",
    }
    folder = tmp_path / "letterboxd"
    folder.mkdir()
    (folder / "likes").mkdir()
    write(folder, files)  # type: ignore[arg-type]
    (folder / "likes" / "films.csv").write_text(
        "Date,Name,Year,Letterboxd URI\n2023-09-09,Lady Bird,2018,https://boxd.it/g\n"
    )
    with pytest.raises(SourceError, match=r"as Letterboxd gives it.*--user"):
        run(films, folder)
    report = run(films, folder, reading=MINE)
    assert report.format == "letterboxd"
    assert rows(films, STARS) == [
        (1, 3.0, "2020-01-01"),
        (2, 4.5, "2023-09-02"),
        (3, 5.0, "2023-09-03"),
    ]
    assert rows(films, FEEDBACK) == [
        (2, "seen", "2023-09-02"),
        (4, "watchlist", "2023-09-07"),
        (5, "seen", "2023-09-06"),
        (10, "liked", "2023-09-09"),
    ]
    assert (report.total.loaded, report.unjoined, report.total.rejected) == (7, 1, 1)
    assert [entry.title for entry in report.unmatched] == ["Red, White & Blue"]
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.write(folder / "likes" / "films.csv", "likes/films.csv")
    again = run(films, path, reading=MINE)
    assert (again.total.loaded, again.total.updated, again.total.unchanged) == (0, 0, 7)


IMDB = (
    "Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,Runtime (mins),"
    "Year,Genres,Num Votes,Release Date,Directors\n"
    'tt0113277,9,2020-02-03,Heat,Heat,https://e.org,Movie,8.3,170,1995,"Action, Crime",1,1995-12-15,A B\n'
    "tt0114709,7,2020-02-04,Toy Story,Toy Story,https://e.org,Movie,8.3,81,1995,Comedy,1,,Ch\xe9\n"
    "tt0903747,10,2020-02-05,A Series,A Series,https://e.org,TV Series,9.5,49,2008,Crime,1,,\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_imdb_ratings(films: Engine, tmp_path: Path, encoding: str) -> None:
    write(tmp_path, {"ratings.csv": IMDB.encode(encoding)})
    report = run(films, tmp_path / "ratings.csv", reading=MINE)
    assert report.format == "imdb"
    assert rows(films, STARS) == [(1, 3.5, "2020-02-04"), (2, 4.5, "2020-02-03")]
    assert [(reject.reason, reject.fault) for reject in report.rejects] == [
        ("it is no film", False)
    ]


def test_imdb_watchlist(films: Engine, tmp_path: Path) -> None:
    path = tmp_path / "WATCHLIST.csv"
    path.write_text(
        "Position,Const,Created,Modified,Description,Title,Original Title,URL,Title Type,"
        "IMDb Rating,Year,Your Rating,Date Rated\n"
        "1,tt0113277,2021-05-01,2021-05-01,,Heat,Heat,,Movie,8.3,1995,,\n"
        "2,tt0114709,2021-05-02,2021-05-02,,Toy Story,Toy Story,,Movie,8.3,1995,8,2021-06-01\n"
    )
    run(films, path, reading=MINE)
    assert rows(films, STARS) == [(1, 4.0, "2021-06-01")]
    assert [row[:2] for row in rows(films, FEEDBACK)] == [(2, "watchlist")]


def test_trakt_in_json_and_csv(films: Engine, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "ratings-movies.json": '[{"rated_at":"2014-09-01T09:10:11.000Z","rating":9,"type":"movie","movie":{"title":"Heat","year":1995,"ids":{"trakt":1,"slug":"heat-1995","imdb":"tt0113277","tmdb":949}}},'
            '{"rated_at":"2014-09-01T09:10:11.000Z","rating":9,"type":"show","show":{"title":"A","year":1995,"ids":{"trakt":2}}}]',
            "watched-movies.json": '[{"plays":2,"last_watched_at":"2015-01-02T00:00:00.000Z","movie":{"title":"Toy Story","year":1995,"ids":{"trakt":3,"imdb":"tt0114709"}}}]',
            "watchlist.csv": "listed_at,type,title,year,trakt_id,imdb_id,tmdb_id\n2016-01-01T00:00:00Z,movie,The Godfather,1972,5,tt0068646,238\n",
            "collection-movies.json": '[{"collected_at":"2015-01-02T00:00:00.000Z","movie":{"title":"Amélie","year":2001,"ids":{"trakt":4}}}]',
        },
    )
    report = run(films, tmp_path, reading=MINE)
    assert report.format == "trakt"
    assert rows(films, STARS) == [(2, 4.5, "2014-09-01")]
    assert rows(films, FEEDBACK) == [(1, "seen", "2015-01-02"), (3, "watchlist", "2016-01-01")]
    assert open_source(str(tmp_path), reading=MINE).unread == ["collection-movies.json"]  # type: ignore[attr-defined]


def test_netflix_history_tells_by_all_its_dates_what_comes_first(
    films: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "NetflixViewingHistory.csv"
    path.write_text(
        'Title,Date\n"Heat","2/1/23"\n"Some Show: Season 1: Pilot","1/31/23"\n"Lady Bird","3/4/22"\n'
    )
    run(films, path, reading=MINE)
    assert rows(films, FEEDBACK) == [(2, "seen", "2023-02-01"), (10, "seen", "2022-03-04")]


@pytest.mark.parametrize(
    ("title", "year", "film"),
    [
        ("The Godfather", 1972, 3),
        ("Godfather", 1973, 3),
        ("Eternal Sunshine of the Spotles Mind", 2004, 11),
        ("Le Salaire de la peur", 1953, 12),
        ("Saw 3", 2006, None),
        ("Saw IV", 2006, None),  # a letter from its neighbour, and another film
        ("Toy Story", 1999, None),
        ("Heat", None, 2),
        ("Twin", 2011, None),
        ("Heal", 1995, None),
        ("Wages of Fear", None, 12),
        ("Ring", None, 13),  # not The Ring
        ("The Ring", None, 14),
        ("A Ring", None, None),
    ],
)
def test_titles_find_their_film_and_no_other(
    films: Engine, tmp_path: Path, title: str, year: int | None, film: int | None
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(f"title,year,rating\n{title},{year or ''},4\nToy Story,1995,5\n")
    run(films, path, reading=MINE)
    assert [row[0] for row in rows(films, STARS)] == sorted({1, film} - {None})  # type: ignore[type-var]


def test_ratings_by_imdb_id_and_user(films: Engine, tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("user_id,movie_id,rating\n7,tt0113277,4\n8,tt0068646,5\n8,tt0999999,5\n")
    report = run(films, path)
    assert [row[:3] for row in rows(films, RATINGS_QUERY)] == [(7, 2, 4.0), (8, 3, 5.0)]
    assert report.unjoined == 1


def test_what_did_not_join_is_mended_in_a_file_and_loaded_again(
    films: Engine, tmp_path: Path
) -> None:
    path, again = tmp_path / "mine.csv", tmp_path / "unmatched.csv"
    path.write_text(
        "title,year,rating,rated_at\nToy Story,1995,4,2020-01-01\nTwin,2011,3,2020-01-02\n"
        "Toy Storey 9,1995,2,2020-01-03\nUnheard of,1901,,2020-01-04\n"
    )
    report = run(films, path, reading=MINE)
    assert [reject.reason for reject in report.rejects] == [
        "several films here fit, and nothing tells which: 8 Twin (2011), 9 Twin (2011); "
        "nearest: 8 Twin (2011), 9 Twin (2011)",
        "no film here has its IMDb id, TMDB id, or title and year; nearest: 1 Toy Story (1995)",
        "no film here has its IMDb id, TMDB id, or title and year",
    ]
    write_unmatched(report.unmatched, again)
    with again.open() as file:
        lines = list(csv.DictReader(file))
    assert [(line["title"], line["nearest"]) for line in lines] == [
        ("Twin", "8 Twin (2011) | 9 Twin (2011)"),
        ("Toy Storey 9", "1 Toy Story (1995)"),
        ("Unheard of", ""),
    ]
    lines[0]["movie_id"] = "9"
    with again.open("w", newline="") as file:
        writer = csv.DictWriter(file, lines[0])
        writer.writeheader()
        writer.writerows(lines)
    mended = run(films, again)
    assert rows(films, STARS) == [(1, 4.0, "2020-01-01"), (9, 3.0, "2020-01-02")]
    assert (mended.total.loaded, mended.unjoined) == (1, 2)


def test_a_load_of_which_nothing_joins_is_refused(films: Engine, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("title,year,rating\nNever made,1995,4\n")
    with pytest.raises(SourceError, match=r"none of the 1 rows .* has its film here"):
        run(films, path, reading=MINE)


def test_a_user_is_not_said_of_ratings_that_have_one(films: Engine, tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text("userId,movieId,rating\n1,1,4\n")
    with pytest.raises(SourceError, match="--user 42"):
        run(films, path, reading=MINE)


def test_a_dry_run_counts_and_changes_nothing(films: Engine, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("title,year,rating\nHeat,1995,4\nUnheard of,1901,4\n")
    runs = rows(films, "select count(*) from recsys.load_runs")
    report = run(films, path, reading=MINE, dry_run=True)
    assert (report.total.loaded, report.unjoined) == (1, 1)
    assert rows(films, STARS) == []
    assert rows(films, "select count(*) from recsys.load_runs") == runs


def test_ones_own_rating_is_not_the_site_s_mean_and_series_are_none(
    films: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "tmdb_ratings.csv"
    path.write_text(
        "TMDb ID,IMDb ID,Type,Name,Release Date,Season Number,Rating,Your Rating,Date Rated\n"
        "949,tt0113277,movie,Heat,1995-12-15,,7.9,10,2021-01-02T00:00:00Z\n"
        "862,,tv,A Series,2001-01-01,1,8.8,2,2021-01-03T00:00:00Z\n"
    )
    ten = Reading(user_id=42, scale=TENTHS)
    report = run(films, path, reading=ten)
    assert rows(films, STARS) == [(2, 5.0, "2021-01-02")]
    assert [reject.reason for reject in report.rejects] == ["it is no film"]
    assert open_source(str(path), reading=ten).parts[0].unread == (  # type: ignore[attr-defined]
        "Season Number",
        "Rating",
    )


def test_another_catalogue_s_number_counts_less_than_an_imdb_id(
    films: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("movie_id,imdb_id,rating,title\n1,tt0113277,4,Heat\n2,tt0000001,3,Other\n")
    report = run(films, path, reading=MINE)
    assert [row[:2] for row in rows(films, STARS)] == [(2, 4.0)]
    assert report.unjoined == 1
