"""`recsys serve`: pages and a REST API over the SQL functions."""

from __future__ import annotations

import logging
import socket
import sys
import webbrowser
from typing import Annotated

import typer

from recsys.cli.output import note
from recsys.database.engine import database_url
from recsys.database.migrations import ready_engine
from recsys.errors import RecsysError
from recsys.settings import posters_folder


def serve(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond this machine, it needs a key.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 8000,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the pages in the browser.")
    ] = False,
    allow_ratings: Annotated[
        bool, typer.Option("--allow-ratings", help="Let visitors write ratings.")
    ] = False,
    allow_admin: Annotated[
        bool,
        typer.Option("--allow-admin", help="Let visitors activate models and withdraw films."),
    ] = False,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="RECSYS_API_KEY",
            show_default=False,
            help="What each request must show: as a bearer token, or as the password.",
        ),
    ] = None,
    pool_size: Annotated[int, typer.Option(min=1, help="Most connections at once.")] = 10,
    timeout: Annotated[float, typer.Option(help="Seconds for one answer of the database.")] = 10,
) -> None:
    """Serve pages and a REST API, on this machine alone and read-only unless told otherwise.

    Example: `recsys --database recsys_demo serve --open`
    """
    try:
        from uvicorn import Config, Server

        from recsys.web.access import Access
        from recsys.web.app import create_app
    except ModuleNotFoundError as error:
        raise RecsysError(f"recsys serve needs {error.name}: pip install 'recsys[web]'") from error
    access = Access(host, ratings=allow_ratings, admin=allow_admin, api_key=api_key)
    ready_engine(context.obj).dispose()
    url = database_url(context.obj, reads=True)
    app = create_app(url, access, posters_folder(), pool_size=pool_size, timeout=timeout)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listening:
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}/"
        written = "read-only" if access.read_only else "visitors may write"
        note(f"Serving {address} ({written}). Ctrl-C ends it.")
        logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(message)s")
        logging.getLogger("recsys.web").setLevel(logging.INFO)
        if open_browser:
            webbrowser.open(address)  # it waits until the server, which listens already, answers
        Server(Config(app, log_config=None, access_log=False)).run([listening])
