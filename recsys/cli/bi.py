"""`recsys bi`: the views for BI tools."""

from __future__ import annotations

import typer
from sqlalchemy import Engine

from recsys.cli.output import progress_bar, say
from recsys.database.migrations import ready_engine
from recsys.database.views import refresh as run

app = typer.Typer(help="The views for BI tools, in the schema recsys_bi.", no_args_is_help=True)


@app.callback()
def _views() -> None:
    """Keep `refresh` a subcommand."""


@app.command()
def refresh(context: typer.Context) -> None:
    """Bring the views that are computed in advance up to date; readers are never locked out.

    `recsys train` does it too. The other views are always as of now. The view
    `recsys_bi.freshness` tells which ratings the computed ones show.

    Examples:

    - `recsys bi refresh`

    - `0 3 * * * recsys bi refresh`, in a crontab: every night
    """
    views = refresh_views(ready_engine(context.obj))
    say(f"Up to date: {', '.join(f'recsys_bi.{view}' for view in views)}.")


def refresh_views(engine: Engine) -> list[str]:
    """Refresh with a progress bar."""
    with progress_bar({"refreshing": "Refreshing the BI views"}) as progress:
        return run(engine, progress)
