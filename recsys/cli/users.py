"""`recsys users-for` and `recsys similar-users`: the answers that are users."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Annotated

import typer
from sqlalchemy import Engine

from recsys.cli.films import ModelId, User, find_user, say_what_is_behind, with_keys
from recsys.cli.output import Format, Output, note, show
from recsys.cli.similar import Movie, find_movie
from recsys.database.migrations import ready_engine
from recsys.serving.answers import Answers, RankedUser
from recsys.serving.recommender import Recommender

Length = Annotated[int, typer.Option("-k", min=1, help="Number of users.")]


def users_for(
    context: typer.Context,
    movie: Movie,
    k: Length = 10,
    model: ModelId = None,
    output: Output = Format.TABLE,
) -> None:
    """Show the users to tell about a film: the highest scores among those who have not rated it.

    Example: `recsys users-for "the godfahter" -k 20 -o csv`
    """
    engine = ready_engine(context.obj)
    recommender = Recommender.on(engine)
    movie_id, title = find_movie(engine, recommender, movie)
    note(f"Film {movie_id}: {title}")
    answer = recommender.users_for(movie_id, k, model)
    _show_users(engine, answer, output, f"Users for {title}")
    if not answer:
        note("The model has no vector of this film, or knows no user who has not rated it.")


def similar_users(
    context: typer.Context,
    user: User,
    k: Length = 10,
    model: ModelId = None,
    output: Output = Format.TABLE,
) -> None:
    """Show the users whose taste is most like a user's.

    Example: `recsys similar-users 42 -k 5`
    """
    engine = ready_engine(context.obj)
    user_id = find_user(engine, user)
    answer = Recommender.on(engine).similar_users(user_id, k, model)
    _show_users(engine, answer, output, f"Users like user {user}")
    if not answer:
        note("The model knows no film that this user likes, or no other user.")


def _show_users(engine: Engine, answer: Answers[RankedUser], output: Format, title: str) -> None:
    columns = [field.name for field in fields(RankedUser)]
    show(with_keys(engine, [asdict(user) for user in answer]), output, title=title, columns=columns)
    if answer:
        say_what_is_behind(engine, any_film=True)
