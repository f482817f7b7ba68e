"""An evaluation from end to end, on ratings with a known answer: the guard, the rows, the report."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import URL, Connection, Engine

from recsys.cli.evaluate import show_evaluation
from recsys.cli.output import Format
from recsys.errors import EvaluationError, InvalidRequest, TrainingError
from recsys.evaluation import evaluate as module
from recsys.evaluation import scratch
from recsys.evaluation.data import read_data
from recsys.evaluation.evaluate import evaluate
from recsys.evaluation.figures import Scores
from recsys.evaluation.outcomes import BASELINES, BIASES, GROUPS, OURS, RETRIEVAL, Outcome
from recsys.evaluation.protocol import UNUSED, Protocol, divide
from recsys.evaluation.record import Evaluation
from recsys.evaluation.report import render
from recsys.evaluation.scores import score
from recsys.evaluation.splits import HELD_OUT, LATER, TRAIN
from recsys.evaluation.tables import figure_rows, group_rows, main_rows, paired_rows
from recsys.models.versions import activate_model, active_model
from recsys.parameters import Parameters
from recsys.training.train import train
from tests.helpers.children import child
from tests.helpers.commands import fails, recsys
from tests.helpers.databases import open_database
from tests.helpers.loads import rows
from tests.helpers.order_oracle import teach_plain
from tests.helpers.tastes import MOVIES, USERS, write_two_tastes

SPLITS = ("random", "time", "leave-one-out", "users")
QUICK = Protocol(ks=(5,), baselines=False)
PEERS = [name for name in BASELINES if name != "decayed"]  # which is left out: times are noise


def scratch_databases(engine: Engine) -> list[tuple[Any, ...]]:
    own = f"{engine.url.database}_evaluation_"
    return rows(engine, f"select datname from pg_database where starts_with(datname, '{own}')")


@pytest.mark.parametrize("known", ["liked", "rated"])
@pytest.mark.parametrize("split", SPLITS)
def test_divided_ratings(two_tastes: Engine, split: str, known: str) -> None:
    with two_tastes.connect() as connection:
        data = read_data(connection, 4)
    parts = divide(data, Protocol(split=split, known=known), seed=0)
    assert data.liked[parts == HELD_OUT].all()
    low = parts[~data.liked]
    if known == "liked":
        assert (low == UNUSED).all()
    elif split == "time":
        old = data.ratings.rated_at[~data.liked] <= data.ratings.rated_at[parts == TRAIN].max()
        assert (
            low[data.ratings.rated_at[~data.liked] > data.ratings.rated_at[data.liked].max()]
            == UNUSED
        ).all()
        assert old[low == TRAIN].mean() > 0.9
    elif split == "random":  # round(0.2 * 3) of each user's three
        unseen = np.bincount(data.ratings.user_index[~data.liked][low == UNUSED])
        assert unseen.tolist() == [1] * USERS
    else:
        assert (low != UNUSED).all()
    strangers = np.unique(data.ratings.user_index[parts == LATER])
    assert (len(strangers) > 0) == (split == "users")
    assert not np.isin(data.ratings.user_index[parts == TRAIN], strangers).any()


@pytest.mark.parametrize(
    "protocol",
    [
        Protocol(ks=(5, 10), seeds=2),
        Protocol(split="time", known="rated", ks=(5,)),
        Protocol(split="leave-one-out", ks=(5,), users=30),
        Protocol(split="users", ks=(5,)),
    ],
    ids=SPLITS,
)
def test_it_beats_popularity_where_tastes_differ(two_tastes: Engine, protocol: Protocol) -> None:
    steps: list[str] = []
    found = evaluate(two_tastes, protocol, lambda what, *others: steps.append(what))
    assert list(dict.fromkeys(steps)) == [
        "reading",
        "copying",
        "training",
        "ranking",
        "asking",
        "baselines",
        "scoring",
    ]
    figures = found.scores.by_method()
    assert list(figures) == [OURS, RETRIEVAL, *PEERS, BIASES]
    assert figures[OURS]["ndcg", 5].against["popularity"].difference > 0.02
    ours = figures[OURS]["ndcg", 5]
    assert ours.ci_low < ours.value < ours.ci_high
    assert found.asked == (30 if protocol.users == 30 else found.with_truth)
    assert not scratch_databases(two_tastes)
    written = rows(two_tastes, "select protocol, method, metric, k, value, details"
                   " from recsys.evaluations order by evaluation_id")  # fmt: skip
    assert len(written) == len(found.scores.figures)
    first = written[0]
    assert first[:4] == (str(protocol), OURS, "ndcg", 5)
    details = first[5]
    assert isinstance(details, dict)
    assert details["data"]["ratings"] == USERS * 15
    assert set(details["against"]) == {RETRIEVAL, *PEERS}
    assert len(details["per_seed"]) == protocol.seeds


def test_the_lists_are_those_of_the_function_and_bar_what_is_known(
    two_tastes: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    caught: list[list[Outcome]] = []

    def catch(outcomes: list[Outcome], *others: Any) -> Scores:
        caught.append(outcomes)
        return score(outcomes, *others)

    monkeypatch.setattr(module, "score", catch)
    for known in ("liked", "rated"):
        evaluate(two_tastes, Protocol(ks=(5,), known=known))
    with two_tastes.connect() as connection:
        data = read_data(connection, 4)
    for known, outcomes in zip(("liked", "rated"), caught, strict=True):
        parts = divide(data, Protocol(known=known), 0)
        told = {
            (int(u), int(m))
            for u, m in zip(
                data.ratings.user_index[parts == TRAIN],
                data.ratings.movie_index[parts == TRAIN],
                strict=True,
            )
        }
        assert list(outcomes[0].lists) == [OURS, RETRIEVAL, *PEERS]
        for lists in outcomes[0].lists.values():
            assert lists.shape == (USERS, 50)
            for user, films in zip(outcomes[0].users.tolist(), lists.tolist(), strict=True):
                listed = [film for film in films if film >= 0]
                # All methods rank all films but those: 60 of them, of which 10 or 12 are barred.
                barred = sum(one == user for one, _ in told)
                assert len(set(listed)) == len(listed) == min(50, MOVIES - barred)
                assert not told & {(user, film) for film in listed}


@pytest.mark.parametrize(
    ("split", "known"),
    [("random", "liked"), ("random", "rated"), ("time", "rated"), ("users", "liked")],
)
def test_what_is_unseen_and_whose_stars_are_predicted(
    two_tastes: Engine, monkeypatch: pytest.MonkeyPatch, split: str, known: str
) -> None:
    caught: list[Outcome] = []
    monkeypatch.setattr(module, "score", lambda outcomes, *others: caught.extend(outcomes))
    monkeypatch.setattr(module, "write_evaluation", lambda *others: None)
    told: list[set[tuple[int, int]]] = [set()]
    real = scratch.write_ratings

    def keep(connection: Connection, columns: dict[str, np.ndarray]) -> None:
        told[0] |= set(zip(columns["user_id"].tolist(), columns["movie_id"].tolist(), strict=True))
        real(connection, columns)

    monkeypatch.setattr(scratch, "write_ratings", keep)
    evaluate(two_tastes, Protocol(split=split, known=known, ks=(5,)))
    (outcome,) = caught
    with two_tastes.connect() as connection:
        data = read_data(connection, 4)
        stars = {
            (user, film): given
            for user, film, given in connection.exec_driver_sql(
                "select user_id, movie_id, rating from recsys.ratings"
            )
        }
    asked = data.ratings.user_ids[outcome.users]

    def named(rows: np.ndarray, movies: np.ndarray, values: np.ndarray) -> dict[Any, Any]:
        pairs = zip(asked[rows].tolist(), data.ratings.movie_ids[movies].tolist(), strict=True)
        return dict(zip(pairs, values.tolist(), strict=True))

    unseen = {
        pair: given for pair, given in stars.items() if pair not in told[0] and pair[0] in asked
    }
    assert named(*outcome.unseen) == unseen
    predicted = outcome.predicted
    assert predicted is not None
    true = named(predicted.rows, predicted.movies, predicted.true)
    # What learned from likes alone is asked for likes alone.
    assert true == {pair: given for pair, given in unseen.items() if given >= 4 or known == "rated"}
    assert list(predicted.by_method) == [OURS, BIASES]
    for found in predicted.by_method.values():
        assert len(found) == len(true)
        assert ((found >= 0.5) & (found <= 5)).all()
    low = [given for given in unseen.values() if given < 4]
    assert bool(low) == (known == "liked" or split in ("random", "time"))


def test_retrieval_is_the_order_that_no_order_changed(
    two_tastes: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`recommend` is taught to put films with few likes first, which retrieval does not."""
    real, descending = scratch.ask_lists, []

    def ask(connection: Connection, model_id: int, users: np.ndarray, *others: Any) -> np.ndarray:
        teach_plain(connection, "learned", [0, 0, 0, 0, -1, 0])
        lists = real(connection, model_id, users, *others)
        for user, films in zip(users.tolist(), lists[:, :20].tolist(), strict=True):
            found = {
                film: (score, -liked_count)
                for film, score, liked_count in connection.exec_driver_sql(
                    "select s.movie_id, s.score, m.liked_count"
                    " from recsys.score_movies(%s, %s) s join recsys.movies m using (movie_id)",
                    (user, films),
                )
            }
            values = np.array([found[film] for film in films])  # (20, 2)
            descending.append((np.diff(values, axis=0) <= 1e-5).all(axis=0).tolist())
        return lists

    monkeypatch.setattr(scratch, "ask_lists", ask)
    evaluate(two_tastes, replace(QUICK, known="rated"))
    by_score, by_likes = [True, False], [False, True]
    assert descending == [by_likes] * USERS + [by_score] * USERS


