"""`recsys feedback` and `recsys watchlist`: what users say of films apart from stars."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Annotated, get_args

import typer

from recsys.cli.films import Length, ModelId, User, find_user, show_films, with_filters, with_keys
from recsys.cli.output import Format, Output, note, say, show
from recsys.cli.similar import Movie, find_movie
from recsys.database.migrations import ready_engine
from recsys.serving.answers import Recommendation
from recsys.serving.recommender import Recommender
from recsys.serving.records import Mark
from recsys.serving.statements import Filters
from recsys.serving.writes import Kind

app = typer.Typer(
    help="Hide films from a user's lists, put them off, or keep a watchlist.", no_args_is_help=True
)
KindOf = Annotated[Kind, typer.Argument(metavar="KIND", help=f"{', '.join(get_args(Kind))}.")]


@app.command()
def add(context: typer.Context, user: User, movie: Movie, kind: KindOf) -> None:
    """Write what a user says of a film or did; the lists know it at once.

    Examples:

    - `recsys feedback add 42 "the godfahter" hidden`

    - `recsys feedback add 42 1 watchlist`
    """
    engine = ready_engine(context.obj)
    recommender, user_id = Recommender.on(engine), find_user(engine, user)
    movie_id, title = find_movie(engine, recommender, movie)
    recommender.mark(user_id, movie_id, kind)
    say(f"User {user}, film {movie_id}, {title}: {kind}.")


@app.command()
def remove(context: typer.Context, user: User, movie: Movie, kind: KindOf) -> None:
    """Take it back.

    Example: `recsys feedback remove 42 "the godfahter" hidden`
    """
    engine = ready_engine(context.obj)
    recommender, user_id = Recommender.on(engine), find_user(engine, user)
    movie_id, title = find_movie(engine, recommender, movie)
    removed = recommender.unmark(user_id, movie_id, kind)
    now = "no longer" if removed else "was not"
    say(f"User {user}, film {movie_id}, {title}: {now} {kind}.")


@app.command("list")
def list_marks(
    context: typer.Context,
    user: User,
    kind: Annotated[Kind | None, typer.Option(help="Of this kind alone.")] = None,
    k: Annotated[int | None, typer.Option("-k", min=1, help="Number of rows.")] = None,
    output: Output = Format.TABLE,
) -> None:
    """List what a user said of films or did, the newest first.

    Example: `recsys feedback list 42 --kind hidden`
    """
    engine = ready_engine(context.obj)
    marks = Recommender.on(engine).marks(find_user(engine, user), kind, k)
    rows = with_keys(engine, [asdict(mark) for mark in marks])
    show(rows, output, columns=[field.name for field in fields(Mark)])


@with_filters
def watchlist(
    context: typer.Context,
    user: User,
    k: Length = 10,
    *,
    filters: Filters,
    model: ModelId = None,
    output: Output = Format.TABLE,
) -> None:
    """Show a user's watchlist, the films that suit them most first.

    Example: `recsys watchlist 42 -k 5`
    """
    engine = ready_engine(context.obj)
    answer = Recommender.on(engine).watchlist(find_user(engine, user), k, model_id=model, **filters)
    if not answer and output is Format.TABLE:
        note(f"Nothing is on it: `recsys feedback add {user} MOVIE watchlist` puts a film there.")
        return
    show_films(engine, answer, Recommendation, output, f"Watchlist of user {user}")
