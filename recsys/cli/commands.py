"""The commands by name; the module of one is imported when that one is asked for."""

from __future__ import annotations

import gc
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

# Where each one is, and the first paragraph of its help, for the list of all of them.
COMMANDS = {
    "demo": (
        "demo:demo",
        "Load the bundled sample, train, and recommend by SQL, in a database of its own.",
    ),
    "load": (
        "load:load",
        "Load films and ratings: all of a source, or, if it is refused, nothing of it.",
    ),
    "train": (
        "train:train",
        "Train on the ratings in the database; the new model answers from then on.",
    ),
    "recommend": (
        "recommend:recommend",
        "Recommend films that a user has not rated, or fill a table for all users.",
    ),
    "recommend-for": (
        "basket:recommend_for",
        "Recommend films to those who like the given ones, and have no account.",
    ),
    "watchlist": (
        "feedback:watchlist",
        "Show a user's watchlist, the films that suit them most first.",
    ),
    "feedback": (
        "feedback:app",
        "Hide films from a user's lists, put them off, or keep a watchlist.",
    ),
    "similar": (
        "similar:similar",
        "Show the films that the same people like most, or whose plots are most alike.",
    ),
    "popular": (
        "popular:popular",
        "Show the films that most people like now: older likes count less.",
    ),
    "search": (
        "search:search",
        "Find films by their plots, keywords and tags, told in any words.",
    ),
    "users-for": (
        "users:users_for",
        "Show the users to tell about a film: the highest scores among those who have not rated "
        "it.",
    ),
    "similar-users": (
        "users:similar_users",
        "Show the users whose taste is most like a user's.",
    ),
    "evaluate": (
        "evaluate:evaluate",
        "Measure what `recsys.recommend` serves, on ratings that are held out.",
    ),
    "serve": (
        "serve:serve",
        "Serve pages and a REST API, on this machine alone and read-only unless told otherwise.",
    ),
    "db": ("db:app", "The schema, and the embedded PostgreSQL server."),
    "models": ("models:app", "List, show, import, activate and drop models."),
    "experiments": (
        "experiments:app",
        "Start, stop and compare: which variant is better for users.",
    ),
    "retention": (
        "retention:retention",
        "Delete what users were shown long ago (`recsys.impressions`), some users at a time.",
    ),
    "movies": (
        "movies:app",
        "Merge films that are in the catalogue twice; take films out of the answers.",
    ),
    "genres": ("genres:app", "Predict genres from the films' texts."),
    "text": ("text:app", "Turn the films' texts into vectors."),
    "bi": ("bi:app", "The views for BI tools, in the schema recsys_bi."),
}


class Commands(TyperGroup):
    """A group of stand-ins, of which the one that is called gives way to the command itself."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name, the command and its arguments; see `TyperGroup.resolve_command`."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None:
            command = find_command(name, self.rich_markup_mode)
        return name, command, rest


def find_command(name: str, markup: Any) -> Any:
    """Import and return a command, or a group of commands."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    gc.disable()  # modules that load leave no garbage, but a tenth of the time goes into the search
    try:
        found = getattr(import_module(f"recsys.cli.{module}"), attribute)
    finally:
        gc.freeze()  # nor later, and to free each at exit would take a fifth of the time
        gc.enable()
    app = typer.Typer(rich_markup_mode=markup, pretty_exceptions_enable=False)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name)
    else:
        app.command(name)(found)
    return get_group(app).commands[name]


def stand_ins(app: typer.Typer) -> None:
    """Give `app` a stand-in for each command: its name and help."""
    for name, (_, text) in COMMANDS.items():
        app.command(name, help=text)(_no_command)


def _no_command() -> None:
    raise AssertionError("a stand-in is never called")