def test_a_perfect_answer_scores_one(two_tastes: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def oracle(
        connection: object, model_id: int, users: np.ndarray, k: int, *others: object
    ) -> np.ndarray:
        with two_tastes.connect() as own:
            data = read_data(own, 4)
        held_out = divide(data, QUICK, 0) == HELD_OUT
        lists = np.full((len(users), k), -1)
        for row, user in enumerate(users):
            films = data.ratings.movie_index[
                held_out & (data.ratings.user_ids[data.ratings.user_index] == user)
            ]
            lists[row, 1 : len(films) + 1] = data.ratings.movie_ids[films]  # from rank 2 on
        return lists

    monkeypatch.setattr(scratch, "ask_lists", oracle)
    found = evaluate(two_tastes, QUICK).scores
    # round(0.2 * 12) = 2 films a user, at ranks 2 and 3 instead of 1 and 2.
    discounts = 1 / np.log2(np.arange(2, 5))
    expected = (discounts[1] + discounts[2]) / (discounts[0] + discounts[1])
    figure = found.by_method()[OURS]["ndcg", 5]
    assert (figure.value, figure.ci_low, figure.ci_high) == pytest.approx((expected,) * 3)


@pytest.mark.parametrize("when", ["before the training", "before the questions"])
def test_a_planted_leak_is_caught(
    two_tastes: Engine, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    real, calls = scratch.write_ratings, []

    def leaky(connection: Connection, columns: dict[str, np.ndarray]) -> None:
        calls.append(len(columns["user_id"]))
        if len(calls) == 1 + (when == "before the questions"):
            with two_tastes.connect() as own:
                data = read_data(own, 4)
            leaked = np.flatnonzero(divide(data, QUICK, 0) == HELD_OUT)[:3]
            columns = {
                "user_id": np.append(
                    columns["user_id"], data.ratings.user_ids[data.ratings.user_index[leaked]]
                ),
                "movie_id": np.append(
                    columns["movie_id"], data.ratings.movie_ids[data.ratings.movie_index[leaked]]
                ),
                "rating": np.append(columns["rating"], data.ratings.stars[leaked]),
                "rated_at": np.append(columns["rated_at"], data.ratings.rated_at[leaked]),
            }
        real(connection, columns)

    monkeypatch.setattr(scratch, "write_ratings", leaky)
    with pytest.raises(EvaluationError, match=f"^3 held-out ratings .* {when}"):
        evaluate(two_tastes, QUICK)
    assert not scratch_databases(two_tastes)
    assert rows(two_tastes, "select count(*) from recsys.evaluations") == [(0,)]


@pytest.mark.slow
def test_two_models_side_by_side(sample_engine: Engine) -> None:
    """The active one against itself, and against one whose retrieval learned next to nothing."""
    poor = Parameters(factors=1, epochs=1, alpha=0.3, regularization=0.01)
    with sample_engine.connect() as connection:
        active = active_model(connection)
    assert active is not None
    other = train(sample_engine, poor, device="cpu")
    with sample_engine.begin() as connection:
        activate_model(connection, active)
    for against, same in ((active, True), (other, False)):
        evaluation = evaluate(sample_engine, replace(QUICK, users=60, against=against))
        figures = evaluation.scores.by_method()
        assert list(figures) == [OURS, RETRIEVAL, f"model {against}"]
        pair = figures[OURS]["ndcg", 5].against[f"model {against}"]
        assert (pair.difference == 0) is same
        assert same or pair.difference > 0  # small: the order makes up for much
    assert f"--against {other} --no-baselines" in render(evaluation)


def test_a_model_from_elsewhere_cannot_be_evaluated(sample_engine: Engine) -> None:
    with sample_engine.begin() as connection:
        connection.exec_driver_sql("update recsys.models set algorithm = 'import'")
        against = active_model(connection)
    with pytest.raises(EvaluationError, match="was imported"):
        evaluate(sample_engine, replace(QUICK, against=against))
    with pytest.raises(InvalidRequest, match="unknown model: 99"):
        evaluate(sample_engine, replace(QUICK, against=99))


@pytest.mark.slow
def test_the_first_and_the_last_time(sample_engine: Engine) -> None:
    newest = "9999-12-30 00:00:00+00"
    with sample_engine.begin() as connection:
        connection.exec_driver_sql(
            "update recsys.ratings set rated_at = %s where user_id = 1", (newest,)
        )
        connection.exec_driver_sql(
            "update recsys.ratings set rated_at = '0001-01-02Z' where user_id = 2"
        )
    train(sample_engine, Parameters(2, 1, 0.3, 0.01), device="cpu")
    train(sample_engine, Parameters(2, 1, 0.3, 0.01), device="cpu", if_better="ndcg@10")
    assert evaluate(sample_engine, replace(QUICK, users=20)).data["newest_rating"] == newest


def test_what_a_training_chose_is_chosen_again(sample_engine: Engine) -> None:
    """Chosen with the held-out ratings in view, it would flatter."""
    train(sample_engine, Parameters(factors=6, epochs=4), device="cpu")
    with sample_engine.connect() as connection:
        chosen = connection.exec_driver_sql(
            "select parameters from recsys.models order by model_id desc limit 1"
        ).scalar_one()
    assert chosen["chosen"] == ["alpha", "regularization"]
    found = evaluate(sample_engine, Protocol(share=0.5, users=20, baselines=False))
    assert found.parameters["factors"] == 6
    assert found.parameters["alpha"] == pytest.approx(chosen["alpha"] / 2, rel=0.2)


def test_the_parameters_are_the_active_models(sample_engine: Engine) -> None:
    found = evaluate(sample_engine, replace(QUICK, seeds=1, threshold=3.5, users=60))
    assert found.parameters["factors"] == 16
    assert found.parameters["threshold"] == 3.5
    assert found.model_id is not None
    assert any("active model" in note for note in found.notes)
    assert any("3.5" in note for note in found.notes)


class Checked(html.parser.HTMLParser):
    """A page's open elements and what it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br", "link"):
            self.open.append(tag)
        self.loads += [
            value
            for name, value in attrs
            if value and name in ("src", "href", "xlink:href") and not value.startswith("#")
        ]
        self.ids += [value for name, value in attrs if value and name == "id"]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="session")
def evaluated(server_url: URL, template: str, copies: Callable[[str], str]) -> Evaluation:
    engine = open_database(server_url, copies(template))
    write_two_tastes(engine)
    return evaluate(engine, Protocol(ks=(5, 10)))


def test_the_table_says_by_how_much_it_is_better(
    evaluated: Evaluation, capsys: pytest.CaptureFixture[str]
) -> None:
    show_evaluation(evaluated, Format.TABLE)
    lines = main_rows(evaluated)
    assert [row["method"] for row in lines] == [OURS, RETRIEVAL, *PEERS]
    assert re.fullmatch(r"0\.\d{3} \[0\.\d{3}, 0\.\d{3}\]", lines[0]["ndcg@5"])
    assert re.fullmatch(r"\d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\]", lines[0]["stars@5"])
    said = capsys.readouterr().out
    assert said.startswith("recommend ")
    assert "Predicted stars: RMSE of recommend" in said
    pairs = paired_rows(evaluated)
    assert [row["recommend minus"] for row in pairs] == [RETRIEVAL, *PEERS, BIASES]
    ours = evaluated.scores.by_method()[OURS]
    for row in pairs[:-1]:
        pair = ours["ndcg", 5].against[row["recommend minus"]]
        assert row["ndcg@5"].startswith(f"{pair.difference:+.4f} [{pair.ci_low:+.4f}, ")
        assert re.fullmatch(r"[+-]\d\.\d{4} \[[+-]\d\.\d{4}, [+-]\d\.\d{4}\]", row["stars@5"])
        assert row["rmse"] == ""
    assert pairs[-1]["rmse"]
    assert not group_rows(evaluated)  # every user has known likes


@pytest.fixture
def with_new_users(two_tastes: Engine) -> Evaluation:
    """All of it as in a split by time where six users came after the point in time."""
    with two_tastes.begin() as connection:
        connection.exec_driver_sql(
            "update recsys.ratings set rated_at = rated_at + interval '1 year'"
            " where user_id / 11 >= 34"
        )
    return evaluate(two_tastes, Protocol(split="time", ks=(5, 10)))


def test_known_and_new_users_apart(with_new_users: Evaluation, two_tastes: Engine) -> None:
    found = with_new_users
    lines = group_rows(found)
    assert [row["method"] for row in lines] == [OURS, RETRIEVAL, *PEERS]
    of_known, of_new = (found.scores.by_method(group) for group in GROUPS)
    known, new = (methods[OURS]["ndcg", 5] for methods in (of_known, of_new))
    assert (known.users + new.users, new.users) == (found.asked, 6)
    together = found.scores.by_method()[OURS]["ndcg", 5].value * found.asked
    assert together == pytest.approx(known.value * known.users + new.value * new.users)
    assert new.against["popularity"].difference == 0  # all that there is for them
    assert f"ndcg@5 of {known.users} known users" in lines[0]
    assert lines[2]["recommend minus it, new"] == "+0.0000 [+0.0000, +0.0000]"
    of_csv = {
        (row["method"], row["group"], row["metric"], row["k"]): row for row in figure_rows(found)
    }
    row = of_csv["ease", "known", "recall", 10]
    assert row["value"] == of_known["ease"]["recall", 10].value
    assert row["difference"] == of_known[OURS]["recall", 10].against["ease"].difference
    assert of_csv["ease", "", "recall", 10]["users"] == found.asked
    [(details,)] = rows(two_tastes, "select details from recsys.evaluations"
                        " where method = 'recommend' and metric = 'ndcg' and k = 5")  # fmt: skip
    written = details["slices"]["users known"]
    assert written["value"] == pytest.approx(known.value)
    assert set(written["against"]) == {RETRIEVAL, *PEERS}
    page = render(found)
    assert f"{known.users} known users" in page
    assert "6 new users" in page


def test_the_report_is_whole_and_needs_nothing_else(evaluated: Evaluation) -> None:
    evaluated = replace(evaluated, notes=("<script>alert(1)</script>",))
    page = render(evaluated)
    checked = Checked()
    checked.feed(page)
    assert checked.open == []
    assert checked.loads == []
    assert len(checked.ids) == len(set(checked.ids))
    assert "<script>" not in page
    assert not re.findall(r"@import|url\((?!#)", page)
    assert {*re.findall(r"https?://[^\"<\s]+", page)} <= {
        "http://www.w3.org/1999/xlink",
        "http://www.w3.org/2000/svg",
    }
    assert page.count("<svg") == 5
    for says in ("retrieval", "mean stars@5", "RMSE", "biases"):
        assert says in page
    tables = re.findall(r"<table>.*?</table>", page, flags=re.DOTALL)
    assert len(tables) == 3
    for table in tables:
        cells = [len(re.findall("<t[dh]", row)) for row in table.split("<tr>")[1:]]
        assert len(set(cells)) == 1
    assert "recsys evaluate --split random -k 5 -k 10" in page
    assert "currentColor" in page
    without = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")
    assert without.sub("", render(evaluated)) == without.sub("", page)


def test_the_command(two_tastes: Engine, tmp_path: Path) -> None:
    name, report = str(two_tastes.url.database), tmp_path / "report.html"
    arguments = ("--database", name, "evaluate", "-k", "5")
    done = recsys(*arguments, "--report", str(report), "--output", "csv")
    found = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {row["method"] for row in found} == {OURS, RETRIEVAL, *PEERS, BIASES}
    popularity = next(row for row in found if row["method"] == "popularity")
    ours = next(row for row in found if row["method"] == OURS)
    assert float(popularity["difference"]) == pytest.approx(
        float(ours["value"]) - float(popularity["value"])
    )
    assert ours["difference"] == ""
    assert report.read_text().startswith("<!doctype html>")
    as_json = recsys(*arguments, "--no-baselines", "--output", "json")
    assert {row["method"] for row in json.loads(as_json.stdout)} == {OURS, RETRIEVAL}
    assert "default parameters" in as_json.stderr
    assert not scratch_databases(two_tastes)


def test_mistakes_are_told(two_tastes: Engine) -> None:
    def refused(says: str, **options: Any) -> None:
        with pytest.raises(EvaluationError, match=says):
            evaluate(two_tastes, replace(QUICK, **options))

    refused("raise --share", share=0.001)
    refused("5 ratings of 4 stars", split="users", share=0.01)
    with two_tastes.begin() as connection:
        connection.exec_driver_sql("update recsys.ratings set rated_at = now()")
    refused("--split random", split="time")
    with two_tastes.begin() as connection:
        connection.exec_driver_sql("update recsys.ratings set rating = 3")
    refused("--threshold")
    with two_tastes.begin() as connection:
        connection.exec_driver_sql("delete from recsys.ratings")
    refused("recsys load")
    line = fails("--database", str(two_tastes.url.database), "evaluate")
    assert line == "recsys: there are no ratings to evaluate with: `recsys load` loads some"
    with two_tastes.begin() as connection:
        connection.exec_driver_sql(
            "insert into recsys.ratings select 1, movie_id, 5 from recsys.movies"
        )
    with pytest.raises(TrainingError, match="1 users"):
        evaluate(two_tastes, QUICK)
    assert not scratch_databases(two_tastes)


def test_a_role_that_may_not_make_databases_is_told_so(two_tastes: Engine) -> None:
    with two_tastes.begin() as connection:
        run = connection.exec_driver_sql
        run("create role evaluation_reader login nocreatedb")
        run("grant usage on schema recsys, recsys_internal to evaluation_reader")
        run("grant select on all tables in schema recsys to evaluation_reader")
    try:
        url = two_tastes.url.set(username="evaluation_reader", password=None)
        with pytest.raises(EvaluationError, match="alter role evaluation_reader createdb"):
            evaluate(open_database(url, str(url.database)), QUICK)
        with two_tastes.begin() as connection:
            connection.exec_driver_sql("alter role evaluation_reader createdb")
        with pytest.raises(EvaluationError, match="in template1"):
            evaluate(open_database(url, str(url.database)), QUICK)
        assert not scratch_databases(two_tastes)
    finally:
        with two_tastes.begin() as connection:
            connection.exec_driver_sql("drop owned by evaluation_reader")
            connection.exec_driver_sql("drop role evaluation_reader")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_broken_off_evaluation_leaves_nothing(
    two_tastes: Engine, tmp_path: Path, number: int
) -> None:
    command = ("-m", "recsys", "--database", str(two_tastes.url.database), "evaluate")
    path = str(Path(module.__file__).parents[2])
    with child(
        sys.executable, *command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        until = time.monotonic() + 60
        while not scratch_databases(two_tastes):
            assert time.monotonic() < until
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode != 0
    assert not scratch_databases(two_tastes)
    assert not list(tmp_path.iterdir())
    assert rows(two_tastes, "select count(*) from recsys.evaluations") == [(0,)]
