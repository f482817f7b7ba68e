"""What the tests of loading share: small files, and how a load is run and looked at."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from recsys.loading.load import load
from recsys.loading.tally import LoadReport
from recsys.sources import open_source
from recsys.sources.tables import Reading

FILMS = """
    select m.movie_id, m.title, m.year, b.genres, m.imdb_id, m.tmdb_id
    from recsys.movies m join recsys_bi.movies b using (movie_id) order by 1
"""
RATINGS_QUERY = """
    select user_id, movie_id, rating, extract(epoch from rated_at)::bigint
    from recsys.ratings order by 1, 2
"""
MOVIES_CSV = "movieId,title,genres\n1,Toy Story (1995),Comedy\n2,Heat (1995),Action|Crime\n3,Amélie (2001),Comedy\n"
LINKS_CSV = "movieId,imdbId,tmdbId\n1,0114709,862\n2,0113277,949\n3,0211915,194\n"
RATINGS_CSV = "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,2,0.5,964981247\n"


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    return folder


def run(
    engine: Engine,
    path: object,
    file_format: str | None = None,
    reading: Reading | None = None,
    **options: Any,
) -> LoadReport:
    return load(engine, open_source(str(path), file_format, reading=reading), **options)


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql(query, execution_options={"no_parameters": True})
        return [tuple(row) for row in found]


def counts(report: LoadReport, kind: str) -> dict[str, int]:
    """Those counts of a kind that are not zero."""
    return {name: value for name, value in asdict(report.kinds[kind]).items() if value}


def everything(engine: Engine) -> list[tuple[Any, ...]]:
    tables = "movies genres movie_genres ratings tags users movie_texts movie_keywords people"
    return [
        (table, *row)
        for table in [*tables.split(), "movie_people"]
        for row in rows(engine, f"select * from recsys.{table} t order by t")
    ]


MOVIES = """movieId,title,genres
1,Toy Story (1995),Adventure|Animation|Comedy
2,"American President, The (1995)",Comedy|Drama
3,Babylon 5,Sci-Fi
4,Nobody Knows What (2001) ,(no genres listed)
5,"A ""Quoted"" Film: Desu nôto (2006–2007)",Drama
"""
LINKS = "movieId,imdbId,tmdbId\n1,0114709,862\n2,0112346,\n3,,\n"
RATINGS = """userId,movieId,rating,timestamp
1,1,4.0,964982703
1,2,0.5,964981247
2,1,5.0,964982224
"""
TAGS = "userId,movieId,tag,timestamp\n2,1,so funny,1445714994\n"


def folder(path: Path, **files: str) -> str:
    contents = {"movies": MOVIES, "links": LINKS, "ratings": RATINGS, "tags": TAGS} | files
    for name, text in contents.items():
        (path / f"{name}.csv").write_bytes(text.encode())
    return str(path)
