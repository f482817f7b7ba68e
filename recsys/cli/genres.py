"""`recsys genres`: genres of films that list none."""

from __future__ import annotations

from typing import Annotated

import typer

from recsys.cli.output import note, progress_bar, say
from recsys.cli.train import NO_TEXTS, learn_texts
from recsys.database.errors import reported_errors
from recsys.database.migrations import ready_engine

app = typer.Typer(help="Predict genres from the films' texts.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `predict` a subcommand, although it is the only one."""


@app.command()
def predict(
    context: typer.Context,
    encoder: Annotated[
        str, typer.Option(metavar="NAME", help="Encoder whose vectors of the texts to read.")
    ] = "terms",
) -> None:
    """Predict genres for films that list none but have a text; old predictions are replaced.

    The classifier is learned first if texts or genres have changed since the last time.

    Example: `recsys genres predict --encoder terms`
    """
    from recsys.learning.encoders import encoder_name
    from recsys.models.genres import learn_classifier, predict_missing

    engine = ready_engine(context.obj)
    encoder = encoder_name(encoder)
    if encoder == "terms" and not learn_texts(engine):
        note(NO_TEXTS)
        return
    with reported_errors(), progress_bar({"genres": "Learning genres"}) as told:
        told("genres", 0)
        with engine.begin() as connection:
            learned = learn_classifier(connection, encoder, progress=told)
        with engine.begin() as connection:
            films = predict_missing(connection, encoder)
    say(f"recsys.movie_genres_predicted holds genres for {films:,} films.")
    note(
        f"On films held out of {learned['films']:,}: F1 {learned['micro_f1']:.3f}, mean over "
        f"genres {learned['macro_f1']:.3f}. Let them count: include_predicted_genres => true."
    )
