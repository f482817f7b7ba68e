"""`recsys similar`: films like one."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from sqlalchemy import Engine

from recsys.cli.films import (
    Distance,
    DistanceOption,
    EncoderOption,
    Length,
    ModelId,
    find_key,
    show_films,
    with_filters,
)
from recsys.cli.output import Format, Output, note
from recsys.database.errors import reported_errors
from recsys.database.migrations import ready_engine
from recsys.errors import InvalidRequest
from recsys.serving.answers import SimilarMovie
from recsys.serving.recommender import Recommender
from recsys.serving.statements import Filters

Movie = Annotated[
    str, typer.Argument(metavar="MOVIE", help="An id or a title; typos are forgiven.")
]
LEAST_LIKENESS = 0.5  # of a title to what was typed; chance alone reaches less


class By(StrEnum):
    """What films resemble each other by."""

    RATINGS = "ratings"
    PLOT = "plot"
    BOTH = "both"


@with_filters
def similar(
    context: typer.Context,
    movie: Movie,
    k: Length = 10,
    *,
    filters: Filters,
    model: ModelId = None,
    by: Annotated[
        By, typer.Option(help="Liked by the same people, or alike in their plots, or both.")
    ] = By.RATINGS,
    encoder: EncoderOption = "terms",
    distance: DistanceOption = Distance.COSINE,
    predict_genres: Annotated[
        bool,
        typer.Option(
            "--predict-genres", help="Only films of the genres predicted from this film's plot."
        ),
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Show the films that the same people like most, or whose plots are most alike.

    A film without ratings is compared by its plot.

    Examples:

    - `recsys similar "the godfahter"`

    - `recsys similar "the matrix" --by plot --predict-genres`
    """
    from recsys.learning.encoders import encoder_name

    if predict_genres and filters["genres"]:
        raise typer.BadParameter(
            "it chooses the genres: give no --genre", param_hint="--predict-genres"
        )
    engine = ready_engine(context.obj)
    recommender = Recommender.on(engine)
    movie_id, title = find_movie(engine, recommender, movie, filters["include_adult"])
    note(f"Film {movie_id}: {title}")
    if predict_genres:
        genres = [row.genre for row in recommender.predict_movie_genres(movie_id)]
        note(f"Predicted genres: {', '.join(genres) or 'none, since it has no text'}.")
        filters["genres"] = genres or None
    answer = recommender.similar_movies(
        movie_id,
        k,
        **filters,
        model_id=model,
        by=by.value,
        encoder=encoder_name(encoder),
        distance=distance.value,
    )
    show_films(engine, answer, SimilarMovie, output, f"Similar to {title}")
    if by is By.RATINGS and any(film.source == "content" for film in answer):
        note("The model knows no rating of this film: these have plots like its own.")


def find_movie(
    engine: Engine, recommender: Recommender, movie: str, adult: bool = False
) -> tuple[int, str]:
    """Return the id and the title of the film that either of them names; an id is tried first.

    An id may be one of the source's that is no number (`recsys.movie_keys`).
    """
    number = find_key(engine, "movie", movie)
    if number is None and movie.isdecimal() and len(movie) < 19:
        number = int(movie)
    if number is not None:
        with reported_errors(), engine.connect() as connection:
            title = connection.exec_driver_sql(
                "select concat(title, ' (' || year || ')') from recsys.movies where movie_id = %s",
                (number,),
            ).scalar()
        if title is not None:
            return number, title
    best = recommender.search_titles(movie, 1, include_adult=adult)
    # A number that is no id may be a title, such as 1917, but it must match exactly.
    enough = 0.999 if movie.strip("-").isdecimal() else LEAST_LIKENESS
    if not best or best[0].score < enough:
        raise InvalidRequest(f"no film has the id or a title like {movie[:100]!r}")
    return best[0].movie_id, f"{best[0].title} ({best[0].year})" if best[0].year else best[0].title
