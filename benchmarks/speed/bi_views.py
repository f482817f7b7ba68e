"""How long every view for BI tools takes to answer with all its rows, and how long a refresh takes.

    RECSYS_TEST_DATA=... python -m benchmarks.speed.bi_views [--ratings 5000000] [--rounds 3]

On ml-latest-small with a model and lists for everybody, then on simulated ratings likewise. A
view's answer is computed and put into the form that is sent to a client (EXPLAIN's SERIALIZE);
the client's own time is not counted. The chart is a query of the kind that BI tools send: ratings
and their mean by month. While the views are refreshed, a reader asks one of them without a pause.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time

from sqlalchemy import Connection, Engine

from benchmarks.scratch import data_set, scratch_database
from recsys.database import views
from recsys.database.install import sql_files
from recsys.loading.load import load
from recsys.models.lists import recommend_all
from recsys.parameters import Parameters
from recsys.sources import open_source
from recsys.sources.batches import Source
from recsys.sources.simulated.synthetic import SyntheticSource
from recsys.training.train import train

CHART = "select rated_month, count(*), avg(rating) from recsys_bi.ratings group by 1 order by 1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    users = arguments.ratings // 100
    simulated = SyntheticSource(users=users, movies=20_000, ratings=arguments.ratings)
    for name, source, allowed in (
        ("ml-latest-small", open_source(str(data_set("ml-latest-small"))), 1.0),
        (f"{arguments.ratings:,} simulated ratings", simulated, 5.0),
    ):
        with scratch_database() as engine:
            measure(engine, name, source, allowed, arguments.rounds)


def measure(engine: Engine, name: str, source: Source, allowed: float, rounds: int) -> None:
    """Print the times of all views of one source, the slowest first."""
    load(engine, source)
    train(engine, Parameters(factors=16, epochs=4, alpha=0.3, regularization=0.01), device="cpu")
    recommend_all(engine, k=10)
    print(f"\n{name}: {refresh(engine)}")
    with engine.connect() as connection:
        queries = {path.stem: f"select * from recsys_bi.{path.stem}" for path in sql_files("views")}
        times = {
            view: statistics.median(answer(connection, query) for _ in range(rounds))
            for view, query in {**queries, "a chart of ratings": CHART}.items()
        }
        for view, seconds in sorted(times.items(), key=lambda item: -item[1]):
            rows = connection.exec_driver_sql(
                f"select count(*) from ({queries.get(view, CHART)}) x"
            ).scalar()
            slow = "" if seconds <= allowed else f"   above {allowed:g} s"
            print(f"  {view:24} {rows:>10,} rows {1000 * seconds:8.0f} ms{slow}", flush=True)


def answer(connection: Connection, query: str) -> float:
    """Seconds until all rows of a query are ready to be sent."""
    begun = time.perf_counter()
    connection.exec_driver_sql(f"explain (analyze, serialize text, timing off) {query}").all()
    return time.perf_counter() - begun


def refresh(engine: Engine) -> str:
    """Refresh while a reader asks; say how long both took."""
    waits: list[float] = []
    done = threading.Event()

    def read() -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not done.is_set():
                begun = time.perf_counter()
                connection.exec_driver_sql("select count(*) from recsys_bi.user_activity").all()
                waits.append(time.perf_counter() - begun)

    views.refresh(engine)
    reader = threading.Thread(target=read)
    reader.start()
    begun = time.perf_counter()
    views.refresh(engine)
    seconds = time.perf_counter() - begun
    done.set()
    reader.join()
    return (
        f"refreshed in {seconds:.1f} s, while a reader's slowest of {len(waits):,} queries took "
        f"{1000 * max(waits):.0f} ms"
    )


if __name__ == "__main__":
    main()
