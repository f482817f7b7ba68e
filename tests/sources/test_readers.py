"""Mangled files: never a traceback, every row accounted for, and what is taken is right."""

from __future__ import annotations

import tempfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from recsys.errors import SourceError
from recsys.loading.load import load
from recsys.sources import files, open_source, ratings
from recsys.sources.batches import PARTS
from recsys.sources.files import File
from recsys.sources.ratings import read_ratings
from recsys.sources.records import LONGEST_FIELD, Layout, read_chunks
from tests.helpers.examples import examples
from tests.helpers.loads import rows, run

FLAGS = "|0" * 18
FOLDERS: dict[str, dict[str, str]] = {
    "movielens": {
        "movies.csv": 'movieId,title,genres\n1,"Heat, ""The"" (1995)",Action|Crime\n2,Amélie (2001),\n3,"Two\nlines",(no genres listed)\n',
        "links.csv": "movieId,imdbId,tmdbId\n1,0113277,949\n2,0211915,\n",
        "ratings.csv": "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,2,0.5,964981247\n2,1,5,0\n",
        "tags.csv": 'userId,movieId,tag,timestamp\n2,1,"a, b",1445714994\n',
    },
    "movielens-dat": {
        "movies.dat": "1::Heat (1995)::Action|Crime\n2::Amélie (2001)::Comedy\n",
        "ratings.dat": "1::1::5::978300760\n1::2::3.5::978302109\n",
        "users.dat": "1::F::1::10::48067\n",
        "tags.dat": "1::1::nice::978300760\n",
    },
    "movielens-100k": {
        "u.item": f"1|Heat (1995)|01-Jan-1995||http://|1{FLAGS}\n2|Amélie (2001)|||x|0{FLAGS}\n",
        "u.data": "1\t1\t4\t881250951\n2\t1\t3\t881250949\n",
        "u.user": "1|24|M|technician|85711\n",
    },
    "movietweetings": {
        "movies.dat": "0054890::Fantômas (1913)::Crime|Drama\n0113277::Heat (1995)::\n",
        "ratings.dat": "1::0054890::10::1381945744\n2::0113277::0::1382400295\n",
    },
    "imdb-datasets": {
        "title.basics.tsv": "tconst\ttitleType\tprimaryTitle\tisAdult\tstartYear\tgenres\ntt0113277\tmovie\tHeat\t0\t1995\tAction,Crime\ntt0000001\tshort\tCarmencita\t0\t1894\t\\N\n",
        "title.crew.tsv": "tconst\tdirectors\twriters\ntt0113277\tnm0000520\tnm0000520,nm0000001\n",
        "name.basics.tsv": "nconst\tprimaryName\nnm0000520\tMichael Mann\n",
        "title.principals.tsv": "tconst\tordering\tnconst\tcategory\ntt0113277\t1\tnm0000520\tactor\n",
    },
    "netflix-prize": {
        "movie_titles.csv": "1,2003,Dinosaur Planet\n17,NULL,Heat, or: Not\n",
        "combined_data_1.txt": "1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n17:\n7,4,2004-02-29\n",
    },
    "tmdb": {
        "films.csv": 'id,title,overview,genres,release_date,cast,crew,keywords\n949,Heat,"A ""heist"".","[{""name"": ""Action""}]",1995-12-15,"[{""name"": ""A"", ""order"": 0}]",[],[]\n194,Amélie,x,,,,,\n',
    },
    "kaggle": {
        "movies_metadata.csv": "id,title,genres,imdb_id,overview,tagline\n949,Heat,\"[{'id': 28, 'name': 'Action'}]\",tt0113277,A heist.,Saga\n862,Toy,[],,x,\n",
        "links.csv": "movieId,imdbId,tmdbId\n6,0113277,949\n1,,862.0\n",
        "keywords.csv": "id,keywords\n949,\"[{'id': 1, 'name': 'heist'}]\"\n",
        "credits.csv": "cast,crew,id\n\"[{'name': 'A', 'order': 0}]\",\"[{'job': 'Director', 'name': 'B'}]\",949\n",
        "ratings.csv": "userId,movieId,rating,timestamp\n1,6,4.0,964982703\n",
    },
    "texts": {
        "mpst.csv": 'imdb_id,title,plot_synopsis,tags\ntt0113277,Heat,"A plot,\nlong","cult, noir"\n',
        "plots.json": '[{"title": "Heat (1995 film)", "plot": "A heist."}, {"title": "Amélie", "plot": "x"}]',
    },
    "ratings": {"mine.csv": "user;item;rating\n1;1;4\n1;2;0.5\n"},
}
NASTY = (b"\0", b'"', b"\n", b"\r", b"\r\n", b",", b"::", b"|", b"\t", b"\xff\xfe", b"\xef\xbb\xbf", b"[", b"{'", b"1e999", b"-1", b"1997-08-20", b"99999999999999999999", b"nan", b"\xe2\x82", b"(1995)", b"\\ud800", b"x" * 300)  # fmt: skip
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from((b"", *NASTY))), max_size=4
)


