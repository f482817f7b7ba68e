"""`recsys evaluate`."""

from __future__ import annotations

import os
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from recsys.cli.models import Score
from recsys.cli.output import Format, Output, note, progress_bar, say, show
from recsys.database.errors import reported_errors
from recsys.database.migrations import ready_engine
from recsys.database.schema import is_simulated
from recsys.evaluation.figures import verdict
from recsys.evaluation.protocol import Protocol
from recsys.evaluation.record import Evaluation
from recsys.evaluation.tables import (
    COLUMNS,
    errors_of_stars,
    figure_rows,
    group_rows,
    main_rows,
    paired_rows,
)
from recsys.learning.metrics import LONGEST
from recsys.parameters import POSITIVE_STARS

STEPS = {
    "reading": "Reading the ratings",
    "copying": "Copying the training part",
    "training": "Training",
    "ranking": "Learning stars and order",
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
    export: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Only write the split, as CSV to train elsewhere on."),
    ] = None,
    vectors: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Compare with vectors trained elsewhere on that split."),
    ] = None,
    vectors_users: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The users' vectors, if in a file apart.")
    ] = None,
    vectors_score: Annotated[
        Score, typer.Option(help="What two of these vectors give.")
    ] = Score.DOT,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="[default: evaluation-SPLIT.html]")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Measure what `recsys.recommend` serves, on ratings that are held out.

    It is compared with its own retrieval, with popularity (of all time, and decayed),
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

    - `recsys evaluate --export split`, then `recsys evaluate --vectors trained.npz`
    """
    from recsys.evaluation.elsewhere import export_split
    from recsys.evaluation.evaluate import evaluate as measure  # which imports torch
    from recsys.evaluation.report import render

    if split is Split.TIME and seeds > 1:
        raise typer.BadParameter("nothing in a split by time is random", param_hint="--seeds")
    if seeds > 1 and (export or vectors):
        raise typer.BadParameter("one split is exported, of seed 0", param_hint="--seeds")
    if vectors_users and not vectors:
        raise typer.BadParameter(
            "--vectors must name the films' vectors", param_hint="--vectors-users"
        )
    ks = tuple(sorted(set(k or (10, 20))))
    protocol = Protocol(
        *(split.value, seeds, ks, share, threshold, known.value, users, baselines, against),
        *(vectors, vectors_users, vectors_score.value),
    )
    if export:
        counts = export_split(ready_engine(context.obj), protocol, export)
        written = ", ".join(f"{name} ({count:,} ratings)" for name, count in counts.items())
        say(f"{export}: {written}, films.csv, README.txt")
        return
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
