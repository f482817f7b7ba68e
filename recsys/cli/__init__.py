"""The command `recsys`: one subcommand a stage. Answers go to stdout, all else to stderr.

What a command needs is imported with it: `recsys --help` and shell completion start at once.
"""

from __future__ import annotations

import gc
import signal
import sys
from typing import Annotated

import typer

from recsys.cli.commands import Commands, stand_ins
from recsys.errors import RecsysError

app = typer.Typer(
    name="recsys",
    cls=Commands,
    help="A movie recommender that lives in PostgreSQL.",
    epilog="Begin with: recsys demo",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
stand_ins(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"recsys {version('recsys')}")  # noqa: T201
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
    from recsys.settings import Settings

    context.obj = Settings.from_environment(database)


def main() -> None:
    """Run the command; an error of the user ends with one line and exit status 1."""
    gc.freeze()  # what has been imported stays: see find_command
    # An embedded server is stopped at exit, which a plain SIGTERM would skip.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        app()
    except RecsysError as error:
        _fail(str(error))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output, `head` say, has left
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))
    except Exception as error:
        import psycopg
        from sqlalchemy.exc import DBAPIError

        cause = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(cause, psycopg.Error):
            raise
        _fail(f"the database says: {str(cause).strip().splitlines()[0]}")


def _fail(message: str) -> None:
    from recsys.cli.output import errors

    errors.print(f"recsys: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(1)
