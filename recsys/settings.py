"""Where the database is, where the embedded server keeps its files, where downloads go."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

DEFAULT_DATABASE = "recsys"
DEFAULT_MIRROR = "https://files.grouplens.org/datasets/movielens"


@dataclass(frozen=True)
class Settings:
    """What the environment and the command line decide.

    Attributes
    ----------
    database_url
        ``postgresql://`` URL of your own server; None for the embedded one.
    home
        Folder of the embedded server's data (``RECSYS_HOME``).
    database
        Name of a database on that server; None for the URL's own, or ``recsys``.
    """

    database_url: str | None
    home: Path
    database: str | None = None

    @classmethod
    def from_environment(cls, database: str | None = None) -> Settings:
        """Read ``DATABASE_URL`` and ``RECSYS_HOME``; an empty variable counts as unset."""
        home = os.environ.get("RECSYS_HOME") or platformdirs.user_data_dir("recsys")
        return cls(
            database_url=os.environ.get("DATABASE_URL") or None,
            home=Path(os.path.expanduser(home)).absolute(),  # noqa: PTH111
            database=database,
        )


@dataclass(frozen=True)
class Downloads:
    """Where public data sets come from and where they are kept.

    Attributes
    ----------
    mirror
        Address of a folder with GroupLens' archives (``RECSYS_MIRROR``).
    cache
        Folder that keeps what was downloaded (``RECSYS_CACHE``).
    """

    mirror: str
    cache: Path

    @classmethod
    def from_environment(cls, mirror: str | None = None, cache: Path | None = None) -> Downloads:
        """Read ``RECSYS_MIRROR`` and ``RECSYS_CACHE`` for what is not given."""
        default = Path(platformdirs.user_cache_dir("recsys")) / "downloads"
        folder = cache or os.environ.get("RECSYS_CACHE") or default
        return cls(
            mirror=mirror or os.environ.get("RECSYS_MIRROR") or DEFAULT_MIRROR,
            cache=Path(os.path.expanduser(folder)).absolute(),  # noqa: PTH111
        )


def posters_folder() -> str | None:
    """Return the URL of a folder with the films' posters (``RECSYS_POSTERS``); None: show none."""
    return os.environ.get("RECSYS_POSTERS") or None
