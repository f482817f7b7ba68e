"""Files as people have them: what is evident is read, and a refusal says why and what to do."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from sqlalchemy import Engine

from recsys.cli.load import remarks
from recsys.errors import SourceError
from recsys.sources import open_source
from recsys.sources.scales import THUMBS, Scale
from recsys.sources.tables import Reading
from tests.helpers.loads import RATINGS_QUERY, rows, run, write

MOVIES = "movieId,title,genres\n1,Alpha (1999),Drama\n2,Beta (2001),Comedy|Drama\n3,Gamma (2003),Action\n4,Delta (2005),Drama\n"
HEADING = "userId,movieId,rating,timestamp\n"


def ratings(rating: str, when: str = "1700000000", separator: str = ",") -> str:
    """Twelve ratings of three users."""
    lines = [
        separator.join((str(user), str(movie), rating, when))
        for user in (1, 2, 3)
        for movie in (1, 2, 3, 4)
    ]
    return HEADING.replace(",", separator) + "\n".join(lines) + "\n"


def said(engine: Engine, path: Path, reading: Reading | None = None) -> str:
    """Load, and return what the command says beside the counts."""
    source = open_source(str(path), reading=reading)
    return "\n".join(remarks(source, run(engine, path, reading=reading)))


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (ratings("4", "1700000000123"), (1, 1, 4.0, 1700000000)),
        (ratings("4,5", separator=";"), (1, 1, 4.5, 1700000000)),
        ("sep=;\n" + ratings("4.5", separator=";"), (1, 1, 4.5, 1700000000)),
        (ratings('"4,5"'), (1, 1, 4.5, 1700000000)),
        (ratings("9"), (1, 1, 4.5, 1700000000)),
        (ratings("80"), (1, 1, 4.0, 1700000000)),
        (ratings("4", "20190506"), (1, 1, 4.0, 1557100800)),
        (ratings("4", "16.8.2022"), (1, 1, 4.0, 1660608000)),
        (ratings("4", "2022-08-16"), (1, 1, 4.0, 1660608000)),
        (ratings("like"), (1, 1, 5.0, 1700000000)),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-8-sig"])
def test_what_is_evident_is_read(
    engine: Engine, tmp_path: Path, text: str, first: tuple[float, ...], encoding: str
) -> None:
    write(tmp_path, {"movies.csv": MOVIES.encode(encoding), "ratings.csv": text.encode(encoding)})
    assert run(engine, tmp_path).kinds["ratings"].loaded == 12
    assert rows(engine, RATINGS_QUERY)[0] == first


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            ratings("4", "05/06/2019"),
            "12 of 16 rows.*All of them: the date may have the day or the month first; the first is line 2 of "
            "ratings.csv: 1,1,4,05/06/2019 .--dates day-first",
        ),
        (ratings("1").replace("2,1,1", "2,1,0"), "all 0 or 1.*--scale like"),
        (ratings("good"), "All of them: rating is not a number.*--column rating=HEADING"),
        (
            ratings("400"),
            "All of them: the rating is not from 0.5 to 5; .*: 1,1,400,1700000000 .--scale",
        ),
        (ratings("4", "soon"), "All of them: timestamp is not a time"),
        (ratings("4").replace("movieId", "Film No."), "`Film No.` may be the movie_id: --column"),
        (ratings("4").replace("rating", "My Score"), "`My Score` may be the rating: --column"),
    ],
)
def test_a_refusal_says_why(engine: Engine, tmp_path: Path, text: str, says: str) -> None:
    write(tmp_path, {"movies.csv": MOVIES, "ratings.csv": text})
    with pytest.raises(SourceError, match=says) as caught:
        run(engine, tmp_path)
    assert "\n" not in str(caught.value)


def test_what_is_said_is_read(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, {"movies.csv": MOVIES, "ratings.csv": ratings("3", "05/06/2019")})
    run(engine, tmp_path, reading=Reading(scale=Scale(1, 10), day_first=True))
    assert rows(engine, RATINGS_QUERY)[0] == (1, 1, 1.5, 1559692800)


def test_ratings_of_one_value_are_told_and_can_be_likes(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, {"movies.csv": MOVIES, "ratings.csv": ratings("1")})
    assert "all ratings are 1: if it means watched or liked, --scale like" in said(engine, tmp_path)
    run(engine, tmp_path, reading=Reading(scale=THUMBS), replace_all=True)
    assert {row[2] for row in rows(engine, RATINGS_QUERY)} == {5.0}


def test_rows_without_a_rating_can_be_likes(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "clicks.csv"
    path.write_text("user,item,timestamp\n1,1,1700000000\n1,2,1700000001\n")
    with pytest.raises(SourceError, match=r"the columns of clicks\.csv are user, item, timestamp"):
        run(engine, path)
    run(engine, path, reading=Reading(scale=THUMBS))
    assert [row[:3] for row in rows(engine, RATINGS_QUERY)] == [(1, 1, 5.0), (1, 2, 5.0)]


def test_names_of_a_cast_and_unread_columns(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, {"movies.csv": MOVIES})
    run(engine, tmp_path)
    path = tmp_path / "plots.csv"
    path.write_text(
        "Release Year,Title,Cast,Director,Star1,Plot,Box Office\n"
        '1999,Alpha,"Person One, Person Two",Person Three,Ignored,A thief.,7\n'
    )
    told = said(engine, path)
    assert "plots.csv: columns not read: Star1, Box Office." in told
    people = "select name, role, position from recsys.movie_people join recsys.people using (person_id) order by 1"
    assert rows(engine, people) == [
        ("Person One", "actor", 1),
        ("Person Three", "director", None),
        ("Person Two", "actor", 2),
    ]


def test_a_list_as_of_imdb_s_best_films(engine: Engine, tmp_path: Path) -> None:
    films = "movieId,title,genres\n1,The Long Pier (1994),\n2,Été à Lyon (1961),\n"
    write(tmp_path, {"movies.csv": films})
    run(engine, tmp_path)
    path = tmp_path / "best.csv"
    path.write_text(
        "Poster_Link,Series_Title,Released_Year,Certificate,Runtime,Genre,IMDB_Rating,Overview,"
        "Meta_score,Director,Star1,Star2,Star3,Star4,No_of_Votes,Gross\n"
        'https://e.org/a.jpg,The Long Pier,1994,A,142 min,Drama,9.3,"Two men wait, and talk.",80,'
        'Ann Director,Al One,Bea Two,Cy Three,Di Four,2343110,"28,341,469"\n'
        "https://e.org/c.jpg,Été à Lyon,1961,,95 min,Comedy,7.9,All stay.,,Zoé Réal,"
        "Zoé Réal,Hal Eight,Ina Nine,Jo Ten,30144,\n"
    )
    run(engine, path)
    assert rows(engine, "select movie_id, text from recsys.movie_texts order by 1") == [
        (1, "Two men wait, and talk."),
        (2, "All stay."),
    ]
    cast = """
        select name from recsys.movie_people join recsys.people using (person_id)
        where movie_id = 1 and role = 'actor' order by position
    """
    assert [name for (name,) in rows(engine, cast)] == ["Al One", "Bea Two", "Cy Three", "Di Four"]
    assert rows(engine, "select poster_path from recsys.movies order by movie_id")[0] == (
        "https://e.org/a.jpg",
    )


def test_json_in_an_array_in_lines_and_under_a_name(engine: Engine, tmp_path: Path) -> None:
    lines = [
        f'{{"user": {user}, "movie": {{"id": 1, "title": "A"}}, "rating": 4}}' for user in (1, 2)
    ]
    for name, text in {
        "array.json": f"[{','.join(lines)}]",
        "lines.jsonl": "\n".join(lines),
        "named.json": f'{{"ratings": [{",".join(lines)}], "page": 1}}',
        "broken.jsonl": f"{lines[0]}\nnot json\n{lines[1]}",
    }.items():
        path = tmp_path / name
        path.write_text(text)
        report = run(engine, path, max_rejects=0.5)
        assert report.total.read - report.total.rejected == 2, name
        assert rows(engine, "select count(*) from recsys.ratings") == [(2,)]
    assert rows(engine, "select line, reason from recsys.load_rejects") == [
        (2, "it is no JSON object")
    ]


def test_a_spreadsheet_s_text_is_read_and_a_spreadsheet_is_not(
    engine: Engine, tmp_path: Path
) -> None:
    write(tmp_path, {"movies.csv": MOVIES})
    run(engine, tmp_path)
    path = tmp_path / "ratings.txt"
    path.write_bytes(ratings("4", separator="\t").encode("utf-16"))  # "Unicode text" of Excel
    assert run(engine, path).total.loaded == 12
    book = tmp_path / "ratings.xlsx"
    with zipfile.ZipFile(book, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(SourceError, match=r"ratings\.xlsx is a spreadsheet: save it as CSV"):
        run(engine, book)


def test_tags_under_their_plural_and_lines_without_headings(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "tags.csv"
    path.write_text("userId,movieId,tags,,tags\n1,1,funny,x,y\n")
    told = said(engine, path)
    assert rows(engine, "select user_id, movie_id, tag from recsys.tags") == [(1, 1, "funny")]
    assert "columns not read: tags." in told  # the second of them
    path = tmp_path / "plain.csv"
    path.write_text("1,1,4.0,964982703\n")
    with pytest.raises(SourceError, match="its first line names no columns"):
        run(engine, path)


def test_headings_in_another_language_are_named(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "meine.csv"
    path.write_text("Titel;Jahr;Bewertung\nHeat;1995;4\n")
    with pytest.raises(SourceError, match="are Titel, Jahr, Bewertung; `Titel` may be the title"):
        run(engine, path)


def test_reviews_as_shops_have_them(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "reviews.jsonl"
    path.write_text(
        '{"reviewerID": "A1", "asin": "B000", "overall": 5.0, "unixReviewTime": 1700000000}\n'
        '{"reviewerID": "A2", "asin": "B000", "overall": 2.0, "unixReviewTime": 1700000001}\n'
    )
    run(engine, path)
    keyed = """
        select u.key, m.key, r.rating from recsys.ratings r
        join recsys.user_keys u using (user_id) join recsys.movie_keys m using (movie_id) order by 1
    """
    assert rows(engine, keyed) == [("A1", "B000", 5.0), ("A2", "B000", 2.0)]
