"""The command `recsys`: one subcommand a stage. Answers go to stdout, all else to stderr."""

from __future__ import annotations

import signal
import sys
from importlib.metadata import version
from typing import Annotated

import psycopg
import typer
from sqlalchemy.exc import DBAPIError

from recsys.cli import (
    bi,
    db,
    demo,
    evaluate,
    genres,
    load,
    models,
    movies,
    popular,
    recommend,
    search,
    similar,
    text,
    train,
    users,
)
from recsys.cli.output import errors, say
from recsys.errors import RecsysError
from recsys.settings import Settings

app = typer.Typer(
    name="recsys",
    help="A movie recommender that lives in PostgreSQL.",
    epilog="Begin with: recsys demo",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(db.app, name="db")
app.add_typer(models.app, name="models")
app.add_typer(movies.app, name="movies")
app.add_typer(genres.app, name="genres")
app.add_typer(text.app, name="text")
app.add_typer(bi.app, name="bi")
app.command()(demo.demo)
app.command()(load.load)
app.command()(train.train)
app.command()(recommend.recommend)
app.command()(similar.similar)
app.command()(popular.popular)
app.command()(search.search)
app.command()(users.users_for)
app.command()(users.similar_users)
app.command()(evaluate.evaluate)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"recsys {version('recsys')}")
        raise typer.Exit


@app.callback()
def _settings(
    context: typer.Context,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Another database on the same server, such as `recsys_demo`."
        ),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    context.obj = Settings.from_environment(database)


def main() -> None:
    """Run the command; an error of the user ends with one line and exit status 1."""
    # An embedded server is stopped at exit, which a plain SIGTERM would skip.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        app()
    except RecsysError as error:
        _fail(str(error))
    except DBAPIError as error:
        _fail(f"the database says: {str(error.orig).strip().splitlines()[0]}")
    except psycopg.Error as error:
        _fail(f"the database says: {str(error).strip().splitlines()[0]}")
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output, `head` say, has left
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))


def _fail(message: str) -> None:
    errors.print(f"recsys: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(1)
