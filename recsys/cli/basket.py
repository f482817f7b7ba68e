"""`recsys recommend-for`: films for liked ones, without an account."""

from __future__ import annotations

from typing import Annotated

import typer

from recsys.cli.films import Length, ModelId, show_films, with_filters
from recsys.cli.output import Format, Output, note
from recsys.cli.similar import find_movie
from recsys.database.migrations import ready_engine
from recsys.serving.answers import Recommendation
from recsys.serving.recommender import Recommender
from recsys.serving.statements import Filters


@with_filters
def recommend_for(
    context: typer.Context,
    movies: Annotated[
        list[str],
        typer.Argument(metavar="MOVIE...", help="Liked films: ids or titles; typos are forgiven."),
    ],
    k: Length = 10,
    *,
    filters: Filters,
    model: ModelId = None,
    output: Output = Format.TABLE,
) -> None:
    """Recommend films to those who like the given ones, and have no account.

    Example: `recsys recommend-for "the matrix" "blade runner" -k 5`
    """
    engine = ready_engine(context.obj)
    recommender = Recommender.on(engine)
    liked = [find_movie(engine, recommender, one, filters["include_adult"]) for one in movies]
    for movie_id, title in liked:
        note(f"Film {movie_id}: {title}")
    answer = recommender.recommend_for(
        [movie_id for movie_id, _ in liked], k, model_id=model, **filters
    )
    show_films(engine, answer, Recommendation, output, "For those who like these films")
