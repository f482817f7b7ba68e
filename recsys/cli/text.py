"""`recsys text`: vectors of the films' texts."""

from __future__ import annotations

from time import perf_counter
from typing import Annotated

import typer
from sqlalchemy import Engine

from recsys.cli.output import Format, Output, console, note, progress_bar, say, show
from recsys.cli.train import NO_TEXTS, learn_texts
from recsys.database.errors import reported_errors
from recsys.database.migrations import ready_engine

app = typer.Typer(help="Turn the films' texts into vectors.", no_args_is_help=True)

COLUMNS = ("id", "name", "dimensions", "films", "created_at")
ENCODERS = """
    select e.encoder_id as id, e.name, e.dimensions, (
        select count(*) from recsys.movie_text_vectors v where v.encoder_id = e.encoder_id
    ) as films, e.created_at
    from recsys.text_encoders e
    order by e.encoder_id desc
"""

EncoderName = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="`terms`, `doc2vec`, or a sentence encoder's name or folder."
    ),
]


@app.command()
def embed(context: typer.Context, encoder: EncoderName = "terms") -> None:
    """Give every film with an overview, plot or tagline its vector by an encoder.

    `terms` and `doc2vec` are learned from the texts, anew if these have changed. `doc2vec` needs
    `pip install 'recsys[doc2vec]'` and takes about half a minute for 10,000 films.

    A sentence encoder needs `pip install 'recsys[encoders]'`. The first use of a name downloads the
    model; a folder with a model needs no network. Only films whose text is new or changed are
    encoded, and after Ctrl-C the next run continues where this one stopped.

    Examples:

    - `recsys text embed`

    - `recsys text embed --encoder all-MiniLM-L6-v2`

    - `recsys text embed --encoder ~/models/all-MiniLM-L6-v2`

    - `recsys text embed --encoder doc2vec`
    """
    engine = ready_engine(context.obj)
    if encoder == "terms":
        if not learn_texts(engine):
            note(NO_TEXTS)
    else:
        _embed(engine, encoder)


def _embed(engine: Engine, encoder: str) -> None:
    from recsys.models.text_vectors import embed as run

    begun = perf_counter()
    words = {
        "encoder": "Loading the encoder", "texts": "Encoding texts", "passes": "Learning doc2vec"
    }  # fmt: skip
    with progress_bar(words) as told:
        report = run(engine, encoder, told)
    console.print(
        f"Encoder {report.encoder_id}: {report.embedded:,} films embedded, "
        f"{report.unchanged:,} unchanged, {report.removed:,} removed, in "
        f"{perf_counter() - begun:.1f} s."
    )
    if report.unusable:
        note(f"Left out: {report.unusable:,} films whose text has no vector.")
    if not report.embedded + report.unchanged + report.unusable:
        note(NO_TEXTS)


@app.command("list")
def list_(context: typer.Context, output: Output = Format.TABLE) -> None:
    """List the encoders, the newest first, and how many films have a vector by each.

    Example: `recsys text list --output json`
    """
    with reported_errors(), ready_engine(context.obj).connect() as connection:
        rows = [dict(row) for row in connection.exec_driver_sql(ENCODERS).mappings()]
    show(rows, output, columns=COLUMNS)
    if not rows and output is Format.TABLE:
        say("There is no encoder yet: `recsys text embed` makes one.")
