"""Training end to end: atomic, repeatable, and served in the model's own order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from recsys.database.copy import read_columns
from recsys.errors import TrainingError
from recsys.loading.load import load
from recsys.loading.tally import LoadReport
from recsys.parameters import Parameters
from recsys.sources import open_source
from recsys.training.train import train
from tests.helpers.forked import start
from tests.helpers.killed import train_and_die
from tests.helpers.servers import url_of


def answers(engine: Engine) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            "select u, r.* from generate_series(1, 20) u, recsys.recommend(u) r order by u, rank"
        )
        return [tuple(row) for row in found]


def test_a_training_killed_before_its_commit_leaves_nothing(
    sample_engine: Engine, tmp_path: Path
) -> None:
    before, written = answers(sample_engine), tmp_path / "written"
    url = sample_engine.url.render_as_string(hide_password=False)
    process = start(train_and_die, url, str(written))
    process.join()
    assert (process.exitcode, written.exists()) == (-signal.SIGKILL, True)
    assert answers(sample_engine) == before
    with sample_engine.connect() as connection:
        assert connection.exec_driver_sql(
            "select (select count(*) from recsys.models),"
            " (select count(distinct model_id) from recsys.movie_vectors)"
        ).one() == (1, 1)


def test_same_seed_same_vectors(sample_engine: Engine) -> None:
    ids = [
        train(
            sample_engine,
            Parameters(factors=8, seed=3, alpha=0.3, regularization=0.01),
            device="cpu",
        )
        for _ in range(2)
    ]
    with sample_engine.connect() as connection:
        first, again = (
            connection.exec_driver_sql(
                "select movie_id, embedding::text from recsys.movie_vectors "
                "where model_id = %s order by 1",
                (model_id,),
            ).all()
            for model_id in ids
        )
    assert first == again


def test_only_ratings_from_the_threshold_on_count(sample_engine: Engine) -> None:
    with sample_engine.begin() as connection:
        connection.exec_driver_sql("update recsys.ratings set rating = 3.5 where user_id = 5")
        connection.exec_driver_sql("update recsys.ratings set rating = 3.5 where movie_id = 7")
    model_id = train(
        sample_engine, Parameters(factors=4, alpha=0.3, regularization=0.01), device="cpu"
    )
    with sample_engine.connect() as connection:
        assert connection.exec_driver_sql(
            "select (select count(*) from recsys.user_vectors where model_id = %(m)s and user_id = 5),"
            " (select count(*) from recsys.movie_vectors"
            " where model_id = %(m)s and movie_id = 7 and not content),"
            " liked_count from recsys.movies where movie_id = 7",
            {"m": model_id},
        ).one() == (0, 0, 0)


@pytest.mark.slow
def test_the_half_life_is_that_of_the_likes(sample_engine: Engine) -> None:
    """Without times there is none; a short one where each film is rated on a day of its own."""
    parameters = Parameters(factors=4, epochs=2, alpha=0.3, regularization=0.01)
    half_life = "select half_life from recsys.models where model_id = %s"
    popularity = "select popularity, liked_count from recsys.movies"
    with sample_engine.begin() as connection:
        connection.exec_driver_sql("update recsys.ratings set rated_at = '2018-01-01'")
    timeless = train(sample_engine, parameters, device="cpu")
    with sample_engine.begin() as connection:
        assert connection.exec_driver_sql(half_life, (timeless,)).scalar() is None
        assert all(now == ever for now, ever in connection.exec_driver_sql(popularity))
        connection.exec_driver_sql(
            "update recsys.ratings set rated_at = timestamptz '2018-01-01 Z'"
            " + movie_id * interval '1 day' + user_id * interval '1 minute'"
        )
    for if_better in (None, "ndcg@10"):
        model_id = train(sample_engine, parameters, device="cpu", if_better=if_better)
        with sample_engine.connect() as connection:
            chosen = connection.exec_driver_sql(half_life, (model_id,)).scalar_one()
            assert timedelta(0) < chosen < timedelta(days=20)
            found = connection.exec_driver_sql(popularity).all()
            assert sum(now for now, _ in found) < sum(ever for _, ever in found) / 2


def test_the_model_says_what_made_it(sample_engine: Engine) -> None:
    losses: list[float] = []

    def progress(what: str, done: int, of: int | None = None, note: str = "") -> None:
        if what == "training":
            losses.append(float(note.split()[1].rstrip(",")))

    parameters = Parameters(factors=4, epochs=3, alpha=0.3, regularization=0.01)
    model_id = train(sample_engine, parameters, device="cpu", progress=progress)
    with sample_engine.connect() as connection:
        row = connection.exec_driver_sql(
            "select * from recsys.models where model_id = %s", (model_id,)
        ).one()
    assert row.parameters["factors"] == 4
    assert row.parameters["threshold"] == 4
    assert row.metrics["loss"] == pytest.approx(losses[-1], abs=1e-4)
    assert len(losses) == 3
    assert np.isfinite(losses).all()
    assert row.data["ratings"] > row.data["positives"] > 0


def test_too_few_ratings_and_an_unknown_device(engine: Engine, sample_engine: Engine) -> None:
    with pytest.raises(TrainingError, match="too few"):
        train(engine)
    with pytest.raises(TrainingError, match="no device 'abacus'"):
        train(sample_engine, device="abacus")


def test_two_trainings_at_once_take_turns(sample_engine: Engine) -> None:
    """Each writes vectors and then builds indexes, which the other's writing would block."""
    with ThreadPoolExecutor(2) as pool:
        ids = set(
            pool.map(
                lambda seed: train(
                    sample_engine,
                    Parameters(factors=4, epochs=1, seed=seed, alpha=0.3, regularization=0.01),
                    device="cpu",
                ),
                range(2),
            )
        )
    with sample_engine.connect() as connection:
        counts = connection.exec_driver_sql(
            "select model_id, count(*) from recsys.movie_vectors group by 1"
        ).all()
    assert ids < {row[0] for row in counts}


