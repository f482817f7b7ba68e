"""`recsys evaluate`."""

from __future__ import annotations

import os
from dataclasses import astuple, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from recsys.cli.output import Format, Output, note, progress_bar, say, show
from recsys.database.errors import reported_errors
from recsys.database.migrations import ready_engine
from recsys.database.schema import is_simulated
from recsys.evaluation.figures import Figure, Paired, main_columns, title, verdict
from recsys.evaluation.outcomes import GROUPS, OURS
from recsys.evaluation.protocol import Protocol
from recsys.evaluation.record import Evaluation
from recsys.learning.metrics import LONGEST
from recsys.parameters import POSITIVE_STARS

COLUMNS = (
    *("protocol", "method", "group", "metric", "k", "value", "ci_low", "ci_high", "users"),
    "left_out",
    *("difference", "difference_low", "difference_high", "ratio", "ratio_low", "ratio_high"),
)
STEPS = {
    "reading": "Reading the ratings",
    "copying": "Copying the training part",
    "training": "Training",
    "ranking": "Learning the ranker",
    "asking": "Asking recsys.recommend",
    "baselines": "Baselines",
    "scoring": "Scoring",
}


class Split(StrEnum):
    """What is held out."""

    RANDOM = "random"
    TIME = "time"
    LEAVE_ONE_OUT = "leave-one-out"
    USERS = "users"


class Known(StrEnum):
    """Which ratings the database has."""

    LIKED = "liked"
    RATED = "rated"


