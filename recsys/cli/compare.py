"""`recsys recommend --compare`: a user, and their films as retrieved and as put in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from itertools import zip_longest

from rich.markup import escape
from rich.table import Table
from sqlalchemy import Engine, text

from recsys.cli.output import Format, console, note, say, show, table
from recsys.database.errors import reported_errors
from recsys.serving.answers import Recommendation
from recsys.serving.profile import Profile, read_profile

Films = Sequence[Recommendation]

# No model has no order, and neither has one from a file.
ORDER = text("""
    select m.model_id is not null as any_model, (recsys_internal.find_order(m.model_id)).name
    from recsys_internal.find_model(cast(:model_id as bigint)) m
""")


def show_comparison(
    engine: Engine,
    user_id: int,
    model_id: int | None,
    retrieved: Films,
    reranked: Films,
    output: Format,
) -> None:
    """Print both lists: side by side after the user's profile, or one below the other as rows."""
    if output is Format.TABLE:
        with reported_errors(), engine.connect() as connection:
            profile = read_profile(connection, user_id)
        show_profile(user_id, profile)
        if reranked:
            console.print(side_by_side(user_id, retrieved, reranked))
    else:
        lists = {"retrieval": retrieved, "reranked": reranked}
        rows = [{"list": name, **asdict(film)} for name, films in lists.items() for film in films]
        columns = ["list", *(field.name for field in fields(Recommendation))]
        show(rows, output, columns=columns)
    with reported_errors(), engine.connect() as connection:
        any_model, order = connection.execute(ORDER, {"model_id": model_id}).one()
    if any_model and order is None:
        note("The model has no order of its own, so both lists are the same.")
    elif order == "retrieval":
        note("No order was better than that of retrieval, so both lists are the same.")


def show_profile(user_id: int, profile: Profile) -> None:
    """Print what a user has rated, or that there are no ratings."""
    if profile.rating_mean is None:
        say(f"User {user_id} has rated nothing.")
        return
    films = f"{profile.rating_count:,} film" + ("s" if profile.rating_count > 1 else "")
    console.print(
        table(
            [asdict(film) for film in profile.best],
            title=f"User {user_id} rated {films}, {profile.rating_mean:.2f} stars on average. "
            "The best:",
        )
    )
    if profile.genres:
        console.print(table([asdict(genre) for genre in profile.genres], title="Their genres:"))


def side_by_side(user_id: int, retrieved: Films, reranked: Films) -> Table:
    """Return both lists side by side, with how each film moved."""
    ranks = {film.movie_id: film.rank for film in retrieved}
    made = table([], title=f"For user {user_id}, with the stars that the model predicts")
    for name in ("rank", "retrieval", "stars", "reranked", "stars", "moved"):
        made.add_column(name, justify="right" if name in ("rank", "stars") else "left")
    for rank, (before, after) in enumerate(zip_longest(retrieved, reranked), start=1):
        move = moved(ranks.get(after.movie_id), after.rank) if after else ""
        made.add_row(str(rank), *_cells(before), *_cells(after), move)
    return made


def moved(before: int | None, after: int) -> str:
    """Say how a film moved between two lists, from 1."""
    if before is None:
        return "new"
    if before == after:
        return ""
    return f"up {before - after}" if before > after else f"down {after - before}"


def _cells(film: Recommendation | None) -> tuple[str, str]:
    """Return title and stars; empty where one list is shorter, after a write in between."""
    if film is None:
        return "", ""
    title = f"{film.title} ({film.year})" if film.year else film.title
    stars = film.predicted_rating
    return escape(title), "" if stars is None else f"{stars:.2f}"
