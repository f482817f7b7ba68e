"""How well films are found by their plots in other words, and how long that takes.

    python -m benchmarks.quality.plot_search [--encoder FOLDER]

1. Overviews of ml-latest-small's films, each of which is to find its own film among 839 films
   known by their long plots alone. A plot belongs to the first film whose title equals the plot's,
   once the year is taken off and the article put in front.
2. Twenty films in one's own words (tests/helpers/plot_queries.py), among the catalogue's overviews.
3. The time of `recsys.search_plots` for 400 of those overviews, cut to 20 words.

Each by `recsys.search_plots`, by terms and with a sentence encoder's vectors, if one is named.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from sqlalchemy import Engine

from benchmarks.scratch import data_set, scratch_database
from recsys.database.engine import driver
from recsys.learning.encoders import encoder_name
from recsys.loading.load import load
from recsys.models.text_vectors import embed, query_vector
from recsys.serving.recommender import Recommender
from recsys.sources import open_source
from recsys.training.texts import learn_texts
from tests.helpers.plot_queries import QUERIES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", help="name or folder of a sentence encoder")
    arguments = parser.parse_args()
    encoders = ["terms", *([arguments.encoder] if arguments.encoder else [])]
    with scratch_database() as engine:
        find_own_films(engine, encoders)
    with scratch_database() as engine:
        for name in ("ml-latest-small", "overviews"):
            load(engine, open_source(str(data_set(name))))
        prepare(engine, encoders)
        for encoder in encoders:
            own_words(engine, encoder)
        latency(engine)


def find_own_films(engine: Engine, encoders: list[str]) -> None:
    plots: dict[str, str] = {}
    for film in json.loads((data_set("plots") / "movieDataPlot.json").read_text()):
        plots.setdefault(film["title"], film["plot"])
    queries: dict[str, str] = {}
    with (data_set("overviews") / "ml-latest-small.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            title = re.sub(r"\s*\(\d{4}\)\s*$", "", row["title"]).strip()
            title = re.sub(r"^(.*), (The|A|An)$", r"\2 \1", title)
            if row["overview"].strip() and title in plots:
                queries.setdefault(title, row["overview"])
    titles = list(plots)
    with engine.begin() as connection:
        connection.exec_driver_sql("set local recsys.bulk = on")
        for place, title in enumerate(titles, start=1):
            connection.exec_driver_sql(
                "insert into recsys.movies (movie_id, title) values (%s, %s)", (place, title)
            )
            connection.exec_driver_sql(
                "insert into recsys.movie_texts values (%s, 'plot', %s)", (place, plots[title])
            )
    prepare(engine, encoders)
    own = [titles.index(title) + 1 for title in queries]
    print(f"{len(queries)} overviews among {len(titles)} plots      R@1    R@10   MRR")
    for encoder in encoders:
        ranks = np.array(ranks_of(engine, encoder, zip(queries.values(), own, strict=True)))
        found = (ranks == 1).mean(), (ranks <= 10).mean(), (1 / ranks).mean()
        print(f"{Path(encoder).name:38s}" + "".join(f"  {value:.3f}" for value in found))


def prepare(engine: Engine, encoders: list[str]) -> None:
    learn_texts(engine)
    for encoder in encoders[1:]:
        embed(engine, encoder)


def ranks_of(
    engine: Engine, encoder: str, queries: Iterable[tuple[str, int]], most: int = 1000
) -> list[float]:
    """Return the rank of the film that each query means, infinite beyond `most`."""
    recommender = Recommender.on(engine)
    ranks = []
    for text, movie_id in queries:
        vector = None
        if encoder != "terms":
            with engine.connect() as connection:
                vector = query_vector(connection, encoder, text)[1]
        found = recommender.search_plots(
            text, most, embedding=vector, encoder=encoder_name(encoder)
        )
        ranks.append(next((film.rank for film in found if film.movie_id == movie_id), float("inf")))
    return ranks


def own_words(engine: Engine, encoder: str) -> None:
    with engine.connect() as connection:
        films = [
            connection.exec_driver_sql(
                "select movie_id from recsys.movies where title = %s and year = %s", film
            ).scalar_one()
            for film in QUERIES
        ]
    ranks = ranks_of(engine, encoder, zip(QUERIES.values(), films, strict=True))
    shown = " ".join(f"{rank:g}" for rank in ranks)
    first_ten = sum(rank <= 10 for rank in ranks)
    print(f"in one's own words, {Path(encoder).name}: {first_ten} of {len(ranks)} in the first ten "
          f"({shown})")  # fmt: skip


def latency(engine: Engine) -> None:
    with engine.connect() as connection:
        texts = connection.exec_driver_sql(
            "select text from recsys.movie_texts order by hashint8(movie_id) limit 400"
        ).scalars()
        queries = [" ".join(text.split()[:20]) for text in texts]
        films = connection.exec_driver_sql(
            "select count(*) from recsys.movie_terms where plot is not null"
        ).scalar()
        cursor = driver(connection).cursor()
        seconds = []
        for query in queries:
            begun = time.perf_counter()
            cursor.execute("select * from recsys.search_plots(%s)", (query,), prepare=True)
            cursor.fetchall()
            seconds.append(time.perf_counter() - begun)
    p50, p95 = np.percentile(np.array(seconds) * 1000, [50, 95])
    print(f"search_plots over {films:,} overviews: p50 {p50:.1f} ms, p95 {p95:.1f} ms")


if __name__ == "__main__":
    main()
