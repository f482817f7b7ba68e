"""Every column of every table is accounted for: read, or named."""

from __future__ import annotations

import csv
import io
import json
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from recsys.errors import SourceError
from recsys.sources import open_source
from recsys.sources.batches import Source
from recsys.sources.fields import field_of, near_misses
from recsys.sources.scales import HUNDREDTHS
from recsys.sources.tables import Reading
from tests.helpers.examples import examples
from tests.helpers.loads import RATINGS_QUERY, rows, run, write

TABLES: dict[str, dict[str, str]] = {
    "ratings": {"userId": "1", "movieId": "1", "rating": "4", "timestamp": "964982703"},
    "imdb": {
        "Const": "tt0113277",
        "Your Rating": "9",
        "Date Rated": "2020-02-03",
        "Title": "Heat",
        "Title Type": "Movie",
        "Year": "1995",
    },
    "letterboxd": {
        "Date": "2023-09-02",
        "Name": "Heat",
        "Year": "1995",
        "Letterboxd URI": "https://boxd.it/a",
        "Rating": "4.5",
    },
    "tmdb": {
        "id": "949",
        "title": "Heat",
        "release_date": "1995-12-15",
        "overview": "A heist.",
        "genres": "Action",
        "cast": "Person One",
        "adult": "False",
    },
    "list": {
        "Series_Title": "Heat",
        "Released_Year": "1995",
        "Genre": "Action, Crime",
        "Overview": "A heist.",
        "Director": "Person One",
        "Star1": "Person Two",
        "Star2": "Person Three",
    },
    "texts": {"imdb_id": "tt0113277", "title": "Heat", "plot_synopsis": "A plot.", "tags": "cult"},
}
OTHER = st.text(
    st.characters(categories=("L", "N", "Zs"), max_codepoint=0x2FF), min_size=1, max_size=12
)


def as_csv(row: dict[str, str], separator: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerows([list(row), list(row.values())])
    return text.getvalue()


def opened(path: Path, reading: Reading) -> tuple[Source | None, str]:
    """Open a source, or say why it is refused."""
    try:
        return open_source(str(path), reading=reading), ""
    except SourceError as error:
        return None, str(error)


@settings(max_examples=examples(200), deadline=None)
@given(
    name=st.sampled_from(list(TABLES)),
    seed=st.integers(0, 1000),
    renamed=st.dictionaries(st.integers(0, 5), OTHER, max_size=2),
    missing=st.sets(st.integers(0, 6), max_size=2),
    added=st.lists(OTHER, max_size=2),
    separator=st.sampled_from([",", ";", "\t", "json", "lines"]),
)
def test_each_column_is_read_or_named(
    name: str,
    seed: int,
    renamed: dict[int, str],
    missing: set[int],
    added: list[str],
    separator: str,
) -> None:
    """However the columns are permuted, renamed or missing; or the refusal names what is there."""
    columns = [
        (renamed.get(place, heading), value)
        for place, (heading, value) in enumerate(TABLES[name].items())
        if place not in missing
    ]
    columns += [(heading, "x") for heading in added]
    random.Random(seed).shuffle(columns)
    row = {heading.strip(): value for heading, value in columns if heading.strip()}
    if len(row) < 2:
        return
    with tempfile.TemporaryDirectory() as folder:
        if separator in ("json", "lines"):
            path = Path(folder, "mine.json")
            path.write_text(json.dumps([row] if separator == "json" else row))
        else:
            path = Path(folder, "mine.csv")
            path.write_text(as_csv(row, separator))
        source, refused = opened(path, Reading())
        if "--user" in refused:
            source, refused = opened(path, Reading(user_id=7))
        if source is None:
            assert "\n" not in refused
            assert all(heading in refused for heading in row)
            return
        (part,) = source.parts  # type: ignore[attr-defined]
        assert part.fields.keys() == row.keys()
        assert set(part.unread) == {heading for heading, name in part.fields.items() if not name}
        assert set(part.offers) <= set(part.unread)
        read = [name for name in part.fields.values() if name]
        assert len(set(read)) == len(read)
        batches = list(source.batches())
        assert sum(len(batch.rows) + len(batch.rejects) for batch in batches[:1]) == 1


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("User ID", "user_id"),
        ("user_id:token", "user_id"),
        ("movie.ids.imdb", "imdb_id"),
        ("movie.title", "title"),
        ("user.id", "user_id"),
        ("user.name", ""),
        ("Star3", "actor_3"),
        ("actor_1_name", "actor_1"),
        ("Comment", ""),
    ],
)
def test_headings_mean_fields(heading: str, field: str) -> None:
    assert field_of(heading) == field


