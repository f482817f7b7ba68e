"""Each format that is read, with the quirks that its real files have."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import Engine

from recsys.errors import SourceError
from recsys.sources import open_source
from recsys.sources.times import NO_TIME
from tests.helpers.loads import (
    FILMS,
    LINKS_CSV,
    MOVIES_CSV,
    RATINGS_CSV,
    RATINGS_QUERY,
    counts,
    everything,
    rows,
    run,
    write,
)


def test_movielens_100k(engine: Engine, tmp_path: Path) -> None:
    def item(text: str, *genres: int) -> str:
        return "|".join([text, *("1" if place in genres else "0" for place in range(19))])

    items = [
        item("1|Toy Story (1995)|01-Jan-1995||http://example.org/?Toy%20Story%20(1995)", 3, 4, 5),
        item("2|Cité des enfants perdus, La (1995)|01-Jan-1995||http://example.org", 1, 15),
        item("267|unknown|||", 0),
    ]
    write(
        tmp_path,
        {
            "u.item": "\n".join(items).encode("latin-1") + b"\n",
            "u.data": "2\t1\t3\t881250949\n1\t2\t5\t881250950\n1\t1\t4\t881250951\n",
            "u.user": "1|24|M|technician|85711\n2|53|F|other|T8H1N\n",
            "u.genre": "unknown|0\nAction|1\nAdventure|2\nAnimation|3\nChildren's|4\nComedy|5\nCrime|6\nDocumentary|7\nDrama|8\nFantasy|9\nFilm-Noir|10\nHorror|11\nMusical|12\nMystery|13\nRomance|14\nSci-Fi|15\nThriller|16\nWar|17\nWestern|18\n\n",
            "u1.base": "1\t1\t4\t881250951\n",
            "README": "about",
        },
    )
    report = run(engine, tmp_path)
    assert report.format == "movielens-100k"
    assert rows(engine, FILMS) == [
        (1, "Toy Story", 1995, ["Animation", "Children's", "Comedy"], None, None),
        (2, "La Cité des enfants perdus", 1995, ["Action", "Sci-Fi"], None, None),
        (267, "unknown", None, [], None, None),
    ]
    assert rows(engine, RATINGS_QUERY) == [
        (1, 1, 4.0, 881250951),
        (1, 2, 5.0, 881250950),
        (2, 1, 3.0, 881250949),
    ]
    users = "select user_id, gender, age, occupation, postal_code from recsys.users order by 1"
    assert rows(engine, users) == [
        (1, "M", 24, "technician", "85711"),
        (2, "F", 53, "other", "T8H1N"),
    ]
    assert open_source(str(tmp_path)).unread == ["README", "u1.base"]  # type: ignore[attr-defined]
    (tmp_path / "u.genre").unlink()  # the flags keep their meaning
    assert run(engine, tmp_path).total.unchanged == 8


def test_movielens_1m_is_latin_1(engine: Engine, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "movies.dat": "1::Toy Story (1995)::Animation|Children's\n2::Misérables, Les (1995)::Drama\n".encode(
                "latin-1"
            ),
            "ratings.dat": "1::2::5::978300760\n1::1::3::978302109\n",
            "users.dat": "1::F::1::10::48067\n2::M::56::16::70072\n",
        },
    )
    report = run(engine, tmp_path)
    assert report.format == "movielens-dat"
    assert rows(engine, FILMS)[1] == (2, "Les Misérables", 1995, ["Drama"], None, None)
    assert rows(engine, RATINGS_QUERY) == [(1, 1, 3.0, 978302109), (1, 2, 5.0, 978300760)]
    assert rows(engine, "select user_id, gender, age, occupation from recsys.users order by 1") == [
        (1, "F", 1, "K-12 student"),
        (2, "M", 56, "self-employed"),
    ]


def test_movielens_10m_is_utf_8_in_a_zip(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "ml-10m.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ml-10M100K/movies.dat", "1::Misérables, Les (1995)::Drama\n")
        archive.writestr("ml-10M100K/ratings.dat", "1::1::3.5::838985046\n")
        archive.writestr("ml-10M100K/tags.dat", "15::1::très bon: oui::1215184630\n")
        archive.writestr("ml-10M100K/allbut.pl", "#!/usr/bin/perl\n")
        archive.writestr("__MACOSX/ml-10M100K/._movies.dat", "\0\0")
    report = run(engine, path)
    assert rows(engine, FILMS) == [(1, "Les Misérables", 1995, ["Drama"], None, None)]
    assert rows(engine, "select user_id, tag from recsys.tags") == [(15, "très bon: oui")]
    assert report.total.loaded == 3


def test_movielens_csv_in_a_zip_with_genome_scores(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "ml-25m.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ml-25m/", "")
        for name, text in {
            "movies.csv": MOVIES_CSV,
            "links.csv": LINKS_CSV,
            "ratings.csv": RATINGS_CSV,
            "genome-scores.csv": "movieId,tagId,relevance\n1,1,0.02875\n",
            "genome-tags.csv": "tagId,tag\n1,007\n",
        }.items():
            archive.writestr(f"ml-25m/{name}", text)
    assert run(engine, path).total.loaded == 8
    assert rows(engine, FILMS)[2] == (3, "Amélie", 2001, ["Comedy"], "tt0211915", 194)
    source = open_source(str(path))
    assert source.unread == ["genome-scores.csv", "genome-tags.csv"]  # type: ignore[attr-defined]


def test_kaggles_copy_of_20m_has_dates_and_quotes(engine: Engine, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "movie.csv": '"movieId","title","genres"\n1,"Toy Story (1995)","Comedy"\n',
            "rating.csv": '"userId","movieId","rating","timestamp"\n1,1,3.5,"2005-04-02 23:53:47"\n2,1,3,9783-10-01\n3,1,4,soon\n4,1,4,\n',
        },
    )
    run(engine, tmp_path, max_rejects=0.5)
    assert rows(engine, RATINGS_QUERY)[0] == (1, 1, 3.5, 1112486027)
    assert rows(engine, "select line, reason from recsys.load_rejects") == [
        (3, "the timestamp is in the future"),
        (4, NO_TIME),
    ]


def test_movietweetings(engine: Engine, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "movies.dat": "0054890::Fantômas (1913)::Crime|Drama\n10872600::New (2021)::\n",
            "ratings.dat": "1::0054890::10::1381945744\n2::0054890::0::1382400295\n3::10872600::7::1\n3::0054890::11::1\n",
            "users.dat": "1::177651718\n",
        },
    )
    report = run(engine, tmp_path, max_rejects=0.2)
    assert report.format == "movietweetings"
    assert rows(engine, FILMS) == [
        (54890, "Fantômas", 1913, ["Crime", "Drama"], "tt0054890", None),
        (10872600, "New", 2021, [], "tt10872600", None),
    ]
    assert [row[:3] for row in rows(engine, RATINGS_QUERY)] == [
        (1, 54890, 5.0),
        (2, 54890, 0.5),
        (3, 10872600, 3.5),
    ]
    assert rows(engine, "select line, reason, raw from recsys.load_rejects") == [
        (4, "the rating is not from 0 to 10", "3::0054890::11::1")
    ]


TMDB = (
    "id,title,overview,genres,release_date,tagline,keywords\n"
    '19995,Avatar,"On Pandora,\nfar away","[{""id"": 28, ""name"": ""Action""}, {""id"": 878, ""name"": ""Science Fiction""}]",2009-12-10,Enter.,"[{""id"": 1, ""name"": ""space war""}]"\n'
    "2,Ariel,,[],,,[]\n"
)


def test_tmdb_5000_with_its_credits(engine: Engine, tmp_path: Path) -> None:
    cast = json.dumps([{"name": "Zoe Saldana", "order": 1}, {"name": "Sam W.", "order": 0}])
    crew = json.dumps(
        [{"name": "James Cameron", "job": "Director"}, {"name": "X", "job": "Gaffer"}]
    )
    quoted = [text.replace('"', '""') for text in (cast, crew)]
    write(
        tmp_path,
        {
            "tmdb_5000_movies.csv": TMDB,
            "tmdb_5000_credits.csv": f'movie_id,title,cast,crew\n19995,Avatar,"{quoted[0]}","{quoted[1]}"\n',
        },
    )
    report = run(engine, tmp_path)
    assert report.format == "tmdb"
    assert rows(engine, FILMS) == [
        (2, "Ariel", None, [], None, 2),
        (19995, "Avatar", 2009, ["Action", "Science Fiction"], None, 19995),
    ]
    assert rows(engine, "select movie_id, kind, text from recsys.movie_texts order by 2") == [
        (19995, "overview", "On Pandora,\nfar away"),
        (19995, "tagline", "Enter."),
    ]
    assert rows(engine, "select * from recsys.movie_keywords") == [(19995, "space war")]
    assert rows(
        engine,
        "select name, role, position from recsys.movie_people join recsys.people using (person_id) order by 2, 3",
    ) == [("Sam W.", "actor", 1), ("Zoe Saldana", "actor", 2), ("James Cameron", "director", None)]
    before = everything(engine)
    again = run(engine, tmp_path).total
    assert (again.unchanged, everything(engine)) == (3, before)


def test_tmdb_exports_of_many_files_in_any_column_order(engine: Engine, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a.csv": 'overview,imdb_id,id,genres,title,release_date,poster_path\nA heist.,tt0113277,949,"Action, Crime",Heat,1995-12-15,/heat.jpg\n',
            "b.csv.gz": gzip.compress(
                "title;id;overview;release_date\nAmélie;194;Un été.;2001-04-25\n".encode()
            ),
        },
    )
    run(engine, tmp_path)
    assert rows(engine, FILMS) == [
        (194, "Amélie", 2001, [], None, 194),
        (949, "Heat", 1995, ["Action", "Crime"], "tt0113277", 949),
    ]
    assert rows(engine, "select poster_path from recsys.movies where movie_id = 949") == [
        ("/heat.jpg",)
    ]


METADATA = (
    "adult,belongs_to_collection,genres,id,imdb_id,overview,poster_path,release_date,tagline,title\n"
    "False,,\"[{'id': 16, 'name': 'Animation'}, {'id': 35, 'name': \"\"Children's\"\"}]\",862,tt0114709,Led by Woody.,/a.jpg,1995-10-30,,Toy Story\n"
    "False,,\"[{'id': 28, 'name': 'Action'}]\",949,tt0113277,A heist.,/b.jpg,1995-12-15,A Los Angeles crime saga,Heat\n"
    # In the real file a few rows are broken in two; the rest has a date where the id should be.
    "False,,[],82663,tt0113002,Midnight\n"
    '- Written by Somebody",0.065736,/f.jpg,1997-08-20,tt1,x,/f.jpg,2012-09-29,,Midnight Man\n'
    "False,,[],999,tt0000999,Unlinked,,,,Unlinked\n"
    "False,,\"[{'id': 28, 'name': \",950,tt0113278,Broken list,,,,Broken\n"
)


@pytest.mark.parametrize(
    ("heading", "values"), [("adult", ("True", "False", "")), ("isAdult", ("1", "0", ""))]
)
def test_adult_is_read_and_what_is_not_known_stays(
    engine: Engine, tmp_path: Path, heading: str, values: tuple[str, ...]
) -> None:
    adult = "select movie_id from recsys.movies where adult order by 1"

    def load_films(*given: str) -> dict[str, int]:
        lines = [f"id,title,overview,{heading}"]
        lines += [f"{n},Film {n},A plot.,{value}" for n, value in enumerate(given, start=1)]
        write(tmp_path, {"films.csv": "\n".join(lines)})
        return counts(run(engine, tmp_path, max_rejects=0.5), "movies")

    yes, no, unknown = values
    assert load_films(yes, no, unknown, "perhaps") == {"read": 4, "loaded": 3, "rejected": 1}
    assert rows(engine, adult) == [(1,)]
    assert rows(engine, "select line, reason from recsys.load_rejects") == [
        (5, "adult is neither True nor False")
    ]
    assert load_films(unknown, unknown, yes.lower()) == {"read": 3, "updated": 1, "unchanged": 2}
    assert rows(engine, adult) == [(1,), (3,)]
    assert load_films(no, yes, yes) == {"read": 3, "updated": 2, "unchanged": 1}
    assert rows(engine, adult) == [(2,), (3,)]


def test_a_description_may_say_that_a_film_is_adult(engine: Engine, tmp_path: Path) -> None:
    films, texts = tmp_path / "films", tmp_path / "texts"
    films.mkdir()
    texts.mkdir()
    run(engine, write(films, {"movies.csv": MOVIES_CSV, "links.csv": LINKS_CSV}))
    write(texts, {"texts.csv": "imdb_id,isAdult,plot\ntt0113277,1,A heist.\ntt0211915,,Un été.\n"})
    run(engine, texts)
    adult = "select movie_id from recsys.movies where adult"
    assert rows(engine, adult) == [(2,)]
    before = everything(engine)
    run(engine, texts)
    assert everything(engine) == before


def test_kaggles_movies_dataset(engine: Engine, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "movies_metadata.csv": METADATA,
            "links.csv": "movieId,imdbId,tmdbId\n1,0114709,862.0\n6,0113277,949.0\n7,0113278,950\n",
            "links_small.csv": "movieId,imdbId,tmdbId\n1,0114709,862\n",
            "keywords.csv": "id,keywords\n862,\"[{'id': 931, 'name': 'jealousy'}]\"\n949,[]\n",
            "credits.csv": "cast,crew,id\n\"[{'cast_id': 14, 'name': \"\"Tom O'Hanks\"\", 'order': 0, 'profile_path': None}]\",\"[{'job': 'Director', 'name': 'John Lasseter'}]\",862\n",
            "ratings.csv": "userId,movieId,rating,timestamp\n1,6,4.0,1425941529\n1,1,5.0,1425941530\n",
            "ratings_small.csv": "userId,movieId,rating,timestamp\n1,6,4.0,1425941529\n",
        },
    )
    report = run(engine, tmp_path, max_rejects=0.6)
    assert report.format == "kaggle"
    assert rows(engine, FILMS) == [
        (1, "Toy Story", 1995, ["Animation", "Children's"], "tt0114709", 862),
        (6, "Heat", 1995, ["Action"], "tt0113277", 949),
    ]
    assert [row[:3] for row in rows(engine, RATINGS_QUERY)] == [(1, 1, 5.0), (1, 6, 4.0)]
    assert rows(engine, "select keyword from recsys.movie_keywords") == [("jealousy",)]
    assert rows(engine, "select name from recsys.people order by 1") == [
        ("John Lasseter",),
        ("Tom O'Hanks",),
    ]
    assert rows(engine, "select file, line, reason from recsys.load_rejects order by 1, 2") == [
        ("links.csv", 4, "no such film"),
        ("movies_metadata.csv", 4, "wrong number of fields"),
        ("movies_metadata.csv", 5, "id is not a whole number"),
        ("movies_metadata.csv", 6, "links.csv has no film of this TMDB id"),
        ("movies_metadata.csv", 7, "genres is no list of names, or one is too long"),
    ]
    assert report.joined["tmdb_id"] == 3
    assert open_source(str(tmp_path)).unread == ["links_small.csv", "ratings_small.csv"]  # type: ignore[attr-defined]


def test_damaged_archives_and_odd_files_are_refused_in_one_line(
    engine: Engine, tmp_path: Path
) -> None:
    whole = gzip.compress(RATINGS_CSV.encode() * 100)
    write(
        tmp_path,
        {
            "cut.csv.gz": whole[: len(whole) // 2],
            "broken.zip": b"PK\3\4 nothing",
            "random.bin": bytes(range(256)) * 50,
            "empty.csv": "",
            "heading.csv": "user,item,rating\n",
        },
    )
    for name in ("cut.csv.gz", "broken.zip", "random.bin", "empty.csv", "heading.csv"):
        with pytest.raises(SourceError) as caught:
            run(engine, tmp_path / name)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400
    assert everything(engine) == []


def test_names_that_are_not_utf_8(engine: Engine, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(folder)  # noqa: PTH102
    for name, text in ((b"movies.csv", MOVIES_CSV), (b"\xfe.csv", "user,item,rating\n1,1,9\n")):
        Path(os.fsdecode(folder + b"/" + name)).write_text(text)
    run(engine, os.fsdecode(folder), max_rejects=0.5)
    assert rows(
        engine,
        "select file, right(source, 5) from recsys.load_rejects natural join recsys.load_runs",
    ) == [(r"\xfe.csv", r"/\xff")]


def test_a_zip_packed_in_an_unknown_way(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "odd.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("movies.csv", MOVIES_CSV)
    data = bytearray(path.read_bytes())
    data[8] = data[data.index(b"PK\1\2") + 10] = 9  # Deflate64
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"movies\.csv cannot be read"):
        run(engine, path)


def test_a_format_can_be_named(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, {"movies.dat": "54890::Film (1913)::\n", "ratings.dat": "1::54890::9::1\n"})
    assert open_source(str(tmp_path)).format == "movielens-dat"
    with pytest.raises(SourceError, match="as kaggle"):
        open_source(str(tmp_path), "kaggle")
    write(tmp_path, {"movies.dat": "0054890::Film (1913)::\n"})
    assert open_source(str(tmp_path), "movielens-dat").format == "movielens-dat"
