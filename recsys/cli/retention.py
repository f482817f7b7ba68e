"""`recsys retention`."""

from __future__ import annotations

from typing import Annotated

import typer

from recsys.cli.output import progress_bar, say
from recsys.database.migrations import ready_engine
from recsys.database.retention import delete_impressions


def retention(
    context: typer.Context,
    older_than: Annotated[
        str, typer.Option(metavar="AGE", help="As PostgreSQL writes it: 13 months, 90 days ...")
    ],
) -> None:
    """Delete what users were shown long ago (`recsys.impressions`), some users at a time.

    Others read and write meanwhile. What was deleted counts no longer in the results of
    experiments. Feedback and ratings stay.

    Example: `recsys retention --older-than '13 months'`
    """
    engine = ready_engine(context.obj)
    with progress_bar({"deleting": "Deleting old impressions"}) as progress:
        deleted = delete_impressions(engine, older_than, progress)
    say(f"{deleted:,} impressions older than {older_than} are deleted.")