def test_a_model_of_films_that_were_replaced_meanwhile_is_refused(sample_engine: Engine) -> None:
    """The new films may have the same ids, so nothing else would stop it."""

    def replace_at_the_end(what: str, *_: object, **__: object) -> None:
        if what == "writing" and not replaced:
            replaced.append(load(sample_engine, open_source("sample"), replace_all=True))

    replaced: list[LoadReport] = []
    with pytest.raises(TrainingError, match="were replaced during the training"):
        train(sample_engine, Parameters(factors=4, epochs=1), progress=replace_at_the_end)
    with sample_engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from recsys.models").scalar() == 0
    assert train(sample_engine, Parameters(factors=4, epochs=1)) > 0


def test_a_diverged_training_says_so(sample_engine: Engine) -> None:
    with pytest.raises(TrainingError, match=r"diverged|learned nothing"):
        train(sample_engine, Parameters(factors=16, epochs=3, alpha=0, regularization=0))


@pytest.mark.parametrize(
    ("epochs", "regularization"),
    [
        (40, 0.01),
        (16, 0.5),
        pytest.param(16, 0.01, marks=pytest.mark.slow),
        pytest.param(16, 0.1, marks=pytest.mark.slow),
    ],
)
def test_users_apart_from_all_others_are_answered(
    sample_engine: Engine, epochs: int, regularization: float
) -> None:
    """Films that only they like shrink at each epoch, down to numbers whose squares underflow."""
    with sample_engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into recsys.movies (movie_id, title) values (900001, 'A'), (900002, 'B')"
        )
        connection.exec_driver_sql(
            "insert into recsys.ratings (user_id, movie_id, rating) values "
            "(800001, 900001, 5), (800002, 900002, 5), (800002, 900001, 5)"
        )
    train(
        sample_engine,
        Parameters(16, epochs, regularization=regularization, alpha=0.3),
        device="cpu",
    )
    with sample_engine.begin() as connection:
        connection.exec_driver_sql(
            "insert into recsys.ratings (user_id, movie_id, rating) values (800003, 900001, 5)"
        )
        for user in (800001, 800002, 800003):
            found = connection.exec_driver_sql(
                "select count(*), count(*) filter (where score is distinct from 'NaN')"
                " from recsys.recommend(%s)",
                (user,),
            ).one()
            assert found == (10, 10)
            connection.exec_driver_sql("select * from recsys.explain(%s, 1)", (user,))
        connection.exec_driver_sql("select * from recsys.recommend_group('{800001,1}')")


def test_a_threshold_that_is_no_exact_number_leaves_all_vectors_fresh(
    sample_engine: Engine,
) -> None:
    with sample_engine.begin() as connection:
        connection.exec_driver_sql("update recsys.ratings set rating = 3.3 where rating = 3.5")
    train(
        sample_engine,
        Parameters(factors=4, epochs=1, alpha=0.3, regularization=0.01),
        threshold=3.3,
        device="cpu",
    )
    with sample_engine.connect() as connection:
        sources = connection.exec_driver_sql(
            "select distinct source from generate_series(1, 50) u, recsys.recommend(u, 1)"
        )
        assert sources.scalars().all() == ["personal"]


@pytest.mark.slow
def test_processes_started_by_torchrun_train_one_model(sample_engine: Engine) -> None:
    wanted = Parameters(16, epochs=4, alpha=0.3, regularization=0.01, seed=1)
    alone = train(sample_engine, wanted, device="cpu")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", "2", "-m", "recsys", "train", "--from-scratch", "--seed", "1"),
            *("--factors", "16", "--epochs", "4", "--alpha", "0.3", "--regularization", "0.01"),
        ],
        env={**os.environ, "DATABASE_URL": url_of(sample_engine)},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("is active") == 1  # one of them alone writes and prints
    for table, key in (("movie_vectors", "movie_id"), ("user_vectors", "user_id")):
        learned = " and not content" if table == "movie_vectors" else ""
        with sample_engine.connect() as connection:
            first, second = (
                read_columns(
                    connection,
                    f"select {key}, embedding from recsys.{table} where model_id = {model_id}"
                    f"{learned} order by {key}",
                    id="i8", embedding=17,
                )
                for model_id in (alone, alone + 1)
            )  # fmt: skip
        assert (first["id"] == second["id"]).all()
        np.testing.assert_allclose(first["embedding"], second["embedding"], rtol=0, atol=1e-4)
