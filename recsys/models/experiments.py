"""Experiments: which variants there are, from when to when, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, select, text

from recsys.database.tables import experiment_variants, experiments
from recsys.errors import InvalidRequest
from recsys.models.versions import show_model

LIST = """
    select e.name, e.started_at, e.ended_at,
        string_agg(format('%s=%s:%s', v.variant, coalesce(v.model_id::text, 'active'), v.share),
            ' ' order by v.variant collate "C") as variants,
        e.comment
    from recsys.experiments e
    left join recsys.experiment_variants v on v.experiment = e.name
    group by e.name
    order by e.started_at desc, e.name
"""
RESULTS = "select * from recsys_bi.experiment_results where experiment = :name order by variant"
DAYS = """
    select d.as_of, m.variant, exp(m.log_lift) - 1 as lift,
        exp(m.log_lift - g.margin) - 1 as lift_low, exp(m.log_lift + g.margin) - 1 as lift_high
    from recsys.experiments e
    cross join lateral generate_series(
        e.started_at + interval '1 day',
        least(now(), e.ended_at + interval '7 days') + interval '1 day',
        interval '1 day') d (as_of)
    cross join lateral recsys_internal.measure_experiments(d.as_of, e.name) m
    cross join lateral recsys_internal.always_valid_margin(m.variance, m.alpha) g (margin)
    where e.name = :name and m.log_lift is not null
    order by m.variant, d.as_of
"""
ESTIMATE = """
    select * from recsys_internal.estimate_clicks(
        :model_id, coalesce(now() - cast(:within as interval), '-infinity'), :users)
"""
LEAST_COVERAGE = 0.5
LEAST_PLACES = 100
STOP = """
    update recsys.experiments set ended_at = greatest(now(), started_at)
    where name = :name and coalesce(ended_at > now(), true)
"""


@dataclass(frozen=True)
class Variant:
    """What users of a variant get.

    Attributes
    ----------
    variant
        Its name.
    share
        Of the users, relative to the other variants' shares.
    model_id
        The model that answers; None for whichever is active.
    rerank, diversity
        As in ``recsys.recommend``; None for what the caller asks for.
    """

    variant: str
    share: float = 1
    model_id: int | None = None
    rerank: bool | None = None
    diversity: float | None = None


def list_experiments(connection: Connection) -> list[dict[str, Any]]:
    """Return every experiment with its variants, as ``NAME=MODEL:SHARE``, the newest first."""
    return [dict(row) for row in connection.execute(text(LIST)).mappings()]


def start_experiment(
    connection: Connection, name: str, variants: Sequence[Variant], comment: str | None = None
) -> None:
    """Let users get lists of variants from now on, where an application names the experiment.

    Parameters
    ----------
    name
        Name of the experiment, which tells its users from those of others.
    variants
        Two or more; the others are compared with the first by name.
    comment
        What it is about.

    Raises
    ------
    InvalidRequest
        There is such an experiment, a model is unknown, or the variants are not two or more of
        different names, with shares above 0.
    """
    if connection.execute(select(experiments).where(experiments.c.name == name)).first():
        raise InvalidRequest(f"there is an experiment {name!r}: choose another name", "name", name)
    if len({one.variant for one in variants}) < max(2, len(variants)):
        raise InvalidRequest("an experiment takes two or more variants of different names")
    for one in variants:
        if one.share <= 0:
            raise InvalidRequest(f"share is {one.share:g}: it must be above 0", "share", one.share)
        if one.model_id is not None:
            show_model(connection, one.model_id)
    connection.execute(experiments.insert(), {"name": name, "comment": comment})
    connection.execute(
        experiment_variants.insert(), [{"experiment": name, **asdict(one)} for one in variants]
    )


def stop_experiment(connection: Connection, name: str) -> None:
    """End an experiment: from now on, lists are those outside of experiments.

    Raises
    ------
    InvalidRequest
        There is no such experiment, or it has ended.
    """
    if connection.execute(text(STOP), {"name": name}).rowcount == 0:
        raise InvalidRequest(
            f"no experiment {name!r} is running (`recsys experiments list` shows them)",
            "name",
            name,
        )


def results(connection: Connection, name: str) -> list[dict[str, Any]]:
    """Return the rows of ``recsys_bi.experiment_results`` of an experiment.

    Raises
    ------
    InvalidRequest
        There is no such experiment.
    """
    connection.execute(text("select recsys_internal.running_variants(:name)"), {"name": name})
    return [dict(row) for row in connection.execute(text(RESULTS), {"name": name}).mappings()]


def lifts_by_day(connection: Connection, name: str) -> list[dict[str, Any]]:
    """Return each variant's lift and its interval as they were at the end of each day."""
    return [dict(row) for row in connection.execute(text(DAYS), {"name": name}).mappings()]


def estimate_clicks(
    connection: Connection, model_id: int, within: str | None = None, users: int | None = None
) -> dict[str, Any]:
    """Return the click rate that a model would have, by what was logged with propensities.

    Parameters
    ----------
    within
        Count what was shown within this time, such as ``30 days``; None for all.
    users
        Ask the model for so many users at most; None for all that were logged.

    Returns
    -------
    dict
        ``users`` and ``places`` that were logged, their ``logged_rate`` of clicks a place, the
        model's ``click_rate`` with its 95 % interval, ``effective_places`` and ``coverage``.

    Raises
    ------
    InvalidRequest
        The model is unknown, or what was logged says too little of it.
    """
    show_model(connection, model_id)
    row = (
        connection.execute(text(ESTIMATE), {"model_id": model_id, "within": within, "users": users})
        .mappings()
        .first()
    )
    if row is None:
        raise InvalidRequest(
            "no list was logged with propensities in that time: recsys.log_shown takes them"
        )
    if row["coverage"] < LEAST_COVERAGE:
        raise InvalidRequest(
            f"the logs cover {row['coverage']:.0%} of what model {model_id} would show, and "
            f"{LEAST_COVERAGE:.0%} are needed: show more of its films, such as by an experiment"
        )
    if row["effective_places"] < LEAST_PLACES:
        raise InvalidRequest(
            f"the logs tell as much of model {model_id} as {row['effective_places']:.0f} places of "
            f"its own lists would, and {LEAST_PLACES} are needed: log more lists"
        )
    return dict(row)
