"""Where the database is and where the embedded one keeps its files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

DEFAULT_DATABASE = "recsys"


@dataclass(frozen=True)
class Settings:
    """What the environment and the command line decide.

    Attributes
    ----------
    database_url
        ``postgresql://`` URL of a server of one's own; None for the embedded server.
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
