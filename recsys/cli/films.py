"""What the commands that answer with films share: their options, and how films are shown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import timedelta
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from recsys.cli.output import Format, note, show
from recsys.database.errors import reported_errors
from recsys.database.schema import is_simulated
from recsys.serving.answers import Answers, PlotMatch, Recommendation, SimilarMovie
from recsys.serving.statements import Filters

Length = Annotated[int, typer.Option("-k", min=1, help="Number of films.")]
User = Annotated[str, typer.Argument(metavar="USER_ID", help="The user, as in the ratings.")]
ModelId = Annotated[int | None, typer.Option("--model", help="A model other than the active one.")]


def _filters(
    genre: Annotated[
        list[str] | None,
        typer.Option(
            "--genre", "-g", help="Only films of this genre; repeat it for any of several."
        ),
    ] = None,
    exclude_genre: Annotated[
        list[str] | None, typer.Option(help="No films of this genre; may be repeated.")
    ] = None,
    year_from: Annotated[int | None, typer.Option(help="Released in this year or later.")] = None,
    year_to: Annotated[int | None, typer.Option(help="Released in this year or earlier.")] = None,
    min_ratings: Annotated[
        int | None, typer.Option(help="Rated by at least this many users.")
    ] = None,
    exclude_movie: Annotated[
        list[int] | None, typer.Option(help="Not this film; may be repeated.")
    ] = None,
    include_predicted_genres: Annotated[
        bool,
        typer.Option(
            "--include-predicted-genres",
            help="Also count the genres predicted for films that list none.",
        ),
    ] = False,
    adult: Annotated[bool, typer.Option("--adult", help="Also films for adults alone.")] = False,
) -> Filters:
    """Return what the options give."""
    return {
        "genres": genre or None,
        "exclude_genres": exclude_genre or None,
        "year_from": year_from,
        "year_to": year_to,
        "min_ratings": min_ratings,
        "exclude_movies": exclude_movie or None,
        "include_predicted_genres": include_predicted_genres,
        "include_adult": adult,
    }


def with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the filters in place of its argument `filters`."""
    options = inspect.signature(_filters, eval_str=True).parameters
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    for name, one in signature.parameters.items():
        parameters += options.values() if name == "filters" else [one]
    signature = signature.replace(
        parameters=[one.replace(kind=one.KEYWORD_ONLY) for one in parameters]
    )

    @wraps(command)
    def run(**given: Any) -> None:
        filters = _filters(**{name: given.pop(name) for name in options})
        command(**given, filters=filters)

    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


class Distance(StrEnum):
    """What tells how far apart two vectors are."""

    COSINE = "cosine"
    DOT = "dot"
    EUCLIDEAN = "euclidean"


EncoderOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Compare plots by this encoder's vectors, too; `recsys text list` shows its names.",
    ),
]
DistanceOption = Annotated[Distance, typer.Option(help="Between an encoder's vectors.")]

DAYS = {"h": 1 / 24, "d": 1, "w": 7, "y": 365}
HIDDEN = ("because_movie_id", "model_id")  # of a table
HEADERS = {"predicted_rating": "stars"}  # of a table, shorter than the columns' names


def age(given: str) -> timedelta:
    """Return what a number of days, or a number with a unit, stands for."""
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)([hdwy]?)", given.strip().lower())
    if parts is None:
        raise typer.BadParameter(f"{given!r} is no age: write 12h, 30d, 2w, 1y, or days alone")
    try:
        return timedelta(days=float(parts[1]) * DAYS[parts[2] or "d"])
    except OverflowError:
        raise typer.BadParameter(f"{given!r} is longer than all times") from None


def find_user(engine: Engine, user: str) -> int:
    """Return the id that is written, or that of the user of this key (`recsys.user_keys`)."""
    found = find_key(engine, "user", user)
    if found is not None:
        return found
    if re.fullmatch(r"-?[0-9]{1,19}", user.strip()):
        return int(user)
    raise typer.BadParameter(f"no user {user!r}", param_hint="USER_ID")


def find_key(engine: Engine, kind: str, key: str) -> int | None:
    """Return the id of the ``user`` or ``movie`` of a key, if there is one."""
    with reported_errors(), engine.connect() as connection:
        query = f"select {kind}_id from recsys.{kind}_keys where key = %s"
        number = connection.exec_driver_sql(query, (key,)).scalar()
    return None if number is None else int(number)


def with_keys(engine: Engine, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the key of each user or film behind its id, where the source has no numbers for them."""
    for kind in ("user", "movie"):
        ids = [row[f"{kind}_id"] for row in rows if f"{kind}_id" in row]
        query = f"select {kind}_id, key from recsys.{kind}_keys where {kind}_id = any (%s)"
        with reported_errors(), engine.connect() as connection:
            keys = dict(map(tuple, connection.exec_driver_sql(query, (ids,)))) if ids else {}
        if keys:
            rows = [_with_key(row, kind, keys) for row in rows]
    return rows


def _with_key(row: dict[str, Any], kind: str, keys: dict[int, str]) -> dict[str, Any]:
    placed: dict[str, Any] = {}
    for name, value in row.items():
        placed[name] = value
        if name == f"{kind}_id":
            placed[f"{kind}_key"] = keys.get(value)
    return placed


def show_films(
    engine: Engine,
    answer: Answers[Recommendation] | Answers[SimilarMovie] | Answers[PlotMatch],
    kind: type[Recommendation] | type[SimilarMovie] | type[PlotMatch],
    output: Format,
    title: str,
) -> None:
    """Show films; say if there are none, or if the ratings behind them are simulated."""
    rows = [asdict(film) for film in answer]
    columns = [field.name for field in fields(kind)]
    if output is Format.TABLE:
        rows = [{HEADERS.get(name, name): value for name, value in row.items()} for row in rows]
    rows = with_keys(engine, rows)
    empty = {name for name in (rows[0] if rows else {}) if all(row[name] is None for row in rows)}
    show(rows, output, hidden={*HIDDEN, *empty}, title=title, columns=columns)
    say_what_is_behind(engine, bool(rows), rated=kind is not PlotMatch)


def say_what_is_behind(engine: Engine, any_film: bool, rated: bool = True) -> None:
    """Say if there is no film, or if the ratings behind the answer are simulated."""
    if not any_film:
        note("No film is left under these filters, or none is loaded: `recsys load` loads some.")
    with engine.connect() as connection:
        if rated and is_simulated(connection):
            note("The ratings behind this answer are simulated (the bundled sample).")