def evaluate(
    context: typer.Context,
    split: Annotated[Split, typer.Option(help="What is held out.")] = Split.RANDOM,
    seeds: Annotated[int, typer.Option(min=1, help="How many splits are drawn.")] = 1,
    k: Annotated[
        list[int] | None,
        typer.Option("-k", "--k", min=1, max=LONGEST, help="Length of the lists; repeatable."),
    ] = None,
    share: Annotated[float, typer.Option(min=0.001, max=0.9, help="Held out.")] = 0.2,
    threshold: Annotated[
        float, typer.Option(min=0.5, max=5, help="Stars from which a film counts as liked.")
    ] = POSITIVE_STARS,
    known: Annotated[
        Known, typer.Option(help="rated: lower ratings are known too; their films are not listed.")
    ] = Known.LIKED,
    users: Annotated[int, typer.Option(min=2, help="How many are asked at most.")] = 5000,
    baselines: Annotated[bool, typer.Option(help="Popularity, neighbours, EASE, SLIM.")] = True,
    against: Annotated[
        int | None,
        typer.Option(metavar="ID", help="Compare with this model, trained again in the same way."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="[default: evaluation-SPLIT.html]")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Measure what `recsys.recommend` serves, on ratings that are held out.

    It is compared with itself without the ranker, with popularity (of all time, and decayed),
    neighbours (of films, and of users), EASE and SLIM.

    It is trained again, with the parameters of the active model, in a scratch database on the same
    server, which the held-out ratings never enter. The figures, with 95 % intervals, go to
    `recsys.evaluations` and into a report.

    Held out are, by `--split`: `random`, a share of each user's likes; `time`, the likes after one
    point in time; `leave-one-out`, each user's newest like; `users`, likes of users who come after
    the training.

    Examples:

    - `recsys evaluate`

    - `recsys evaluate --split random --seeds 5`

    - `recsys evaluate --split time --known rated --k 10 --output csv`

    - `recsys evaluate --against 3`
    """
    from recsys.evaluation.evaluate import evaluate as measure  # which imports torch
    from recsys.evaluation.report import render

    if split is Split.TIME and seeds > 1:
        raise typer.BadParameter("nothing in a split by time is random", param_hint="--seeds")
    ks = tuple(sorted(set(k or (10, 20))))
    protocol = Protocol(
        split.value, seeds, ks, share, threshold, known.value, users, baselines, against
    )
    path = report or Path(f"evaluation-{split.value}.html")
    if path.is_dir() or not os.access(path.parent, os.W_OK):  # told before the work, not after it
        raise typer.BadParameter(f"{path} cannot be written", param_hint="--report")
    engine = ready_engine(context.obj)
    with progress_bar(STEPS) as progress:
        evaluation = measure(engine, protocol, progress)
    with reported_errors(), engine.connect() as connection:
        if is_simulated(connection):
            simulated = "The ratings are simulated: the figures tell nothing of people."
            evaluation = replace(evaluation, notes=(*evaluation.notes, simulated))
    show_evaluation(evaluation, output)
    path.write_text(render(evaluation), encoding="utf-8")
    for line in evaluation.notes:
        note(line)
    note(f"The report: {path}. The figures: select * from recsys.evaluations;")


def show_evaluation(evaluation: Evaluation, output: Format) -> None:
    """Print the figures: all of them for programs, the main ones with pairs for people."""
    if output is not Format.TABLE:
        show(figure_rows(evaluation), output, columns=COLUMNS)
        return
    if says := verdict(evaluation.scores, evaluation.protocol.ks):
        say(says)
    say(f"{evaluation.protocol}: {evaluation.asked:,} users")
    show(main_rows(evaluation), output)
    if pairs := paired_rows(evaluation):
        show(pairs, output)
    if groups := group_rows(evaluation):
        show(groups, output)
        say("New users are those without a known like.")
    if errors := errors_of_stars(evaluation):
        say(errors)


def figure_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return a row for each figure; a baseline's has how `recommend` differs from it, in pairs."""
    scores = evaluation.scores
    figures = [*scores.figures, *(one for one in scores.slices if one.slice in GROUPS)]
    ours = {(one.metric, one.k, one.slice): one for one in figures if one.method == OURS}
    rows = []
    for figure in figures:
        same = ours.get((figure.metric, figure.k, figure.slice))
        pair = same.against.get(figure.method) if same else None
        row = {name: getattr(figure, name, None) for name in COLUMNS[1:10]}
        row |= dict(zip(COLUMNS[10:], astuple(pair) if pair else [None] * 6, strict=True))
        group = figure.slice.removeprefix("users ")
        rows.append(row | {"protocol": str(evaluation.protocol), "group": group})
    return rows


def main_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return a row for each method that makes lists, with the main metrics."""
    found = evaluation.scores.by_method()
    columns = main_columns(evaluation.protocol.ks)
    return [
        {
            "method": method,
            **{
                f"{metric}@{k}": in_words(figures[metric, k]) if (metric, k) in figures else ""
                for metric, k in columns[:-1]
            },
            f"coverage@{columns[-1][1]}": f"{figures[columns[-1]].value:.1%}",
        }
        for method, figures in found.items()
        if columns[-1] in figures  # some only predict stars
    ]


def paired_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return a row for each other method: by how much `recommend` differs from it."""
    k = evaluation.protocol.ks[0]
    found = evaluation.scores.by_method()
    columns = {
        f"{metric}@{k}" if k else metric: found[OURS][metric, k].against
        for metric, k in (("ndcg", k), ("stars", k), ("rmse", None))
        if (metric, k) in found[OURS]
    }
    return [
        {
            "recommend minus": name,
            **{
                column: in_words(pairs[name], "+.4f") if name in pairs else ""
                for column, pairs in columns.items()
            },
        }
        for name in found
        if any(name in pairs for pairs in columns.values())
    ]


def group_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return a row for each method: NDCG for known and for new users, if there are both."""
    k = evaluation.protocol.ks[0]
    rows: dict[str, dict[str, Any]] = {}
    for group in GROUPS:
        found, who = evaluation.scores.by_method(group), group.removeprefix("users ")
        for method, figures in found.items():
            figure = figures["ndcg", k]
            pair = found[OURS]["ndcg", k].against.get(method)
            rows.setdefault(method, {"method": method}).update(
                {
                    f"ndcg@{k} of {figure.users:,} {who} users": in_words(figure),
                    f"recommend minus it, {who}": in_words(pair, "+.4f") if pair else "",
                }
            )
    return list(rows.values())


def in_words(one: Figure | Paired, form: str = ".3f") -> str:
    """Return a value and its interval."""
    value = one.value if isinstance(one, Figure) else one.difference
    return f"{value:{form}} [{one.ci_low:{form}}, {one.ci_high:{form}}]"


def errors_of_stars(evaluation: Evaluation) -> str:
    """Say how far the predicted stars are off, "" if none are predicted."""
    errors = [
        f"{title(*key)} of {method} {in_words(figures[key])}"
        for key in (("rmse", None), ("mae", None))
        for method, figures in evaluation.scores.by_method().items()
        if key in figures
    ]
    return f"Predicted stars: {', '.join(errors)}" if errors else ""
