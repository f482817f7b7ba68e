"""`recsys experiments`: which of two models or settings is better for users."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from recsys.cli.output import Format, Output, note, say, show
from recsys.database.errors import reported_errors
from recsys.database.migrations import ready_engine
from recsys.models import experiments
from recsys.models.experiments import Variant

app = typer.Typer(
    help="Start, stop and compare: which variant is better for users.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the experiment.")]
PLOTS = (".png", ".svg", ".pdf")
VARIANT = re.compile(
    r"([^=:\s]+)=(active|\d+)(?::(\d*\.?\d+))?(:no-rerank)?(?::diversity=(1|0|0?\.\d+))?"
)


def _variant(given: str) -> Variant:
    """Return the variant that an option describes."""
    found = VARIANT.fullmatch(given)
    if found is None:
        raise typer.BadParameter(
            f"{given!r} is not NAME=MODEL[:SHARE][:no-rerank][:diversity=D]: write new=3:0.5, with "
            "`active` for whichever model is active"
        )
    name, model, share, plain, diversity = found.groups()
    return Variant(
        name,
        float(share or 1),
        None if model == "active" else int(model),
        False if plain else None,
        None if diversity is None else float(diversity),
    )


@app.command("list")
def list_(context: typer.Context, output: Output = Format.TABLE) -> None:
    """List the experiments, the newest first.

    Example: `recsys experiments list`
    """
    with reported_errors(), ready_engine(context.obj).connect() as connection:
        rows = experiments.list_experiments(connection)
    show(rows, output, columns=("name", "started_at", "ended_at", "variants", "comment"))
    if not rows and output is Format.TABLE:
        say("There is no experiment yet: `recsys experiments start` makes one.")


@app.command()
def start(
    context: typer.Context,
    name: Name,
    variant: Annotated[
        list[Variant],
        typer.Option(
            parser=_variant,
            metavar="NAME=MODEL:SHARE",
            help="Give it twice or more. The others are compared with the first by name.",
        ),
    ],
    comment: Annotated[str | None, typer.Option(help="What it is about.")] = None,
) -> None:
    """Give users different lists from now on, where an application names the experiment.

    MODEL is the id of a model, or `active`; SHARE is of the users, relative to the others, by
    default 1. `:no-rerank` and `:diversity=0.3` may follow.

    Examples:

    - `recsys experiments start june --variant a=active --variant b=7`

    - `recsys experiments start order --variant a=active:9 --variant b=active:1:no-rerank`
    """
    with reported_errors(), ready_engine(context.obj).begin() as connection:
        experiments.start_experiment(connection, name, variant, comment)
    say(f"Experiment {name} is running.")
    note(f"Ask for its lists: select * from recsys.recommend(42, experiment => '{name}')")


@app.command()
def stop(context: typer.Context, name: Name) -> None:
    """End an experiment; its results stay, and clicks of the next 7 days still count.

    Example: `recsys experiments stop june`
    """
    with reported_errors(), ready_engine(context.obj).begin() as connection:
        experiments.stop_experiment(connection, name)
    say(f"Experiment {name} has ended.")


@app.command()
def results(
    context: typer.Context,
    name: Name,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the lift by day: png, svg or pdf.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Show what came of each variant, and which is better. Look as often as you like.

    Example: `recsys experiments results june --plot june.png`
    """
    if plot is not None and plot.suffix.lower() not in PLOTS:
        raise typer.BadParameter(f"it must end in {', '.join(PLOTS)}", param_hint="--plot")
    with reported_errors(), ready_engine(context.obj).connect() as connection:
        rows = experiments.results(connection, name)
        days = experiments.lifts_by_day(connection, name) if plot is not None else []
    hidden = (
        "experiment",
        "started_at",
        "ended_at",
        "model_id",
        "impressions",
        "users_clicked",
        "verdict",
    )
    show(rows, output, hidden=hidden, title=f"Experiment {name}")
    if output is Format.TABLE:
        for row in rows:
            say(f"{row['variant']}: {row['verdict']}")
    if not rows:
        note("No list of it was logged yet: recsys.log_shown writes what users were shown.")
    if plot is not None:
        if not days:
            raise typer.BadParameter(
                "there is nothing to draw yet: each variant needs 50 clicks", param_hint="--plot"
            )
        from recsys.evaluation.experiments import draw_lifts

        draw_lifts(days, plot)
        note(f"The lift by day is drawn in {plot}.")


@app.command()
def estimate(
    context: typer.Context,
    model_id: Annotated[int, typer.Argument(metavar="MODEL", help="Id of the model.")],
    within: Annotated[
        str | None, typer.Option(metavar="AGE", help="Lists of this time alone, as: 30 days.")
    ] = None,
    users: Annotated[int, typer.Option(min=1, help="Ask for so many users at most.")] = 2000,
    output: Output = Format.TABLE,
) -> None:
    """Estimate how often users would click in a model's lists, from lists that were logged.

    It takes lists that were logged with propensities: how likely each film was to get its place.
    No user is shown anything.

    Example: `recsys experiments estimate 7 --within '30 days'`
    """
    with reported_errors(), ready_engine(context.obj).connect() as connection:
        row = experiments.estimate_clicks(connection, model_id, within, users)
    show([row], output)
