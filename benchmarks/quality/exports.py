"""How many entries of an export of Letterboxd find their film, and how many another one.

    python -m benchmarks.quality.exports [--films 1000] [--rows 5000] [--seed 1]

The catalogue is ml-latest-small. Films of it are drawn, and their titles written as that site
writes them: the article in front, the first of several titles alone, "&" for "and" or the other way
round (half of the titles with one), accents left out (half of the titles with one), another dash or
colon before a subtitle (half), the year one off (a tenth). They are loaded as ratings.csv, and
each is looked up under the film that it was made of. Then `--rows` of all films are loaded, in
seconds. Last, films that are drawn are taken out of a catalogue of a random half: entries of films
that are not there must find none.
"""

from __future__ import annotations

import argparse
import csv
import random
import re
import tempfile
import unicodedata
from pathlib import Path
from time import perf_counter

from sqlalchemy import Engine

from benchmarks.scratch import data_set, scratch_database
from recsys.loading.load import load
from recsys.sources import open_source
from recsys.sources.tables import Reading

BEHIND = re.compile(
    r"^(.*), (The|A|An|La|Le|Les|Il|El|Los|Las|Der|Die|Das|Lo|Un|Une|Den|Det|L')$", re.I
)
WRONG = """
    select m.title, m.year from recsys.ratings r join recsys.movies m using (movie_id)
    where r.user_id = 1 limit 20
"""
FILMS = """
    select movie_id, title, year from recsys.movies
    where year is not null order by movie_id
"""


Film = tuple[int, str, int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=1_000)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    movies = data_set("ml-latest-small") / "movies.csv"
    with scratch_database() as engine, tempfile.TemporaryDirectory() as folder:
        load(engine, open_source(str(movies)))
        with engine.connect() as connection:
            films: list[Film] = [tuple(row) for row in connection.exec_driver_sql(FILMS)]
        for user, count in ((1_000_001, arguments.films), (1_000_002, arguments.rows)):
            drawn = chance.sample(films, min(count, len(films)))
            path = write_export(Path(folder), drawn, chance)
            begun = perf_counter()
            report = load(engine, open_source(str(path), reading=Reading(user_id=user)))
            seconds = perf_counter() - begun
            joined, wrong = judge(engine, user, [movie_id for movie_id, _, _ in drawn])
            print(
                f"{len(drawn):,} entries: joined {joined / len(drawn):.2%}, of these at another "
                f"film {wrong / len(drawn):.2%}; {seconds:.1f} s",
                flush=True,
            )
            print(", ".join(f"{n:,} by {key}" for key, n in report.joined.items() if n))
            for reject in report.rejects[:8]:
                print(f"  {reject.raw}: {reject.reason}")

    with scratch_database() as engine, tempfile.TemporaryDirectory() as folder:
        heading, *lines = movies.read_text(encoding="utf-8").splitlines()
        chance.shuffle(lines)
        half = Path(folder, "movies.csv")
        half.write_text("\n".join([heading, *lines[: len(lines) // 2]]) + "\n", encoding="utf-8")
        load(engine, open_source(str(half)))
        with engine.connect() as connection:
            here = {row[0] for row in connection.exec_driver_sql(FILMS)}
        absent = [film for film in films if film[0] not in here]
        path = write_export(Path(folder), absent, chance)
        load(engine, open_source(str(path), reading=Reading(user_id=1)))
        joined, _ = judge(engine, 1, [movie_id for movie_id, _, _ in absent])
        print(f"{len(absent):,} entries of other films: {joined / len(absent):.2%} joined")
        with engine.connect() as connection:
            for row in connection.exec_driver_sql(WRONG):
                print(f"  {row.title} ({row.year})")


def write_export(folder: Path, films: list[Film], chance: random.Random) -> Path:
    """Write ratings.csv as Letterboxd does; the time tells the row, a second a film."""
    path = folder / "ratings.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Date", "Name", "Year", "Letterboxd URI", "Rating"])
        for place, (_, title, year) in enumerate(films):
            when = f"2020-01-01T{place // 3600:02}:{place // 60 % 60:02}:{place % 60:02}Z"
            writer.writerow([when, *as_written(title, year, chance), "https://example.org", 4])
    return path


def judge(engine: Engine, user: int, movie_ids: list[int]) -> tuple[int, int]:
    """Return how many entries stand at a film, and how many of these at another one."""
    query = """
        select movie_id, extract(epoch from rated_at - '2020-01-01 00:00Z')::integer
        from recsys.ratings where user_id = %s
    """
    with engine.connect() as connection:
        found = connection.exec_driver_sql(query, (user,)).all()
    return len(found), sum(movie_ids[place] != movie_id for movie_id, place in found)


def as_written(title: str, year: int, chance: random.Random) -> tuple[str, int]:
    """Return a title and year as another site may write them."""
    name = re.sub(r"\s*\(.*\)$", "", title)
    if behind := BEHIND.match(name):
        article = behind[2]
        name = article + ("" if article.endswith("'") else " ") + behind[1]
    if chance.random() < 0.5:
        name = name.replace(" & ", " and ") if " & " in name else name.replace(" and ", " & ")
    if chance.random() < 0.5:
        parts = unicodedata.normalize("NFD", name)
        name = "".join(letter for letter in parts if not unicodedata.combining(letter))
    if chance.random() < 0.5:
        name = name.replace(": ", " - ") if ": " in name else name.replace(" - ", ": ")
    return name, year + (chance.choice([-1, 1]) if chance.random() < 0.1 else 0)


if __name__ == "__main__":
    main()
