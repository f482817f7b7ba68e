"""A split as files, and vectors trained on it elsewhere: asked through SQL, or refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from recsys.errors import EvaluationError, SourceError
from recsys.evaluation import evaluate as module
from recsys.evaluation.data import read_data
from recsys.evaluation.elsewhere import export_split
from recsys.evaluation.evaluate import evaluate
from recsys.evaluation.figures import Scores
from recsys.evaluation.outcomes import OURS, RETRIEVAL, VECTORS, Outcome
from recsys.evaluation.protocol import Protocol, divide
from recsys.evaluation.record import Evaluation
from recsys.evaluation.report import render
from recsys.evaluation.scores import score
from recsys.evaluation.splits import HELD_OUT, LATER, TRAIN
from recsys.models.versions import list_models
from tests.helpers.commands import fails, recsys
from tests.helpers.loads import rows
from tests.helpers.tastes import MOVIES

QUICK = Protocol(ks=(5,), baselines=False)
PARTS = {"train.csv": TRAIN, "later.csv": LATER, "test.csv": HELD_OUT}


@pytest.mark.parametrize(
    "protocol",
    [
        Protocol(),
        Protocol(known="rated"),
        Protocol("time", known="rated"),
        Protocol("leave-one-out"),
        Protocol("users"),
    ],
    ids=str,
)
def test_the_files_are_the_split(two_tastes: Engine, tmp_path: Path, protocol: Protocol) -> None:
    with two_tastes.begin() as connection:
        connection.exec_driver_sql(
            "update recsys.movies set title = 'Say \"A, B\"', year = 1999 where movie_id = 7"
        )
    counts = export_split(two_tastes, protocol, tmp_path / "new" / "split")
    folder = tmp_path / "new" / "split"
    with two_tastes.connect() as connection:
        data = read_data(connection, 4)
        given = {
            (user, film): (stars, at.strftime("%Y-%m-%dT%H:%M:%SZ"))
            for user, film, stars, at in connection.exec_driver_sql(
                "select user_id, movie_id, rating, rated_at at time zone 'UTC' from recsys.ratings"
            )
        }
    parts = divide(data, protocol, 0)
    for name, part in PARTS.items():
        mask = parts == part
        assert (folder / name).exists() is bool(mask.any())
        if not mask.any():
            continue
        frame = pd.read_csv(folder / name)
        assert list(frame.columns) == ["user_id", "movie_id", "rating", "rated_at"]
        found = {
            (user, film): (stars, at) for user, film, stars, at in frame.itertuples(index=False)
        }
        pairs = zip(
            data.ratings.user_ids[data.ratings.user_index[mask]].tolist(),
            data.ratings.movie_ids[data.ratings.movie_index[mask]].tolist(),
            strict=True,
        )
        assert found == {pair: given[pair] for pair in pairs}
        assert counts[name] == len(found)
    films = pd.read_csv(folder / "films.csv").set_index("movie_id")
    assert len(films) == len(data.ratings.movie_ids)
    assert list(films.loc[7, ["title", "year", "genres"]]) == ['Say "A, B"', 1999, "Comedy"]
    readme = (folder / "README.txt").read_text()
    assert str(protocol) in readme
    assert f"{protocol.command()} --vectors FILE" in readme
    assert ("later.csv" in readme) is (protocol.split == "users")
    with pytest.raises(EvaluationError, match="not empty"):
        export_split(two_tastes, protocol, folder)
    with pytest.raises(EvaluationError, match=r"test\.csv cannot be written"):
        export_split(two_tastes, protocol, folder / "test.csv")


def trained(folder: Path, factors: int = 6) -> dict[str, Any]:
    """Truncated SVD of the likes, as anything elsewhere might make vectors."""
    frame = pd.read_csv(folder / "train.csv")
    matrix = frame[frame.rating >= 4].pivot_table(
        index="user_id", columns="movie_id", values="rating", aggfunc="size", fill_value=0
    )
    left, spread, right = np.linalg.svd(matrix.to_numpy(float), full_matrices=False)
    return {
        "user_ids": matrix.index.to_numpy(),
        "users": left[:, :factors] * spread[:factors],
        "movie_ids": matrix.columns.to_numpy(),
        "movies": right[:factors].T,
    }


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> list[Outcome]:
    """What evaluations score."""
    caught: list[Outcome] = []

    def catch(found: list[Outcome], *others: Any) -> Scores:
        caught.extend(found)
        return score(found, *others)

    monkeypatch.setattr(module, "score", catch)
    return caught


@pytest.mark.parametrize("score_of", ["dot", "cosine"])
@pytest.mark.parametrize("known", ["liked", "rated"])
def test_vectors_are_asked_through_sql(
    two_tastes: Engine, tmp_path: Path, outcomes: list[Outcome], known: str, score_of: Any
) -> None:
    protocol = replace(QUICK, known=known, vectors_score=score_of)
    export_split(two_tastes, protocol, tmp_path / "split")
    made = trained(tmp_path / "split")
    both = tmp_path / "both.npz"
    np.savez(both, **made)
    found = evaluate(two_tastes, replace(protocol, vectors=both))
    (outcome,) = outcomes
    assert list(outcome.lists) == [OURS, RETRIEVAL, VECTORS]
    with two_tastes.connect() as connection:
        data = read_data(connection, 4)
        assert not list_models(connection)  # nothing is left of it
    told = pd.read_csv(tmp_path / "split" / "train.csv")
    users, movies = made["users"], made["movies"]
    if score_of == "cosine":
        users, movies = (
            one / np.linalg.norm(one, axis=1, keepdims=True) for one in (users, movies)
        )
    scores = dict(zip(made["user_ids"].tolist(), users @ movies.T, strict=True))
    for user, listed in zip(outcome.users.tolist(), outcome.lists[VECTORS].tolist(), strict=True):
        user_id = data.ratings.user_ids[user]
        seen = told.movie_id[told.user_id == user_id]
        of_film = dict(zip(made["movie_ids"].tolist(), scores[user_id].tolist(), strict=True))
        free = sorted(
            (value for film, value in of_film.items() if film not in set(seen)), reverse=True
        )
        films = data.ratings.movie_ids[[film for film in listed if film >= 0]][: len(free)]
        assert [of_film[film] for film in films.tolist()] == pytest.approx(free, abs=1e-5)
    ours = found.scores.by_method()[OURS]["ndcg", 5]
    assert VECTORS in ours.against
    assert "--vectors " + str(both) in render(found)
    assert any("both.npz" in note for note in found.notes)
    assert rows(two_tastes, "select count(*) from recsys.evaluations"
                " where method = 'vectors' and metric = 'ndcg'") == [(1,)]  # fmt: skip


def test_vectors_without_something_are_refused(two_tastes: Engine, tmp_path: Path) -> None:
    export_split(two_tastes, QUICK, tmp_path / "split")
    made = trained(tmp_path / "split")

    def measured(**changes: Any) -> Evaluation:
        np.savez(tmp_path / "some.npz", **(made | changes))
        return evaluate(two_tastes, replace(QUICK, vectors=tmp_path / "some.npz"))

    films, users = len(made["movie_ids"]), len(made["user_ids"])
    first = made["movie_ids"][1]
    with pytest.raises(EvaluationError, match=f"no vector for 2 of {films} films.*first, {first}"):
        measured(
            **{name: np.delete(made[name], [1, 4], axis=0) for name in ("movie_ids", "movies")}
        )
    with pytest.raises(EvaluationError, match=f"no vector for 1 of {users} users.*--export"):
        measured(**{name: made[name][:-1] for name in ("user_ids", "users")})
    with pytest.raises(SourceError, match="database has none of the"):
        measured(movie_ids=made["movie_ids"] + 100_000)
    with pytest.raises(SourceError, match="there is no file"):
        evaluate(two_tastes, replace(QUICK, vectors=tmp_path / "none.npz"))
    # Zeros say that the training left something out; others films and users may be there.
    zeros = made["movies"].copy()
    zeros[1] = 0
    more = {
        "movie_ids": np.append(made["movie_ids"], 123_456),
        "movies": np.append(zeros, zeros[:1], axis=0),
    }
    assert VECTORS in measured(**more).scores.by_method()


def test_films_alone_are_enough(
    two_tastes: Engine, tmp_path: Path, outcomes: list[Outcome]
) -> None:
    """Users held out get vectors from what they like after the training: of the right taste."""
    protocol = replace(QUICK, split="users")
    export_split(two_tastes, protocol, tmp_path / "split")
    made = trained(tmp_path / "split", factors=2)
    films = pd.DataFrame(made["movies"], index=pd.Index(made["movie_ids"], name="movie_id"))
    films.to_csv(tmp_path / "films.csv")
    evaluate(two_tastes, replace(protocol, vectors=tmp_path / "films.csv"))
    (outcome,) = outcomes
    assert len(outcome.users) == 8
    taste = outcome.lists[VECTORS][:, :5] >= MOVIES // 2
    assert (taste == (outcome.users % 2 == 1)[:, None]).all()


def test_the_command(two_tastes: Engine, tmp_path: Path) -> None:
    name, split = str(two_tastes.url.database), tmp_path / "split"
    arguments = ("--database", name, "evaluate", "-k", "5", "--no-baselines")
    done = recsys(*arguments, "--export", str(split))
    assert re.search(r"train\.csv \(400 ratings\), test\.csv \(80 ratings\)", done.stdout)
    assert not rows(two_tastes, "select from recsys.evaluations")
    made = trained(split)
    for key, vectors in (("movie", "movies"), ("user", "users")):
        ids = pd.Index(made[f"{key}_ids"], name=f"{key}_id")
        pd.DataFrame(made[vectors], index=ids).to_csv(tmp_path / f"{vectors}.csv")
    files = (
        "--vectors",
        str(tmp_path / "movies.csv"),
        "--vectors-users",
        str(tmp_path / "users.csv"),
    )
    page = str(tmp_path / "page.html")
    done = recsys(*arguments, *files, "--report", page)
    assert f"│ {VECTORS} " in done.stdout
    assert "movies.csv and users.csv" in done.stderr
    for wrong in (("--seeds", "2", *files), ("--seeds", "2", "--export", page), files[2:]):
        assert recsys(*arguments, *wrong, status=2).stderr
    assert "not empty" in fails(*arguments, "--export", str(split))
