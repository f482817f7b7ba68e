"""Loading: counts that add up, rows that are refused, nothing half-done."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from recsys.errors import DatabaseError, SourceError
from recsys.loading.empty_tables import strip
from recsys.sources import open_source
from recsys.sources.simulated.sample import read_films, simulate_ratings
from recsys.sources.times import NO_TIME
from tests.helpers.loads import LINKS, MOVIES, RATINGS, TAGS, everything, folder, rows, run


def test_movielens(engine: Engine, tmp_path: Path) -> None:
    report = run(engine, folder(tmp_path))
    assert rows(
        engine, "select movie_id, title, year, imdb_id, tmdb_id from recsys.movies order by 1"
    ) == [
        (1, "Toy Story", 1995, "tt0114709", 862),
        (2, "The American President", 1995, "tt0112346", None),
        (3, "Babylon 5", None, None, None),
        (4, "Nobody Knows What", 2001, None, None),
        (5, 'A "Quoted" Film: Desu nôto (2006–2007)', None, None, None),
    ]
    assert rows(engine, "select genres from recsys_bi.movies order by movie_id") == [
        (["Adventure", "Animation", "Comedy"],),
        (["Comedy", "Drama"],),
        (["Sci-Fi"],),
        ([],),
        (["Drama"],),
    ]
    assert rows(
        engine, "select rating_count, rating_mean, liked_count from recsys.movies order by movie_id"
    )[:3] == [
        (2, 4.5, 2),
        (1, 0.5, 0),
        (0, None, 0),
    ]
    assert rows(
        engine, "select user_id, extract(epoch from rated_at)::int from recsys.ratings order by 2"
    )[0] == (1, 964981247)
    assert rows(engine, "select * from recsys.load_rejects") == []
    assert (report.total.read, report.total.loaded) == (12, 11)
    assert report.kinds["links"].unchanged == 1  # film 3 has no link
    assert rows(
        engine,
        "select status, rows_read, rows_loaded, details -> 'ratings' -> 'read' from recsys.load_runs",
    ) == [("done", 12, 11, 3)]


def test_progress_never_goes_back_and_ends_with_all(engine: Engine, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    source = folder(tmp_path)
    run(engine, source, progress=lambda what, done, of, note="": told.append((note, done, of)))
    assert [note.strip() for note, _, _ in told] == [
        *("", "reading movies", "writing movies", "reading links", "writing links"),
        *("reading ratings", "writing ratings", "reading tags", "writing tags"),
        *("counting", "done"),
    ]
    places = [done for _, done, _ in told]
    assert places == sorted(places)
    assert open_source(source).size < places[-1]
    assert {of for _, _, of in told} == {places[-1]}


def test_loading_twice_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    source = folder(tmp_path)
    run(engine, source)
    before = everything(engine)
    again = run(engine, source).total
    assert everything(engine) == before
    assert (again.loaded, again.updated, again.unchanged) == (0, 0, 12)


def test_a_newer_file_updates_and_an_older_one_does_not(engine: Engine, tmp_path: Path) -> None:
    run(engine, folder(tmp_path))
    newer = "userId,movieId,rating,timestamp\n1,1,2.0,964982704\n1,2,5.0,1\n3,2,3.0,964982704\n"
    report = run(engine, folder(tmp_path, ratings=newer, movies=MOVIES.replace("Sci-Fi", "Drama")))
    assert rows(engine, "select user_id, movie_id, rating from recsys.ratings order by 1, 2") == [
        (1, 1, 2.0),
        (1, 2, 0.5),
        (2, 1, 5.0),
        (3, 2, 3.0),
    ]
    counts = report.kinds["ratings"]
    assert (counts.loaded, counts.updated, counts.unchanged) == (1, 1, 1)
    assert rows(engine, "select genres from recsys_bi.movies where movie_id = 3") == [(["Drama"],)]


def test_refused_rows_are_kept_with_their_line_and_reason(engine: Engine, tmp_path: Path) -> None:
    bad = (
        RATINGS
        + "1,99,3.0,964982703\n1,3,5.5,964982703\nx,1,3.0,964982703\n3,1,good,964982703\n4,1,NaN,1\n5,1,4.0,1,surplus\n5,1\n"
    )
    report = run(engine, folder(tmp_path, ratings=bad), max_rejects=0.6)
    assert rows(
        engine, "select file, line, reason, raw from recsys.load_rejects order by line"
    ) == [
        ("ratings.csv", 5, "no such film", "1,99,3.0,964982703"),
        ("ratings.csv", 6, "the rating is not from 0.5 to 5", "1,3,5.5,964982703"),
        ("ratings.csv", 7, "userId is not a whole number", "x,1,3.0,964982703"),
        ("ratings.csv", 8, "rating is not a number", "3,1,good,964982703"),
        ("ratings.csv", 9, "the rating is empty", "4,1,NaN,1"),
        ("ratings.csv", 10, "wrong number of fields", "5,1,4.0,1,surplus"),
        ("ratings.csv", 11, "wrong number of fields", "5,1"),
    ]
    counts = report.kinds["ratings"]
    assert (counts.read, counts.loaded, counts.rejected) == (10, 3, 7)


def test_the_newest_of_duplicates_wins(engine: Engine, tmp_path: Path) -> None:
    double = RATINGS + "1,1,1.0,964982702\n2,1,3.0,964982225\n"
    report = run(engine, folder(tmp_path, ratings=double))
    assert rows(
        engine, "select rating from recsys.ratings where movie_id = 1 order by user_id"
    ) == [(4.0,), (3.0,)]
    assert report.kinds["ratings"].duplicate == 2


def test_too_many_refused_rows_change_nothing_but_are_kept(engine: Engine, tmp_path: Path) -> None:
    run(engine, folder(tmp_path))
    before = everything(engine)
    bad = RATINGS + "1,99,3.0,964982703\n"
    with pytest.raises(SourceError, match="1 of 13 rows"):
        run(engine, folder(tmp_path, ratings=bad, movies=MOVIES.replace("Toy", "Tin")))
    assert everything(engine) == before
    assert rows(
        engine,
        "select status, rows_read, rows_loaded, rows_rejected, message is not null from recsys.load_runs order by run_id desc limit 1",
    ) == [("refused", 13, 0, 1, True)]
    assert rows(engine, "select reason from recsys.load_rejects") == [("no such film",)]


def test_a_byte_order_mark_and_windows_line_ends(engine: Engine, tmp_path: Path) -> None:
    marked = {
        name: "\ufeff" + text.replace("\n", "\r\n")
        for name, text in {"movies": MOVIES, "ratings": RATINGS}.items()
    }
    assert run(engine, folder(tmp_path, **marked)).total.loaded == 11


def test_odd_contents_are_refused_row_by_row(engine: Engine, tmp_path: Path) -> None:
    movies = (
        MOVIES
        + "6,Room (3000),Drama\n7,N\0UL (1999),Drama\n8,Twice (1999),Horror\n8,Twice (2000),Drama\n9,,Bogus\n"
    )
    links = LINKS + "1,tt0114709,862.5\n2,tt0112346,1e30\n4,one,1\n5,tt0000005,5\n"
    ratings = (
        RATINGS + "9007199254740993,1,4.0,1\n1,4,3.0,yesterday\n1,5,3.0,99999999999\n1,3,4.0,inf\n"
    )
    run(engine, folder(tmp_path, movies=movies, links=links, ratings=ratings), max_rejects=0.5)
    assert rows(engine, "select file, line, reason from recsys.load_rejects order by 1, 2") == [
        ("links.csv", 5, "tmdbId is not a number"),
        ("links.csv", 6, "tmdbId is not a number"),
        ("links.csv", 7, "imdbId is not a number"),
        ("movies.csv", 8, "it holds a NUL character"),
        ("movies.csv", 11, "the title is empty"),
        ("ratings.csv", 6, NO_TIME),
        ("ratings.csv", 7, "the timestamp is in the future"),
        ("ratings.csv", 8, NO_TIME),
    ]
    assert rows(
        engine, "select movie_id, title, year from recsys.movies where movie_id > 5 order by 1"
    ) == [
        (6, "Room (3000)", None),
        (8, "Twice", 2000),
    ]
    assert rows(engine, "select genres from recsys_bi.movies where movie_id = 8") == [(["Drama"],)]
    assert rows(engine, "select count(*) from recsys.genres where name in ('Bogus', 'Horror')") == [
        (0,)
    ]
    assert rows(engine, "select max(user_id) from recsys.ratings") == [(9007199254740993,)]
    assert rows(engine, "select imdb_id, tmdb_id from recsys.movies where movie_id = 5") == [
        ("tt0000005", 5)
    ]


def test_the_sample_overwrites_nothing_that_an_application_wrote(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("insert into recsys.movies (movie_id, title) values (1, 'Mine')")
    with pytest.raises(SourceError, match="Mine"):
        run(engine, "sample")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"tags": ""}, "tags.csv cannot be read: it is empty"),
        ({"links": "movieId,other\n1,2\n"}, "its first line is not movieId,imdbId,tmdbId"),
        ({"ratings": "a,b\n1,2\n"}, "ratings.csv cannot be read: its first line is not userId,"),
        ({"movies": ""}, "movies.csv cannot be read: it is empty"),
        ({"movies": "movieId,title,genres\n"}, "7 of 7 rows"),
        ({"ratings": RATINGS + "1,2,3.0,4,5,6\n"}, "1 of 13 rows"),
        ({"movies": MOVIES + '6,"Unclosed,Drama\n'}, "1 of 13 rows"),
    ],
)
def test_what_is_no_movielens_is_refused_in_one_line(
    engine: Engine, tmp_path: Path, files: dict[str, str], says: str
) -> None:
    with pytest.raises(SourceError, match=says) as caught:
        run(engine, folder(tmp_path, **files))
    assert "\n" not in str(caught.value)
    assert everything(engine) == []


def test_a_missing_folder_and_an_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no file or folder"):
        open_source(str(tmp_path / "nowhere"))
    with pytest.raises(SourceError, match="cannot be read in any format"):
        open_source(str(tmp_path))
    with pytest.raises(SourceError, match="unknown format 'xml'"):
        open_source(str(tmp_path), "xml")


def test_a_row_of_another_encoding_is_refused(engine: Engine, tmp_path: Path) -> None:
    source = folder(tmp_path)
    movies = MOVIES.replace("–", "-").encode("latin-1") + "6,Amélie,\n".encode()
    (tmp_path / "movies.csv").write_bytes(movies)
    assert run(engine, source, max_rejects=0.2).kinds["movies"].rejected == 1
    assert rows(engine, "select line, reason, raw from recsys.load_rejects") == [
        (
            6,
            "it is not in the file's encoding",
            r'5,"A ""Quoted"" Film: Desu n\xf4to (2006-2007)",Drama',
        )
    ]


def test_a_file_that_is_nowhere_utf_8_is_windows_1252(engine: Engine, tmp_path: Path) -> None:
    source = folder(tmp_path)
    (tmp_path / "movies.csv").write_bytes(MOVIES.encode("cp1252"))
    assert run(engine, source).total.rejected == 0
    assert rows(engine, "select title from recsys.movies where movie_id = 5") == [
        ('A "Quoted" Film: Desu nôto (2006–2007)',)
    ]


def test_a_table_in_use_is_not_waited_for(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys.loading.empty_tables.LOCK_TIMEOUT", "50ms")
    with engine.begin() as reader:
        reader.exec_driver_sql("select count(*) from recsys.ratings")
        run(engine, folder(tmp_path))
    assert rows(engine, "select count(*) from recsys.ratings") == [(3,)]


def test_replacing_films_in_use_ends_in_one_line(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(engine, folder(tmp_path))
    before = everything(engine)
    monkeypatch.setattr("recsys.loading.catalogues.LOCK_TIMEOUT", "50ms")
    with engine.begin() as reader:
        reader.exec_driver_sql("select count(*) from recsys.ratings")
        with pytest.raises(DatabaseError, match="others have been using"):
            run(engine, str(tmp_path), replace_all=True)
    assert everything(engine) == before


def test_a_hopeless_file_is_not_read_to_its_end(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys.loading.tally.MANY_REJECTS", 10)
    monkeypatch.setattr("recsys.sources.ratings.BLOCK", 200)
    header, good, bad = RATINGS.split("\n")[0] + "\n", "1,{},4,5\n", "1,99,4,5\n"
    films = MOVIES + "".join(f"{n},Film {n},Drama\n" for n in range(100, 700))
    fine = "".join(good.format(n) for n in range(100, 700))
    # Bad rows first are no reason to stop, if enough good ones can follow.
    run(engine, folder(tmp_path, movies=films, ratings=header + bad * 40 + fine), max_rejects=0.1)
    with pytest.raises(SourceError) as caught:
        run(engine, folder(tmp_path, movies=films, ratings=header + bad * 2000), max_rejects=0.1)
    refused = int(str(caught.value).split(" of ")[0].replace(",", ""))
    assert 10 < refused < 2000


def test_an_unsorted_file_into_an_empty_table(engine: Engine, tmp_path: Path) -> None:
    ratings = (
        "userId,movieId,rating,timestamp\n2,1,3,5\n1,2,1,7\n1,1,2,7\n2,1,4,9\n1,2,5,7\n2,1,1,8\n"
    )
    report = run(engine, folder(tmp_path, ratings=ratings))
    kept = "select user_id, movie_id, rating from recsys.ratings"
    assert rows(engine, kept) == [(1, 1, 2.0), (1, 2, 5.0), (2, 1, 4.0)]  # in order on disk, too
    assert (report.kinds["ratings"].loaded, report.kinds["ratings"].duplicate) == (3, 3)


def test_names_too_long_for_an_index_are_refused(engine: Engine, tmp_path: Path) -> None:
    long = "é" * 700
    movies = MOVIES + f"6,{long * 2},Drama\n7,Film,{long}\n"
    report = run(
        engine, folder(tmp_path, movies=movies, tags=TAGS + f"2,1,{long},1\n"), max_rejects=0.3
    )
    assert report.total.rejected == 3


def test_keys_and_indexes_are_as_before(engine: Engine, tmp_path: Path) -> None:
    keys = """
        select conname, pg_get_constraintdef(oid) from pg_constraint
        where connamespace = 'recsys'::regnamespace
        union all select indexname, indexdef from pg_indexes where schemaname = 'recsys'
        order by 1, 2
    """
    before = rows(engine, keys)
    with engine.begin() as connection:
        assert len(strip(connection, "recsys.ratings", keys=True) or []) == 2
        assert len(strip(connection, "recsys.movies", keys=False) or []) == 4
        connection.rollback()
    run(engine, folder(tmp_path))
    assert rows(engine, keys) == before
    with engine.begin() as connection:
        assert strip(connection, "recsys.ratings", keys=True) is None


def test_the_sample(engine: Engine) -> None:
    report = run(engine, "sample")
    assert report.kinds["movies"].loaded == 150
    assert 35_000 < report.kinds["ratings"].loaded < 45_000
    assert rows(engine, "select count(distinct user_id) from recsys.ratings") == [(1000,)]
    assert rows(engine, "select count(*) from recsys.movie_texts where kind = 'plot'") == [(150,)]
    assert rows(
        engine, "select count(distinct movie_id) from recsys.movie_people where role = 'director'"
    ) == [(150,)]


def test_the_sample_meets_no_other_films(engine: Engine, tmp_path: Path) -> None:
    run(engine, folder(tmp_path))
    with pytest.raises(SourceError, match="clash"):
        run(engine, "sample")
    assert rows(engine, "select count(*) from recsys.movies") == [(5,)]


def test_the_simulated_ratings_are_always_the_same() -> None:
    films = read_films()
    first, again = simulate_ratings(films), simulate_ratings(films)
    assert first.equals(again)
    assert not first.duplicated(["user_id", "movie_id"]).any()
    counts = first["movie_id"].value_counts()
    assert counts.iloc[0] > 10 * counts.iloc[-1]  # a long tail
    assert first["rating"].isin([n / 2 for n in range(1, 11)]).all()
