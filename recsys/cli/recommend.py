"""`recsys recommend` and `recsys similar`: what the SQL functions answer."""

from __future__ import annotations

from dataclasses import asdict, fields
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer
from sqlalchemy import Engine

from recsys.cli.compare import show_comparison
from recsys.cli.output import Format, Output, note, progress, say, show
from recsys.database.errors import reported_errors
from recsys.database.migrations import ready_engine
from recsys.database.schema import is_simulated
from recsys.errors import InvalidRequest
from recsys.serving.answers import Answers, PlotMatch, Recommendation, SimilarMovie
from recsys.serving.recommender import Recommender
from recsys.settings import Settings

Length = Annotated[int, typer.Option("-k", min=1, help="How many films.")]
Genres = Annotated[
    list[str] | None, typer.Option("--genre", "-g", help="Any of these genres; may be repeated.")
]
ExcludeGenres = Annotated[
    list[str] | None, typer.Option("--exclude-genre", help="None of these; may be repeated.")
]
YearFrom = Annotated[int | None, typer.Option(help="Released in this year or later.")]
YearTo = Annotated[int | None, typer.Option(help="Released in this year or earlier.")]
MinRatings = Annotated[int | None, typer.Option(help="Rated by at least so many users.")]
ExcludeMovies = Annotated[
    list[int] | None, typer.Option("--exclude-movie", help="Not this film; may be repeated.")
]
ModelId = Annotated[int | None, typer.Option("--model", help="A model other than the active one.")]
IncludePredictedGenres = Annotated[
    bool,
    typer.Option(
        "--include-predicted-genres",
        help="Let genres count that were predicted for films that list none.",
    ),
]


class By(StrEnum):
    """What films resemble each other by."""

    RATINGS = "ratings"
    PLOT = "plot"
    BOTH = "both"


class Distance(StrEnum):
    """What tells how far apart two vectors are."""

    COSINE = "cosine"
    DOT = "dot"
    EUCLIDEAN = "euclidean"


EncoderOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Whose vectors plots are compared by, beside their words; `recsys text list`.",
    ),
]
DistanceOption = Annotated[Distance, typer.Option(help="Between an encoder's vectors.")]

LEAST_LIKENESS = 0.5  # of a title to what was typed; chance alone reaches less
HIDDEN = ("because_movie_id", "model_id")  # of a table
HEADERS = {"predicted_rating": "stars"}  # of a table, shorter than the columns' names


