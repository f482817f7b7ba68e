"""An experiment on the bundled sample: simulated viewers react to two models for 20 days.

    python docs/experiment.py

Half of what each viewer likes is held out: it is what they open when a list shows it. Model a
learned from one viewer in fifty, model b from all. Draws `images/experiment.png`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine

from recsys.database.engine import open_engine
from recsys.evaluation.experiments import draw_lifts
from recsys.evaluation.scratch import scratch_database
from recsys.loading.load import load
from recsys.models.experiments import Variant, lifts_by_day, results, start_experiment
from recsys.parameters import Parameters
from recsys.settings import Settings
from recsys.sources.simulated.sample import SampleSource
from recsys.training.train import train

PLOT = Path(__file__).parent / "images" / "experiment.png"
VIEWERS = 1000
DAYS = 20
VISITS_A_DAY = 0.35
HOLD_OUT = """
    create table public.wanted as
    select user_id, movie_id from recsys.ratings
    where rating >= 4 and recsys_internal.chance(movie_id::text, user_id) < 0.5
"""
NOT_THESE = """
    delete from recsys.ratings r using public.wanted w
    where w.user_id = r.user_id and w.movie_id = r.movie_id
"""
OTHERS = "create table public.others as select * from recsys.ratings where user_id % 50 > 0"
VISIT = """
    with shown as materialized (
        select u.user_id, r.*
        from unnest(%(users)s::bigint[]) u (user_id)
        cross join lateral recsys.recommend(u.user_id, 5, experiment => 'demo') r
    ),
    logged as (
        insert into recsys.impressions (
            user_id, movie_id, rank, model_id, experiment, variant, shown_at)
        select user_id, movie_id, rank, model_id, 'demo', variant, %(at)s from shown
    ),
    opened as (  -- the first film that the viewer wants
        select distinct on (s.user_id) s.user_id, s.movie_id
        from shown s
        join public.wanted w on w.user_id = s.user_id and w.movie_id = s.movie_id
        order by s.user_id, s.rank
    )
    insert into recsys.feedback (user_id, movie_id, kind, at)
    select o.user_id, o.movie_id, k.kind, %(at)s
    from opened o
    cross join (values ('clicked'), ('played'), ('seen')) k (kind)
"""


def train_both(engine: Engine) -> tuple[int, int]:
    """Load the sample, hold likes out, train a model on few viewers and one on all."""
    load(engine, SampleSource())
    some = Parameters(factors=8)
    with engine.begin() as connection:
        for statement in (HOLD_OUT, NOT_THESE, OTHERS):
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
        connection.exec_driver_sql(
            "delete from recsys.ratings r where r.user_id % 50 > 0",
            execution_options={"no_parameters": True},
        )
    few = train(engine, some)
    with engine.begin() as connection:
        connection.exec_driver_sql("insert into recsys.ratings select * from public.others")
    return few, train(engine, some)


def simulate(engine: Engine, models: tuple[int, int]) -> tuple[list[Any], list[Any]]:
    """Let viewers visit for some days; return the results and the lift by day."""
    generator = np.random.default_rng(1)
    first = datetime.now(UTC) - timedelta(days=DAYS)
    variants = [Variant(name, model_id=model) for name, model in zip("ab", models, strict=True)]
    with engine.begin() as connection:
        start_experiment(connection, "demo", variants)
        connection.exec_driver_sql("update recsys.experiments set started_at = %s", (first,))
        for day in range(DAYS):
            users = np.flatnonzero(generator.random(VIEWERS) < VISITS_A_DAY) + 1
            at = first + timedelta(days=day, hours=12)
            connection.exec_driver_sql(VISIT, {"users": users.tolist(), "at": at})
        return results(connection, "demo"), lifts_by_day(connection, "demo")


def main() -> None:
    """Simulate in a database made for it, say which model is better, and draw the lift by day."""
    with scratch_database(open_engine(Settings.from_environment())) as engine:
        outcome, days = simulate(engine, train_both(engine))
    for row in outcome:
        print(*(f"{row[name]}" for name in ("variant", "users", "clicks", "verdict")))  # noqa: T201
    draw_lifts(days, PLOT)


if __name__ == "__main__":
    main()
