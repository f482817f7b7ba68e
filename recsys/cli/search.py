"""`recsys search`: films by a plot in one's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy import Engine

from recsys.cli.films import (
    Distance,
    DistanceOption,
    EncoderOption,
    Length,
    show_films,
    with_filters,
)
from recsys.cli.output import Format, Output, errors
from recsys.database.errors import reported_errors
from recsys.database.migrations import ready_engine
from recsys.serving.answers import PlotMatch
from recsys.serving.recommender import Recommender
from recsys.serving.statements import Filters

if TYPE_CHECKING:
    from recsys.arrays import Vectors

Weight = Annotated[float, typer.Option(min=0, help="Compared with the plot's weight of 1.")]


@with_filters
def search(
    context: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A plot in your own words.")],
    k: Length = 10,
    *,
    filters: Filters,
    keyword_weight: Weight = 0.2,
    title_weight: Weight = 0,
    genre_weight: Weight = 0,
    encoder: EncoderOption = "terms",
    distance: DistanceOption = Distance.COSINE,
    output: Output = Format.TABLE,
) -> None:
    """Find films by their plots, keywords and tags, told in any words.

    `--encoder` names an encoder that `recsys text embed` has used: then the meaning counts, too,
    not only the words.

    Examples:

    - `recsys search "a shark attacks a beach town"`

    - `recsys search "a thief who steals secrets from dreams" --encoder all-MiniLM-L6-v2`

    - `recsys search "western comedy about a sheriff" --genre-weight 0.3 --year-to 1980`
    """
    engine = ready_engine(context.obj)
    name, vector = encoder, None
    if encoder != "terms":
        name, vector = _encoded(engine, encoder, text)
    answer = Recommender.on(engine).search_plots(
        text,
        k,
        **filters,
        keyword_weight=keyword_weight,
        title_weight=title_weight,
        genre_weight=genre_weight,
        embedding=vector,
        encoder=name,
        distance=distance.value,
    )
    show_films(engine, answer, PlotMatch, output, "Films with such a plot")


def _encoded(engine: Engine, encoder: str, text: str) -> tuple[str, Vectors]:
    """Return the encoder's name in the database and its vector of the text."""
    from recsys.learning.encoders import encoder_name
    from recsys.models.text_vectors import query_vector

    with (
        errors.status("Loading the encoder"),
        reported_errors(),
        engine.connect() as connection,
    ):
        return encoder_name(encoder), query_vector(connection, encoder, text)[1]