def test_a_heading_that_is_not_read_is_offered_for_what_is_missing() -> None:
    headings = ["Overall Rating", "ratng", "Comment", "Viewed on date"]
    assert near_misses(headings, ["rating", "rated_at"]) == {
        "Overall Rating": "rating",
        "Viewed on date": "rated_at",
    }
    assert near_misses(["ratng"], ["rating"]) == {"ratng": "rating"}
    assert near_misses(headings, []) == {}


def test_a_column_can_be_said(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("who,what,Overall,rating\n1,2,80,4\n2,2,60,4\n")
    columns = {"who": "user_id", "what": "movie_id", "overall": "rating"}
    source = open_source(str(path), reading=Reading(columns, HUNDREDTHS))
    assert source.parts[0].unread == ("rating",)  # type: ignore[attr-defined]
    run(engine, path, reading=Reading(columns, HUNDREDTHS))
    assert [row[:3] for row in rows(engine, RATINGS_QUERY)] == [(1, 2, 4.0), (2, 2, 3.0)]
    with pytest.raises(SourceError, match="no file has a column 'Nope'"):
        open_source(str(path), reading=Reading(columns | {"Nope": "title"}))
    with pytest.raises(SourceError, match="the names are user_id, movie_id"):
        open_source(str(path), reading=Reading(columns | {"rating": "stars"}))


def test_what_is_missing_in_one_column_is_missing_in_each(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "films.csv"
    path.write_text(
        "id,title,overview,genres,cast,imdb_id,poster_path,release_date\n"
        "1,Full,Text,Drama,Person One,tt0113277,/a.jpg,1999-01-01\n"
        + "".join(
            f"{n},Empty {n},{gap},{gap},{gap},{gap},{gap},{gap}\n"
            for n, gap in enumerate(["\\N", "NULL", "NaN", "N/A", "NA", "None", ""], start=2)
        )
    )
    run(engine, path)
    for query in (
        "select movie_id from recsys.movies where imdb_id is not null or poster_path is not null"
        " or year is not null",
        "select movie_id from recsys.movie_texts",
        "select movie_id from recsys.movie_genres",
        "select movie_id from recsys.movie_people",
    ):
        assert rows(engine, query) == [(1,)]


def test_recbole_in_numbers_and_in_words(engine: Engine, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "set.inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\nu1\ti1\t4\t964982703.0\nu2\ti2\t3\t964982704.0\nu1\ti2\t5\t964982705.0\n",
            "set.item": "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\ni1\tToy Story\t1995\tAnimation Children's Comedy\ni2\tHeat\t1995\tAction Crime\n",
            "set.user": "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\nu1\t24\tM\ttechnician\t85711\n",
        },
    )
    first = run(engine, tmp_path)
    assert rows(engine, "select key from recsys.movie_keys order by movie_id") == [("i1",), ("i2",)]
    assert rows(
        engine,
        "select k.key, m.title, g.genres from recsys.movies m join recsys.movie_keys k using"
        " (movie_id) join recsys_bi.movies g using (movie_id) order by 1",
    ) == [
        ("i1", "Toy Story", ["Animation", "Children's", "Comedy"]),
        ("i2", "Heat", ["Action", "Crime"]),
    ]
    keyed = """
        select u.key, m.key, r.rating from recsys.ratings r
        join recsys.user_keys u using (user_id) join recsys.movie_keys m using (movie_id)
        order by 1, 2
    """
    assert rows(engine, keyed) == [("u1", "i1", 4.0), ("u1", "i2", 5.0), ("u2", "i2", 3.0)]
    again = run(engine, tmp_path)
    assert (first.total.loaded, again.total.unchanged) == (6, 6)
    path = tmp_path / "more.csv"
    path.write_text("user,item,rating\nu2,i1,2\nu3,i1,1\nu3,i9,1\n")
    more = run(engine, path, max_rejects=0.5)
    assert (more.total.loaded, more.total.rejected) == (2, 1)
    assert rows(engine, "select key from recsys.user_keys order by user_id") == [
        ("u1",),
        ("u2",),
        ("u3",),
    ]
