"""`recsys movies`: films that are in the catalogue twice, or no longer on offer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from recsys.cli.output import Format, Output, note, say, show
from recsys.database.errors import reported_errors
from recsys.database.migrations import ready_engine
from recsys.serving.recommender import Recommender

app = typer.Typer(
    help="Merge films that are in the catalogue twice; take films out of the answers.",
    no_args_is_help=True,
)

COLUMNS = (
    "movie_id", "title", "year", "rating_count",
    "other_movie_id", "other_title", "other_rating_count", "edits", "likeness",
)  # fmt: skip


@app.command()
def duplicates(
    context: typer.Context,
    k: Annotated[int, typer.Option("-k", min=1, help="Number of pairs.")] = 20,
    max_edits: Annotated[
        int, typer.Option(min=0, max=3, help="The titles differ by at most this many letters.")
    ] = 3,
    output: Output = Format.TABLE,
) -> None:
    """List films of one year whose titles are nearly the same, the likeliest pairs first.

    Example: `recsys movies duplicates --max-edits 1`
    """
    with reported_errors(), ready_engine(context.obj).connect() as connection:
        found = connection.exec_driver_sql(
            f"select {', '.join(COLUMNS)} from recsys_bi.duplicate_movies where edits <= %s "
            "order by likeness desc, other_rating_count desc, movie_id, other_movie_id limit %s",
            (max_edits, k),
        )
        rows = [dict(row) for row in found.mappings()]
    show(rows, output, columns=COLUMNS)
    if rows:
        note(
            "Are two of them one film? recsys movies merge KEEP DROP, such as: "
            f"recsys movies merge {rows[0]['movie_id']} {rows[0]['other_movie_id']}"
        )
    else:
        note("No two films of one year have titles that are so alike.")


@app.command()
def merge(
    context: typer.Context,
    keep: Annotated[int, typer.Argument(metavar="KEEP", help="Id of the film that stays.")],
    drop: Annotated[int, typer.Argument(metavar="DROP", help="Id of the film that goes.")],
) -> None:
    """Move everything known about a film to another one, and delete the film.

    Where a user rated both, the newer rating stays. Where both have texts, ids or a poster, those
    of the film that stays win. There is no way back, and a later load of the deleted film brings
    it back.

    Example: `recsys movies merge 34048 64997`
    """
    with reported_errors(), ready_engine(context.obj).begin() as connection:
        merged = connection.exec_driver_sql(
            "select * from recsys.merge_movies(%s::bigint, %s::bigint)", (keep, drop)
        ).one()
    moved = [
        f"{rows} {kind if rows > 1 else kind.removesuffix('s')}"
        for kind, rows in merged._mapping.items()
        if kind not in ("movie_id", "ratings_given_up") and rows
    ]
    say(f"Film {drop} is gone; film {keep} took over {', '.join(moved) or 'nothing'}.")
    if merged.ratings_given_up:
        say(f"Ratings dropped for another one as new by the same user: {merged.ratings_given_up}.")
    note("The model that answers knows nothing of it; the next `recsys train` does.")


MovieId = Annotated[int, typer.Argument(metavar="MOVIE_ID", help="Id of the film.")]


@app.command()
def withdraw(
    context: typer.Context,
    movie_id: MovieId,
    at: Annotated[
        datetime | None, typer.Option(help="When, in the server's time zone; by default now.")
    ] = None,
) -> None:
    """Take a film out of all answers. Its ratings stay, and count for those who gave them.

    Examples:

    - `recsys movies withdraw 858`

    - `recsys movies withdraw 858 --at 2030-12-31`
    """
    Recommender.on(ready_engine(context.obj)).withdraw_movie(movie_id, at)
    when = "now" if at is None else f"{at:%Y-%m-%d %H:%M}"
    say(f"Film {movie_id} is in no answer from {when} on.")
    note(f"recsys movies restore {movie_id} brings it back.")


@app.command()
def restore(context: typer.Context, movie_id: MovieId) -> None:
    """Bring a withdrawn film back into the answers.

    Example: `recsys movies restore 858`
    """
    Recommender.on(ready_engine(context.obj)).restore_movie(movie_id)
    say(f"Film {movie_id} is on offer.")
