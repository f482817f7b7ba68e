"""`recsys models`: the versions of the model."""

from __future__ import annotations

from typing import Annotated

import typer

from recsys.cli.output import Format, Output, say, show
from recsys.database import reported_errors
from recsys.migrations import ready_engine

app = typer.Typer(help="List, show, activate and drop models.", no_args_is_help=True)

ModelId = Annotated[int, typer.Argument(metavar="ID", help="The model's id.")]


@app.command("list")
def list_(context: typer.Context, output: Output = Format.TABLE) -> None:
    """List the models, the newest first."""
    from recsys import vectors

    with reported_errors(), ready_engine(context.obj).connect() as connection:
        rows = [dict(row._mapping) for row in vectors.list_models(connection)]
    show(rows, output)
    if not rows and output is Format.TABLE:
        say("There is no model yet: `recsys train` makes one.")


@app.command("show")
def show_(context: typer.Context, model_id: ModelId, output: Output = Format.TABLE) -> None:
    """Show everything that is known of one model."""
    from recsys import vectors

    with reported_errors(), ready_engine(context.obj).connect() as connection:
        model = vectors.show_model(connection, model_id)
    if output is Format.TABLE:
        show([{"": name, "model": value} for name, value in model.items()], output)
    else:
        show([model], output)


@app.command()
def activate(context: typer.Context, model_id: ModelId) -> None:
    """Let a model answer from now on; activating an older one rolls back."""
    from recsys import vectors

    with reported_errors(), ready_engine(context.obj).begin() as connection:
        vectors.activate_model(connection, model_id)
    say(f"Model {model_id} is active.")


@app.command()
def drop(context: typer.Context, model_id: ModelId) -> None:
    """Remove a model and its vectors; the active one is refused."""
    from recsys import vectors

    with reported_errors(), ready_engine(context.obj).begin() as connection:
        vectors.drop_model(connection, model_id)
    say(f"Model {model_id} is dropped.")
