"""`recsys recommend`: films for one user, or for all of them."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Annotated

import typer
from sqlalchemy import Engine

from recsys.cli.films import (
    Length,
    ModelId,
    age,
    find_user,
    say_what_is_behind,
    show_films,
    with_filters,
)
from recsys.cli.output import Format, Output, note, progress_bar, say
from recsys.database.migrations import ready_engine
from recsys.serving.answers import Recommendation
from recsys.serving.recommender import Recommender
from recsys.serving.statements import Filters


@with_filters
def recommend(
    context: typer.Context,
    user: Annotated[
        str | None, typer.Argument(metavar="USER_ID", help="The user, as in the ratings.")
    ] = None,
    k: Length = 10,
    *,
    filters: Filters,
    include_rated: Annotated[
        bool, typer.Option("--include-rated", help="Also films that the user has rated or watched.")
    ] = False,
    diversity: Annotated[
        float,
        typer.Option(min=0, max=1, help="From 0 to 1: the higher, the less alike the films are."),
    ] = 0,
    rerank: Annotated[
        bool,
        typer.Option(
            "--rerank/--no-rerank",
            help="Order the films by the stars that the model predicts, too.",
        ),
    ] = True,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Show what the user has rated, and the films without and with --rerank.",
        ),
    ] = False,
    model: ModelId = None,
    not_shown_since: Annotated[
        timedelta | None,
        typer.Option(
            parser=age,
            metavar="AGE",
            help="No films that were shown to the user in this time, such as 12h, 30d, 2w.",
        ),
    ] = None,
    fresh: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="From 0 to 1: how far films that were shown lately step back."
        ),
    ] = 0,
    watchlist_first: Annotated[
        bool, typer.Option("--watchlist-first", help="The user's watchlist comes first.")
    ] = False,
    experiment: Annotated[
        str | None, typer.Option(metavar="NAME", help="As the user's variant of it answers.")
    ] = None,
    all_users: Annotated[
        bool,
        typer.Option(
            "--all", help="Write the lists of all users into the table recsys.recommendations."
        ),
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Recommend films that a user has not rated, or fill a table for all users.

    Examples:

    - `recsys recommend 42 -k 5 --genre Comedy --year-from 1990`

    - `recsys recommend 42 --compare`

    - `recsys recommend --all -k 20`
    """
    if all_users:
        others = (
            *filters.values(), include_rated, diversity, not rerank, not_shown_since, fresh,
            watchlist_first, experiment,
        )  # fmt: skip
        if user is not None or model is not None or any(others):
            raise typer.BadParameter("it takes no user and no filter", param_hint="--all")
        if compare:
            raise typer.BadParameter("it compares the films of one user", param_hint="--compare")
        recommend_to_all(ready_engine(context.obj), k)
        return
    if user is None:
        raise typer.BadParameter("name a user, or --all", param_hint="USER_ID")
    if compare and not rerank:
        raise typer.BadParameter(
            "it shows both orders: give no --no-rerank", param_hint="--compare"
        )
    engine = ready_engine(context.obj)
    user_id = find_user(engine, user)
    ask = partial(
        Recommender.on(engine).recommend,
        user_id,
        k,
        **filters,
        include_rated=include_rated,
        diversity=diversity,
        model_id=model,
        not_shown_since=not_shown_since,
        fresh=fresh,
        watchlist_first=watchlist_first,
        experiment=experiment,
    )
    if compare:
        from recsys.cli.compare import show_comparison

        answer = ask(rerank=True)
        show_comparison(engine, user_id, model, ask(rerank=False), answer, output)
        say_what_is_behind(engine, bool(answer))
    else:
        answer = ask(rerank=rerank)
        show_films(engine, answer, Recommendation, output, f"For user {user}")
    if answer and all(film.source == "popular" for film in answer):
        note("The model does not know this user: these are popular films.")


def recommend_to_all(engine: Engine, k: int) -> None:
    """Fill ``recsys.recommendations`` with a progress bar, and say what was done."""
    from recsys.models.lists import recommend_all

    with progress_bar({"recommending": "Recommending to users"}) as report:
        users = recommend_all(engine, k, report)
    say(f"recsys.recommendations holds the films of {users:,} users.")
