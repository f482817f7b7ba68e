"""The Netflix Prize: ratings below the line of their film, in four files or one a film."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from recsys.errors import SourceError
from recsys.sources import netflix, open_source
from recsys.sources.file_source import FileSource
from recsys.sources.files import File
from recsys.sources.times import NO_TIME
from tests.helpers.examples import examples
from tests.helpers.loads import FILMS, MOVIES_CSV, RATINGS_QUERY, everything, rows, run, write

TITLES = (
    "1,2003,Dinosaur Planet\r\n"
    '2,NULL,Cité, La: Part 1, the "Long" One\r\n'
    "3,19x7,Character\r\n"
    "4,1994,\r\n"
    "17,1995,Heat\r\n"
)
RATINGS = (
    "1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n2:\n7,4,2004-02-29\n\n17:\n1488844,1,1999-11-11"
)
LOADED = [
    (7, 2, 4.0, 1078012800),
    (822109, 1, 5.0, 1115942400),
    (1488844, 1, 3.0, 1125964800),
    (1488844, 17, 1.0, 942278400),
]


def unread(path: Path) -> list[str]:
    source = open_source(str(path))
    assert isinstance(source, FileSource)
    return source.unread


def test_a_folder_as_kaggle_gives_it(engine: Engine, tmp_path: Path) -> None:
    first, second = RATINGS.split("17:")
    write(
        tmp_path,
        {
            "movie_titles.csv": TITLES.encode("latin-1"),
            "combined_data_1.txt": first,
            "combined_data_2.txt": f"17:{second}\n",
            "qualifying.txt": "1:\n1046323,2005-12-19\n",
            "probe.txt": "1:\n30878\n",
            "README": "SUMMARY",
        },
    )
    assert unread(tmp_path) == ["README", "probe.txt", "qualifying.txt"]
    report = run(engine, tmp_path, max_rejects=0.5)
    assert report.format == "netflix-prize"
    assert rows(engine, FILMS) == [
        (1, "Dinosaur Planet", 2003, [], None, None),
        (2, 'Cité, La: Part 1, the "Long" One', None, [], None, None),
        (17, "Heat", 1995, [], None, None),
    ]
    assert rows(engine, RATINGS_QUERY) == LOADED
    assert rows(engine, "select line, reason, raw from recsys.load_rejects order by 1") == [
        (3, "it is not a number, a year or NULL, and a title", "3,19x7,Character"),
        (4, "the title is empty", "4,1994,"),
    ]
    assert rows(engine, "select id_space from recsys.load_runs") == [("netflix",)]
    before = everything(engine)
    again = run(engine, tmp_path, max_rejects=0.5).total
    assert (again.unchanged, everything(engine)) == (7, before)


def test_one_file_a_film_in_a_folder_or_zip(engine: Engine, tmp_path: Path) -> None:
    films = {
        "mv_0000001.txt": b"1:\r\n1488844,3,2005-09-06\r\n822109,5,2005-05-13\r\n",
        "mv_0000002.txt.gz": gzip.compress(b"2:\n7,4,2004-02-29\n"),
        "mv_0000017.txt": b"17:\n1488844,1,1999-11-11\n",
    }
    write(tmp_path, {"movie_titles.txt": "17,1995,Heat\n1,2003,One\n2,2004,Two\n"})
    write(tmp_path, {"training_set.tar": "packed"})
    assert unread(tmp_path) == ["training_set.tar (unpack it there: `tar xf training_set.tar`)"]
    (tmp_path / "training_set").mkdir()
    write(tmp_path / "training_set", {**films})
    assert run(engine, tmp_path).total.loaded == 7
    assert rows(engine, RATINGS_QUERY) == LOADED
    path = tmp_path / "download.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(tmp_path / "movie_titles.txt", "download/movie_titles.txt")
        for name, data in films.items():
            archive.writestr(f"download/training_set/{name}", data)
    assert run(engine, path).total.unchanged == 7
    assert run(engine, tmp_path / "training_set").total.unchanged == 4
    write(tmp_path, {"combined_data_1.txt": RATINGS})  # the same ratings, read once
    again = "3 files mv_*.txt, which hold the same ratings"
    assert unread(tmp_path) == ["download.zip", "training_set.tar", again]
    assert run(engine, tmp_path).total.unchanged == 7


def test_ratings_alone_bring_films_until_titles_name_them(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, {"combined_data_3.txt": RATINGS, "movie_titles.txt": "1,2003,Named\n"})
    assert run(engine, tmp_path / "combined_data_3.txt").invented == 3
    assert rows(engine, RATINGS_QUERY) == LOADED
    run(engine, tmp_path / "movie_titles.txt")
    assert [row[:2] for row in rows(engine, FILMS)] == [
        (1, "Named"),
        (2, "Movie 2"),
        (17, "Movie 17"),
    ]


def test_films_of_other_numbers_are_never_rated(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, {"movies.csv": MOVIES_CSV, "combined_data_1.txt": RATINGS})
    run(engine, tmp_path / "movies.csv")
    with pytest.raises(SourceError, match=r"numbered by movielens.*--replace"):
        run(engine, tmp_path / "combined_data_1.txt")
    with pytest.raises(SourceError, match="no films of its own"):
        run(engine, tmp_path / "combined_data_1.txt", replace_all=True)


def test_a_table_of_that_name_is_no_netflix(tmp_path: Path) -> None:
    write(tmp_path, {"movie_titles.csv": "movieId,title,genres\n1,Heat (1995),Drama\n"})
    assert open_source(str(tmp_path)).format == "movielens"


HEADINGS = {b"17:": 17, b"1:": 1, b"123456789012345678:": 123456789012345678}
BAD_HEADINGS = (b"x:", b":", b"-1:", b"1234567890123456789:", b"1,5,2005-01-01:")
BAD = {
    b"1,5": "wrong number of fields",
    b"1,5,2005-01-01,2": "wrong number of fields",
    b"1,6,2005-01-01": "the rating is not from 0.5 to 5",
    b"1,0,2005-01-01": "the rating is not from 0.5 to 5",
    b"1,x,2005-01-01": "rating is not a number",
    b"x,5,2005-01-01": "userId is not a whole number",
    b"1x2,5,2005-01-01": "userId is not a whole number",
    b",5,2005-01-01": "userId is not a whole number",
    b"-1,5,2005-01-01": "userId is not a whole number",
    b"1234567890123456789,5,2005-01-01": "userId is not a whole number",
    b"1,5,2005-02-29": NO_TIME,
    b"1,5,2005-13-01": NO_TIME,
    b"1,5,2005-00-01": NO_TIME,
    b"1,5,2005-01-00": NO_TIME,
    b"1,5,2005:01:01": NO_TIME,
    b"1,5,1969-12-31": NO_TIME,
    b"1,5,9005-01-01": "the timestamp is in the future",
    b"1,\0,2005-01-01": "it holds a NUL character",
    b"1,5,2005-01-0\xff": "it is not in the file's encoding",
}
RARE = {  # not as the set writes them, but clear
    b"1,3.5,2005-01-01": (1, 3.5, 1104537600.0),
    b"123456789012345678,5,1970-01-01": (123456789012345678, 5.0, 0.0),
    b"1,5,1104537600": (1, 5.0, 1104537600.0),
}
GOOD = st.builds(
    lambda user, stars, day: f"{user},{stars},{day:%Y-%m-%d}".encode(),
    st.integers(0, 10**10),
    st.integers(1, 5),
    st.datetimes(datetime(1970, 1, 1), datetime(2020, 12, 31)),
)
LINES = st.lists(
    st.one_of(
        GOOD,
        st.sampled_from((*HEADINGS, *BAD_HEADINGS, *RARE, *BAD, b"")),
    ),
    max_size=60,
)


def expected(line: bytes) -> tuple[int, float, float]:
    user, stars, day = line.decode().split(",")
    when = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    return int(user), float(stars), when.timestamp()


@settings(max_examples=examples(300), deadline=None)
@given(lines=LINES, end=st.sampled_from([b"\n", b"\r\n"]), block=st.integers(1, 200))
def test_each_line_is_taken_or_refused_alone(lines: list[bytes], end: bytes, block: int) -> None:
    data = end.join(lines) + end * (len(lines) % 2)
    file = File("mv_0000001.txt", len(data), lambda: io.BytesIO(data))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(netflix, "BLOCK", block)
        batches = list(netflix.read_ratings(file))
    taken: dict[int, tuple[int, int, float, float]] = {}
    for batch in batches:
        for place, row in enumerate(batch.rows.itertuples()):
            taken[int(row.line)] = (row.user_id, row.movie_id, row.rating, row.rated_at)  # type: ignore[arg-type, assignment]
            assert batch.raw is not None
            assert batch.raw(place).encode() == lines[int(row.line) - 1]  # type: ignore[arg-type]
        assert list(batch.rows["line"]) == sorted(batch.rows["line"])
    refused = {reject.line: reject.reason for batch in batches for reject in batch.rejects}
    movie = None
    for number, line in enumerate(lines, start=1):
        if line.endswith(b":"):
            movie = HEADINGS.get(line)
            assert (number in refused) == (movie is None)
        elif line == b"":
            assert number not in refused
        elif movie is None:
            assert refused.pop(number) == "no line above it names its film"
        elif line in BAD:
            assert refused.pop(number) == BAD[line]
        else:
            user, stars, when = RARE[line] if line in RARE else expected(line)
            assert taken.pop(number) == (user, movie, stars, when)
    assert not taken
    assert sum(batch.size for batch in batches) == len(data)