def mangle(data: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Put something in place of a few bytes here and there."""
    for where, length, put in edits:
        place = int(where * len(data))
        data = data[:place] + put + data[place + length :]
    return data


@contextmanager
def refused_in_one_line() -> Iterator[None]:
    """Let a source be refused, in one line."""
    try:
        yield
    except SourceError as error:
        if "\n" in str(error):
            raise AssertionError from error


def write(folder: Path, name: str, edits: list[tuple[float, int, bytes]]) -> None:
    for file, text in FOLDERS[name].items():
        (folder / file).write_bytes(mangle(text.encode(), edits))


@pytest.mark.parametrize("name", FOLDERS)
@settings(max_examples=examples(60), deadline=None)
@given(edits=EDITS)
@example(edits=[])
@example(edits=[(0.5, 0, b'"')])
def test_no_mangled_file_ends_in_a_traceback(
    name: str, edits: list[tuple[float, int, bytes]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), name, edits)
        with refused_in_one_line():
            for batch in open_source(folder, name).batches():
                lines = [*batch.rows["line"], *(reject.line for reject in batch.rejects)]
                if batch.kind not in PARTS:
                    assert len(set(lines)) == len(lines)
                    assert batch.raw is not None
                    assert all("\0" not in batch.raw(place) for place in range(len(batch.rows)))
                for reject in batch.rejects:
                    assert len(reject.raw) <= 1000
                    reject.raw.encode()


@pytest.mark.parametrize("name", FOLDERS)
@settings(
    max_examples=examples(8),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(edits=EDITS)
def test_counts_add_up_whatever_is_loaded(
    engine: Engine, name: str, edits: list[tuple[float, int, bytes]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), name, edits)
        with refused_in_one_line():
            source = open_source(folder, name)
            own = source.id_space is not None
            if not own:
                (Path(folder) / "movies.csv").write_text(FOLDERS["movielens"]["movies.csv"])
                run(engine, Path(folder) / "movies.csv", replace_all=True)
            report = load(engine, source, max_rejects=1, replace_all=own)
            for of_kind in report.kinds.values():
                became = asdict(of_kind)
                assert became.pop("read") == sum(became.values())
                assert min(became.values()) >= 0
            kept = "select count(*) from recsys.load_rejects where run_id = {}"
            assert rows(engine, kept.format(report.run_id)) == [(report.total.rejected,)]


def lines_of(data: bytes) -> File:
    return File("ratings.csv", len(data), lambda: BytesIO(data))


GOOD = st.builds(
    lambda user, movie, stars, when: f"{user},{movie},{stars / 2},{when}".encode(),
    st.integers(0, 10**17),
    st.integers(0, 10**9),
    st.integers(1, 10),
    # Beyond the numbers that are dates, such as 20190506.
    st.one_of(st.integers(0, 19_700_100), st.integers(21_001_232, 1_700_000_000)),
)
BAD = st.sampled_from(
    [
        b"",
        b"1,1,4.0",
        b"1,1,4.0,1,1",
        b"x,1,4,1",
        b"1,1,6,1",
        b"1,1,,1",
        b"1,1,4\0,1",
        b"1,1,4,99999999999",
        b'1,"1,4,1',
        b"1,1,4.0,\xff",
        b"-1,1,4,1",
        b"1,1.5,4,1",
        b"1,1,.,1",
        b"1995-01-01,1,4,1",
        b"1,1,nan,1",
        b"99999999999999999999,1,4,1",
        b"1,1,0.4,1",
    ]
)


@settings(max_examples=examples(200), deadline=None)
@given(
    lines=st.lists(st.one_of(GOOD, GOOD, GOOD, BAD), max_size=30),
    few=st.integers(1, 4),
    together=st.integers(1, 3),
    block=st.sampled_from([1, 50, 1 << 24]),
    end=st.sampled_from([b"\n", b"\r\n"]),
    closed=st.booleans(),
)
def test_ratings_are_taken_or_refused_line_by_line(
    lines: list[bytes], few: int, together: int, block: int, end: bytes, closed: bool
) -> None:
    """Whether the fast parser took a block or the careful one, and wherever blocks were cut."""
    data = b"userId,movieId,rating,timestamp\n" + end.join(lines) + (end if closed else b"")
    layout = Layout(("user_id", "movie_id", "rating", "rated_at"), heading=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ratings, "FEW_LINES", few)
        patch.setattr(ratings, "BLOCKS_A_BATCH", together)
        patch.setattr(ratings, "BLOCK", block)
        batches = list(read_ratings(lines_of(data), layout))
    taken = {
        int(row.line): (int(row.user_id), int(row.movie_id), float(row.rating), float(row.rated_at))  # type: ignore[arg-type]
        for batch in batches
        for row in batch.rows.itertuples()
    }
    refused = {reject.line: reject for batch in batches for reject in batch.rejects}
    for line, text in enumerate(lines, start=2):
        if text == b"":
            assert line not in taken
            assert line not in refused
            continue
        fields = text.split(b",")
        try:
            ids = [int(field) for field in fields[:2]]
            numbers = [float(field) for field in fields[2:]]
            good = len(fields) == 4 and 0 <= min(ids) <= max(ids) < 10**18
            good = good and 0.5 <= numbers[0] <= 5 and 0 <= numbers[1] < 4e9
        except ValueError:
            good = False
        assert (line in taken) == good == (line not in refused), text
        if good:
            assert taken[line] == (*ids, *numbers)
        else:
            assert refused[line].raw == (
                text.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
            )
    assert sum(batch.size for batch in batches) == len(data) - len(
        b"userId,movieId,rating,timestamp\n"
    )


@pytest.mark.parametrize("line", [b"   ", b",,,", b"\n1,1,4.0,964982703", b"1,1,4.0,96498 2703"])
def test_lines_at_fault_make_few_batches(line: bytes) -> None:
    """Each batch costs as much as a thousand lines."""
    times = 30_000
    layout = Layout(("user_id", "movie_id", "rating", "rated_at"))
    batches = list(read_ratings(lines_of((line + b"\n") * times), layout))
    assert len(batches) <= 6
    assert sum(len(batch.rows) + len(batch.rejects) for batch in batches) == times


def test_a_huge_field_costs_its_row_alone() -> None:
    huge = b"9" * (10 * LONGEST_FIELD)
    data = b"movieId,title,genres\n1,Good (1999),Drama\n2," + huge + b",Drama\n3,Good too,Drama\n"
    chunks = list(read_chunks(lines_of(data), Layout(("movie_id", "title", "genres"), heading=1)))
    assert [title for chunk in chunks for title in chunk.rows["title"]] == [
        "Good (1999)",
        "Good too",
    ]
    (reject,) = [reject for chunk in chunks for reject in chunk.rejects]
    assert (reject.line, len(reject.raw)) == (3, 1000)
    assert "longer than" in reject.reason


def test_an_open_quote_costs_its_line_alone() -> None:
    data = b'movieId,title,genres\n1,"Open,Drama\n2,"Good, this",Drama\n3,Good,Drama\n4,"Open'
    chunks = list(read_chunks(lines_of(data), Layout(("movie_id", "title", "genres"), heading=1)))
    assert [list(chunk.rows["line"]) for chunk in chunks] == [[3, 4]]
    assert [(reject.line, reject.reason) for reject in chunks[0].rejects] == [
        (2, "its quotes are broken"),
        (5, "its quotes are broken"),
    ]


def test_a_line_without_an_end_is_not_held(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packed, ratings of a few kilobytes may be a line of gigabytes.

    Here the line and what may be held of it are a thirty-second of 400 MB and of 16 MB.
    """
    monkeypatch.setattr(files, "LONGEST_LINE", 1 << 19)
    monkeypatch.setattr(ratings, "BLOCK", 1 << 19)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("movies.csv", "w") as file:
            file.write(b"movieId,title,genres\n1,Good (1999),Drama\n")
        with archive.open("ratings.csv", "w") as file:
            file.write(b"userId,movieId,rating,timestamp\n1,1,4,964982703\n1,1,")
            for _ in range(400 // 32):
                file.write(b"0" * (1 << 20))
    tracemalloc.start()
    report = run(engine, path, max_rejects=0.5)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < (200 << 20) / 32
    assert (report.total.loaded, report.total.rejected) == (2, 1)
