"""`recsys experiments` and `recsys retention`: from the start of an experiment to its result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from recsys.settings import Settings
from tests.helpers.commands import fails, recsys


def react(engine: Engine) -> None:
    """Show two films to 2,000 users on five days; those of variant b click twice as often."""
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "update recsys.experiments set started_at = now() - interval '5 days'"
        )
        connection.exec_driver_sql("""
            insert into recsys.impressions (user_id, movie_id, rank, experiment, variant, shown_at)
            select u, 1, 1, 'june', recsys.variant_of(u, 'june'),
                now() - u %% 5 * interval '1 day'
            from generate_series(1, 2000) u
        """)
        connection.exec_driver_sql("""
            insert into recsys.feedback (user_id, movie_id, kind, at)
            select user_id, movie_id, 'clicked', shown_at + interval '1 hour'
            from recsys.impressions
            where user_id %% 10 < case variant when 'b' then 6 else 3 end
              and shown_at < now() - interval '1 hour'
        """)


def test_an_experiment_from_start_to_result(sample_engine: Engine, tmp_path: Path) -> None:
    on = ("--database", str(sample_engine.url.database))
    assert "no experiment yet" in recsys(*on, "experiments", "list").stdout
    two = ("--variant", "a=active:2", "--variant", "b=1:1:no-rerank:diversity=0.25")
    recsys(*on, "experiments", "start", "june", *two, "--comment", "order")
    assert "another name" in fails(*on, "experiments", "start", "june", *two)
    (row,) = json.loads(recsys(*on, "experiments", "list", "-o", "json").stdout)
    assert (row["name"], row["variants"]) == ("june", "a=active:2 b=1:1")
    with sample_engine.connect() as connection:
        found = connection.exec_driver_sql(
            "select rerank, diversity from recsys.experiment_variants order by variant"
        )
        assert [tuple(row) for row in found] == [(None, None), (False, 0.25)]
    listed = json.loads(recsys(*on, "recommend", "7", "--experiment", "june", "-o", "json").stdout)
    with sample_engine.connect() as connection:
        own = connection.exec_driver_sql("select recsys.variant_of(7, 'june')").scalar_one()
    assert {row["variant"] for row in listed} == {own}
    assert "takes no" in recsys(*on, "recommend", "--all", "--experiment", "june", status=2).stderr
    plot = tmp_path / "june.png"
    early = recsys(*on, "experiments", "results", "june", "--plot", str(plot), status=2)
    assert "nothing to draw yet" in early.stderr
    react(sample_engine)
    done = recsys(*on, "experiments", "results", "june", "--plot", str(plot), "-o", "json")
    a, b = json.loads(done.stdout)
    assert a["users"] + b["users"] == 2000
    assert b["verdict"] == "better than a"
    assert 0 < b["lift_low"] < b["lift"] < b["lift_high"]
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "\nb: better than a\n" in recsys(*on, "experiments", "results", "june").stdout
    recsys(*on, "experiments", "stop", "june")
    assert "is running" in fails(*on, "experiments", "stop", "june")
    assert "propensities" in fails(*on, "experiments", "estimate", "1")
    told = recsys(*on, "retention", "--older-than", "30 hours").stdout
    with sample_engine.connect() as connection:
        left = connection.exec_driver_sql("select count(*) from recsys.impressions").scalar_one()
    assert told == f"{2000 - left:,} impressions older than 30 hours are deleted.\n"
    assert left == 800


@pytest.mark.parametrize("variant", ["b", "b=", "b=x", "b=1:many", "b=1:1:diversity=2", "b c=1"])
def test_a_variant_that_is_written_wrong_is_wrong_usage(
    settings: Settings, sample_name: str, variant: str
) -> None:
    given = ("experiments", "start", "e", "--variant", "a=active", "--variant", variant)
    done = recsys("--database", sample_name, *given, status=2)
    assert "NAME=MODEL" in done.stderr
    wrong = recsys(
        "--database", sample_name, "experiments", "results", "e", "--plot", "a.doc", status=2
    )
    assert ".png" in wrong.stderr
    assert "unknown experiment" in fails("--database", sample_name, "experiments", "results", "e")
