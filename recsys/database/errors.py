"""The driver's errors into ours, with a text that says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError

from recsys.database.time_limit import within_limit
from recsys.errors import (
    DatabaseError,
    DatabaseOutOfDate,
    DatabaseTimeout,
    DatabaseUnreachable,
    InvalidRequest,
    RecsysError,
    UnknownGenre,
    UnknownModel,
    UnknownMovie,
)

# What the SQL functions call unknown, and the usual name of the argument.
UNKNOWN: dict[str, tuple[type[InvalidRequest], str]] = {
    "movie": (UnknownMovie, "movie_id"),
    "genre": (UnknownGenre, "genres"),
    "model": (UnknownModel, "model_id"),
}


@contextmanager
def reported_errors() -> Iterator[None]:
    """Turn the driver's errors into ours, with a text that says what to do."""
    try:
        yield
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg.Error):
            raise
        raise _report(error.orig) from error
    except psycopg.Error as error:
        raise _report(error) from error
    except UnicodeEncodeError as error:  # half of a pair, as JSON may bring it
        odd = error.object[error.start : error.end]
        raise InvalidRequest(f"a text has {odd!r}, which is no character") from error


def _report(error: psycopg.Error) -> RecsysError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = error.diag.message_primary or (lines or [type(error).__name__])[0]
    hint = f" ({error.diag.message_hint})" if error.diag.message_hint else ""
    match error:
        case psycopg.DataError() | pg.ObjectNotInPrerequisiteState():
            return _refused(message, hint)
        case pg.UndefinedTable() | pg.InvalidSchemaName() | pg.UndefinedFunction():
            return DatabaseOutOfDate(f"{message}: run `recsys db upgrade`")
        case pg.InsufficientPrivilege() if "create extension" in message:
            return DatabaseError(
                f"{message}: ask an administrator to run, in this database, "
                "`create extension vector with schema public`, and pg_trgm, unaccent and "
                "fuzzystrmatch likewise"
            )
        case pg.InsufficientPrivilege():
            return DatabaseError(f"{message}: ask an administrator for the privilege{hint}")
        case pg.DependentObjectsStillExist():
            detail = (error.diag.message_detail or "").replace("\n", "; ")
            return DatabaseError(f"{message}: {detail}. Drop what depends on it, then try again")
        case pg.ConnectionTimeout():
            return DatabaseTimeout(
                f"the database does not answer {within_limit()} ({lines[0]}): check that the "
                "server runs, or allow a longer time-out"
            )
        case pg.QueryCanceled() if "timeout" in message:
            return DatabaseTimeout(
                f"the database does not answer {within_limit()} ({message}): allow a longer "
                "time-out"
            )
        case pg.ReadOnlySqlTransaction():
            return DatabaseError(f"{message}: the server is a standby. Name its primary in the URL")
        case pg.AdminShutdown() | pg.CrashShutdown() | pg.CannotConnectNow():
            return DatabaseUnreachable(f"the server is going down or coming up: {message}")
        case psycopg.OperationalError() if (error.sqlstate or "08")[:2] in ("08", "28", "3D"):
            reason = _connection_reason(lines)
            if reason.endswith("does not exist"):
                return DatabaseUnreachable(
                    f"{reason}: create it first; on the embedded server, "
                    "`recsys --database NAME db upgrade` does"
                )
            if "too many c" in reason or "connection slots" in reason:
                return DatabaseUnreachable(
                    f"the server takes no more connections: {reason}. Lower pool_size, or raise "
                    "the server's max_connections"
                )
            if reason.startswith("server closed the connection"):
                return DatabaseUnreachable(
                    f"{reason}: its log says why (the embedded one's is postgres/server.log in "
                    "RECSYS_HOME), such as a full disk"
                )
            return DatabaseUnreachable(
                f"the database does not answer: {reason}. "
                "Check DATABASE_URL, and that the server runs"
            )
        case _:
            return DatabaseError(f"the database says: {message}{hint}")


def _refused(message: str, hint: str) -> InvalidRequest:
    """Return the error of a SQL function's message: `unknown movie: 7`, `k is 0: ...`."""
    if found := re.fullmatch(r"unknown (\w+): (.*)", message, re.DOTALL):
        kind, argument = UNKNOWN.get(found[1], (InvalidRequest, found[1]))
        return kind(message + hint, argument, _value(found[2]))
    if found := re.match(r"(\w+) is (E?'(?:[^']|'')*'|[^':]+): ", message):
        return InvalidRequest(message + hint, found[1], _value(found[2]))
    return InvalidRequest(message + hint)


def _value(written: str) -> object:
    if written.startswith(("'", "E'")):
        text = written.removeprefix("E")[1:-1].replace("''", "'")
        return text.replace("\\\\", "\\") if written.startswith("E") else text
    if written == "null":
        return None
    return int(written) if re.fullmatch(r"-?\d+", written) else written


def _connection_reason(lines: list[str]) -> str:
    reasons = [line for line in lines if "failed:" in line or "FATAL" in line] or lines
    return re.sub(r"^.*?failed: (FATAL:\s*)?", "", reasons[0]) if reasons else "no reason given"