def recommend(
    context: typer.Context,
    user_id: Annotated[
        int | None, typer.Argument(metavar="USER_ID", help="The user, as in the ratings.")
    ] = None,
    k: Length = 10,
    genre: Genres = None,
    exclude_genre: ExcludeGenres = None,
    year_from: YearFrom = None,
    year_to: YearTo = None,
    min_ratings: MinRatings = None,
    exclude_movie: ExcludeMovies = None,
    include_rated: Annotated[
        bool, typer.Option("--include-rated", help="Films that the user has rated, too.")
    ] = False,
    diversity: Annotated[
        float, typer.Option(min=0, max=1, help="Up to 1: the less alike the films are.")
    ] = 0,
    rerank: Annotated[
        bool,
        typer.Option(
            "--rerank/--no-rerank", help="Let the stars that the model predicts count in the order."
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
    include_predicted_genres: IncludePredictedGenres = False,
    everybody: Annotated[
        bool,
        typer.Option(
            "--all", help="Write the lists of all users into the table recsys.recommendations."
        ),
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Recommend films to a user, none of which they have rated, or fill a table for everybody.

    Examples:

    - `recsys recommend 42 -k 5 --genre Comedy --year-from 1990`

    - `recsys recommend 42 --compare`

    - `recsys recommend --all -k 20`
    """
    if everybody:
        others = (user_id, year_from, year_to, min_ratings, model)
        flags = (genre, exclude_genre, exclude_movie, include_rated, include_predicted_genres)
        if any(other is not None for other in others) or any(flags) or diversity or not rerank:
            raise typer.BadParameter("it takes no user and no filter", param_hint="--all")
        if compare:
            raise typer.BadParameter("it compares the films of one user", param_hint="--compare")
        recommend_everybody(ready_engine(_settings(context)), k)
        return
    if user_id is None:
        raise typer.BadParameter("name a user, or --all", param_hint="USER_ID")
    if compare and not rerank:
        raise typer.BadParameter(
            "it shows both orders: give no --no-rerank", param_hint="--compare"
        )
    engine = ready_engine(_settings(context))
    ask = partial(
        Recommender.on(engine).recommend,
        user_id,
        k,
        genres=genre or None,
        exclude_genres=exclude_genre or None,
        year_from=year_from,
        year_to=year_to,
        min_ratings=min_ratings,
        exclude_movies=exclude_movie or None,
        include_rated=include_rated,
        diversity=diversity,
        model_id=model,
        include_predicted_genres=include_predicted_genres,
    )
    if compare:
        answer = ask(rerank=True)
        show_comparison(engine, user_id, model, ask(rerank=False), answer, output)
        _say_what_is_behind(engine, bool(answer))
    else:
        answer = ask(rerank=rerank)
        show_films(engine, answer, Recommendation, output, f"For user {user_id}")
    if answer and all(film.source == "popular" for film in answer):
        note("The model does not know this user: these are popular films.")


def similar(
    context: typer.Context,
    movie: Annotated[
        str, typer.Argument(metavar="MOVIE", help="An id or a title; typos are forgiven.")
    ],
    k: Length = 10,
    genre: Genres = None,
    exclude_genre: ExcludeGenres = None,
    year_from: YearFrom = None,
    year_to: YearTo = None,
    min_ratings: MinRatings = None,
    exclude_movie: ExcludeMovies = None,
    model: ModelId = None,
    include_predicted_genres: IncludePredictedGenres = False,
    by: Annotated[
        By, typer.Option(help="Liked by the same people, or alike in their plots, or both.")
    ] = By.RATINGS,
    encoder: EncoderOption = "terms",
    distance: DistanceOption = Distance.COSINE,
    predict_genres: Annotated[
        bool,
        typer.Option(
            "--predict-genres", help="Only films of the genres that this film's plot predicts."
        ),
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Show the films that the same people like most, or whose plots are most alike.

    A film that nobody has rated is compared by its plot.

    Examples:

    - `recsys similar "the godfahter"`

    - `recsys similar "the matrix" --by plot --predict-genres`
    """
    from recsys.learning.encoders import encoder_name

    if predict_genres and genre:
        raise typer.BadParameter(
            "it chooses the genres: give no --genre", param_hint="--predict-genres"
        )
    engine = ready_engine(_settings(context))
    recommender = Recommender.on(engine)
    movie_id, title = find_movie(engine, recommender, movie)
    note(f"Film {movie_id}: {title}")
    if predict_genres:
        genre = [row.genre for row in recommender.predict_movie_genres(movie_id)]
        note(f"Predicted genres: {', '.join(genre) or 'none, since it has no text'}.")
    answer = recommender.similar_movies(
        movie_id,
        k,
        genres=genre or None,
        exclude_genres=exclude_genre or None,
        year_from=year_from,
        year_to=year_to,
        min_ratings=min_ratings,
        exclude_movies=exclude_movie or None,
        model_id=model,
        include_predicted_genres=include_predicted_genres,
        by=by.value,
        encoder=encoder_name(encoder),
        distance=distance.value,
    )
    show_films(engine, answer, SimilarMovie, output, f"Similar to {title}")
    if by is By.RATINGS and any(film.source == "content" for film in answer):
        note("The model knows no rating of this film: these have plots like its own.")


def recommend_everybody(engine: Engine, k: int) -> None:
    """Fill ``recsys.recommendations`` with a progress bar, and say what was done."""
    from recsys.models.lists import recommend_all

    with progress() as bar:
        task = bar.add_task("Recommending", total=None, note="users")
        users = recommend_all(
            engine, k, lambda done, total: bar.update(task, completed=done, total=total)
        )
    say(f"recsys.recommendations holds the films of {users:,} users.")


def find_movie(engine: Engine, recommender: Recommender, movie: str) -> tuple[int, str]:
    """Return the id and the title of a film given by either; an id is tried first."""
    if movie.isdecimal() and len(movie) < 19:
        with reported_errors(), engine.connect() as connection:
            title = connection.exec_driver_sql(
                "select concat(title, ' (' || year || ')') from recsys.movies where movie_id = %s",
                (int(movie),),
            ).scalar()
        if title is not None:
            return int(movie), title
    best = recommender.search_titles(movie, 1)
    # A number that is no id may be a title, such as 1917, but then to the letter.
    enough = 0.999 if movie.strip("-").isdecimal() else LEAST_LIKENESS
    if not best or best[0].score < enough:
        raise InvalidRequest(f"no film has the id or a title like {movie[:100]!r}")
    return best[0].movie_id, f"{best[0].title} ({best[0].year})" if best[0].year else best[0].title


def _settings(context: typer.Context) -> Settings:
    settings = context.obj
    assert isinstance(settings, Settings)
    return settings


def show_films(
    engine: Engine,
    answer: Answers[Recommendation] | Answers[SimilarMovie] | Answers[PlotMatch],
    kind: type[Recommendation] | type[SimilarMovie] | type[PlotMatch],
    output: Format,
    title: str,
) -> None:
    """Show films, and say so if there are none or if simulated ratings are behind them."""
    rows = [asdict(film) for film in answer]
    columns = [field.name for field in fields(kind)]
    if output is Format.TABLE:
        rows = [{HEADERS.get(name, name): value for name, value in row.items()} for row in rows]
    empty = {name for name in (rows[0] if rows else {}) if all(row[name] is None for row in rows)}
    show(rows, output, hidden={*HIDDEN, *empty}, title=title, columns=columns)
    _say_what_is_behind(engine, bool(rows), rated=kind is not PlotMatch)


def _say_what_is_behind(engine: Engine, any_film: bool, rated: bool = True) -> None:
    if not any_film:
        note("No film is left under these filters, or none is loaded: `recsys load` loads some.")
    with engine.connect() as connection:
        if rated and is_simulated(connection):
            note("The ratings behind this answer are simulated (the bundled sample).")
