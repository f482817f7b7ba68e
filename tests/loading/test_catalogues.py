"""Texts find their films; two catalogues never mix; ratings go to the films that are there."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import pytest
from sqlalchemy import Engine

from recsys.errors import SourceError
from recsys.sources import open_source
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


@pytest.fixture
def catalogue(engine: Engine, tmp_path: Path) -> Engine:
    folder = tmp_path / "catalogue"
    folder.mkdir()
    movies = (
        MOVIES_CSV + '4,"Matrix, The (1999)",Action\n5,Twins (2000),Drama\n6,Twins (2000),Comedy\n'
    )
    run(engine, write(folder, {"movies.csv": movies, "links.csv": LINKS_CSV}))
    return engine


def test_texts_join_by_imdb_id_tmdb_id_or_title_and_year(catalogue: Engine, tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text(
        "movieId,title,imdbId,tmdbId,overview\n"
        "77,Whatever,0114709,,by IMDb\n"
        "77,Whatever,,949.0,by TMDB\n"
        "77,The Matrix (1999),,,by title\n"
        "77,Twins (2000),,,two films\n"
        "77,Matrix (1998),,,no film\n"
        "77,AMELIE (2001),,,by title too\n",
    )
    report = run(catalogue, path)
    assert rows(catalogue, "select movie_id, text from recsys.movie_texts order by 1") == [
        (1, "by IMDb"),
        (2, "by TMDB"),
        (3, "by title too"),
        (4, "by title"),
    ]
    assert report.joined == {"imdb_id": 1, "tmdb_id": 1, "title and year": 2, "title alone": 0}
    assert counts(report, "descriptions") == {"read": 6, "loaded": 4, "rejected": 2}
    assert rows(catalogue, "select line, raw from recsys.load_rejects order by 1") == [
        (5, "77,Twins (2000),,,two films"),
        (6, "77,Matrix (1998),,,no film"),
    ]
    assert counts(run(catalogue, path), "descriptions") == {
        "read": 6,
        "unchanged": 4,
        "rejected": 2,
    }
    path.write_text(path.read_text().replace("by IMDb", "changed"))
    assert run(catalogue, path).total.updated == 1


def test_texts_never_join_a_film_with_another_id(catalogue: Engine, tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text(
        "imdb_id,title,plot,movieId,Release Year\n"
        "tt0113277,Heat,right,1,\n"
        "tt9999999,Heat,wrong id,1,1995\n"
        ",Heat,by title,1,\n"
        ",Heat,wrong year,1,1972\n"
        "tt0211915,,no title,1,\n"
        ",,neither,1,\n"
    )
    report = run(catalogue, path, max_rejects=0.5)
    assert rows(catalogue, "select movie_id, text from recsys.movie_texts order by 1") == [
        (2, "right"),  # the better key, not the later row
        (3, "no title"),
    ]
    assert counts(report, "descriptions") == {
        "read": 6,
        "loaded": 2,
        "duplicate": 1,
        "rejected": 3,
    }
    assert report.unjoined == 2


def test_one_folder_with_two_catalogues(engine: Engine, tmp_path: Path) -> None:
    tmdb = "id,title,overview\n1,Another,x\n862,Toy Story,toys\n"
    write(tmp_path, {"movies.csv": MOVIES_CSV, "links.csv": LINKS_CSV, "tmdb.csv": tmdb})
    run(engine, tmp_path)
    assert [row[:2] for row in rows(engine, FILMS)] == [
        (1, "Toy Story"),
        (2, "Heat"),
        (3, "Amélie"),
    ]
    assert rows(engine, "select movie_id, text from recsys.movie_texts") == [(1, "toys")]
    with pytest.raises(SourceError, match="cannot be read as ratings"):
        open_source(str(tmp_path / "tmdb.csv"), "ratings")
    assert open_source(str(tmp_path / "tmdb.csv"), "texts").id_space is None
    both = tmp_path / "both"
    both.mkdir()
    write(both, {"tmdb.csv": tmdb, "ratings.csv": "userId,movieId,rating\n1,1,5\n"})
    with pytest.raises(SourceError, match=r"the ratings of .* number films otherwise"):
        run(engine, both)
    write(both, {"x.csv": tmdb, "x.csv.gz": gzip.compress(tmdb.encode())})
    with pytest.raises(SourceError, match=r"two files x\.csv"):
        run(engine, both)


def test_links_without_a_column_keep_what_is_there(catalogue: Engine, tmp_path: Path) -> None:
    run(catalogue, write(tmp_path, {"l.csv": "movieId,imdbId\n1,0114709\n"}) / "l.csv")
    assert rows(catalogue, FILMS)[0][4:] == ("tt0114709", 862)


def test_more_about_a_film_is_an_update(engine: Engine, tmp_path: Path) -> None:
    for overview, became in (("", "loaded"), ("now", "updated"), ("now", "unchanged")):
        write(tmp_path, {"t.csv": f"id,title,overview\n5,Foo,{overview}\n"})
        assert counts(run(engine, tmp_path), "movies") == {"read": 1, became: 1}


def test_mpst(catalogue: Engine, tmp_path: Path) -> None:
    path = tmp_path / "mpst_full_data.csv"
    path.write_text(
        "imdb_id,title,plot_synopsis,tags,split,synopsis_source\n"
        'tt0113277,Heat,"A ""crew""\nof thieves","violence, neo noir",train,imdb\n'
    )
    assert run(catalogue, path).joined["imdb_id"] == 1
    assert rows(catalogue, "select movie_id, kind, text from recsys.movie_texts") == [
        (2, "plot", 'A "crew"\nof thieves')
    ]
    assert rows(catalogue, "select keyword from recsys.movie_keywords order by 1") == [
        ("neo noir",),
        ("violence",),
    ]


def test_plots_in_json_join_by_title(catalogue: Engine, tmp_path: Path) -> None:
    path = tmp_path / "plots.json"
    films = [
        {"title": "The Matrix", "plot": "A hacker\u0000 learns \ud800the truth."},
        {"title": "Twins", "plot": "Which?", "year": math.nan},
        {"title": "Toy Story", "plot": "first"},
        {"title": "Toy Story", "plot": "last"},
        {"plot": "of nothing"},
        "no film",
    ]
    path.write_text(json.dumps(films))
    report = run(catalogue, path, max_rejects=0.5)
    assert rows(catalogue, "select movie_id, text from recsys.movie_texts order by 1") == [
        (1, "last"),
        (4, "A hacker learns the truth."),
    ]
    assert counts(report, "descriptions") == {
        "read": 6,
        "loaded": 2,
        "duplicate": 1,
        "rejected": 3,
    }
    assert report.unjoined == 1
    path.write_text('[{"title": "Heat"')
    with pytest.raises(SourceError, match=r"plots.json cannot be read: it is no JSON"):
        run(catalogue, path)


def test_tmdb_films_describe_a_movielens_catalogue(catalogue: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "tmdb"
    folder.mkdir()
    (folder / "keywords.csv").write_text("id,keywords\n949,heist\n12,fish\n")
    (folder / "tmdb.csv").write_text(
        "id,title,overview,genres,release_date,imdb_id,poster_path\n"
        "949,Hitze,A heist.,Krimi,1995-12-15,,/heat.jpg\n12,Nemo,A fish.,,2003-05-30,,\n"
    )
    report = run(catalogue, folder)
    assert counts(report, "descriptions") == {"read": 4, "loaded": 2, "rejected": 2}
    assert rows(catalogue, "select title, poster_path from recsys.movies where movie_id = 2") == [
        ("Heat", "/heat.jpg")
    ]
    assert rows(catalogue, "select * from recsys.movie_keywords") == [(2, "heist")]
    assert rows(catalogue, "select count(*) from recsys.movies") == [(6,)]
    assert rows(catalogue, "select genres from recsys_bi.movies where movie_id = 2") == [
        (["Action", "Crime"],)
    ]


@pytest.mark.parametrize(
    "heading",
    ["userId,movieId,rating", "user_id,movie_id,rating", "user;item;rating", "User,Movie,Rating,x"],
)
def test_ratings_of_ones_own(catalogue: Engine, tmp_path: Path, heading: str) -> None:
    path = tmp_path / "mine.csv"
    mark = ";" if ";" in heading else ","
    more = [""] * (heading.count(mark) - 2)
    path.write_text(
        "\n".join(
            [heading, *(mark.join([*row, *more]) for row in (("7", "1", "4.5"), ("7", "2", "1")))]
        )
    )
    assert run(catalogue, path).total.loaded == 2
    assert [row[:3] for row in rows(catalogue, RATINGS_QUERY)] == [(7, 1, 4.5), (7, 2, 1.0)]
    assert run(catalogue, path).total.unchanged == 2


def test_ratings_alone_bring_films_under_their_ids(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv.gz"
    path.write_bytes(gzip.compress(RATINGS_CSV.encode()))
    assert run(engine, path).invented == 2
    assert rows(engine, "select movie_id, title, liked_count from recsys.movies order by 1") == [
        (1, "Movie 1", 1),
        (2, "Movie 2", 0),
    ]
    run(engine, write(tmp_path, {"movies.csv": MOVIES_CSV}) / "movies.csv")  # then names them
    assert [row[1] for row in rows(engine, FILMS)] == ["Toy Story", "Heat", "Amélie"]
    with pytest.raises(SourceError, match="1 of 1 rows"):  # and from now on films are known
        run(engine, write(tmp_path, {"new.csv": "user,item,rating\n1,99,3\n"}) / "new.csv")


def test_another_catalogue_is_refused_unless_it_replaces(catalogue: Engine, tmp_path: Path) -> None:
    write(
        tmp_path,
        {"movies.dat": "0054890::Fantômas (1913)::Crime\n", "ratings.dat": "1::0054890::10::1\n"},
    )
    before = everything(catalogue)
    with pytest.raises(
        SourceError, match=r"numbered by movielens \('Toy Story'.* --replace"
    ) as caught:
        run(catalogue, tmp_path)
    assert "\n" not in str(caught.value)
    assert everything(catalogue) == before
    run(catalogue, tmp_path, replace_all=True)
    assert [row[:2] for row in rows(catalogue, FILMS)] == [(54890, "Fantômas")]
    assert rows(catalogue, "select count(*) from recsys.genres") == [(1,)]
    with pytest.raises(SourceError, match="no films of its own"):
        run(
            catalogue,
            write(tmp_path, {"r.csv": "user,item,rating\n1,1,3\n"}) / "r.csv",
            replace_all=True,
        )


def test_texts_need_films(engine: Engine, tmp_path: Path) -> None:
    path = write(tmp_path, {"plots.json": '[{"title": "Heat", "plot": "A heist."}]'}) / "plots.json"
    with pytest.raises(SourceError, match="the database holds none yet"):
        run(engine, path)
