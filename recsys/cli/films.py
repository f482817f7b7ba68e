"""What the commands that answer with films share: their options, and how films are shown."""

from __future__ import annotations

from dataclasses import asdict, fields
from enum import StrEnum
from typing import Annotated

import typer
from sqlalchemy import Engine

from recsys.cli.output import Format, note, show
from recsys.database.schema import is_simulated
from recsys.serving.answers import Answers, PlotMatch, Recommendation, SimilarMovie

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

HIDDEN = ("because_movie_id", "model_id")  # of a table
HEADERS = {"predicted_rating": "stars"}  # of a table, shorter than the columns' names


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
    say_what_is_behind(engine, bool(rows), rated=kind is not PlotMatch)


def say_what_is_behind(engine: Engine, any_film: bool, rated: bool = True) -> None:
    """Say if there is no film, or if simulated ratings are behind the answer."""
    if not any_film:
        note("No film is left under these filters, or none is loaded: `recsys load` loads some.")
    with engine.connect() as connection:
        if rated and is_simulated(connection):
            note("The ratings behind this answer are simulated (the bundled sample).")
