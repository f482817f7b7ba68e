"""The statements that a request sends, as they can be pasted into psql, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

from psycopg.sql import Literal
from sqlalchemy import Connection, Engine, event

# Of this task's request; engines outside a request record nothing.
_recorded: ContextVar[list[Statement] | None] = ContextVar("recorded", default=None)


@dataclass(frozen=True)
class Statement:
    """A statement that was sent.

    Attributes
    ----------
    template, values
        With placeholders, and what stands for them.
    seconds
        From sending it to its first rows.
    """

    template: str
    values: Mapping[str, Any]
    seconds: float

    @property
    def sql(self) -> str:
        """The statement with its values, and a semicolon."""
        values = {name: Literal(value).as_string(None) for name, value in self.values.items()}
        return cleandoc(self.template) % values + ";"


@contextmanager
def recording() -> Iterator[list[Statement]]:
    """Yield the list that the statements of this task, and of those it starts, are put into."""
    found: list[Statement] = []
    token = _recorded.set(found)
    try:
        yield found
    finally:
        _recorded.reset(token)


def recorded() -> list[Statement]:
    """Return what this request has sent so far."""
    return _recorded.get() or []


@event.listens_for(Engine, "before_cursor_execute")
def _start(
    _connection: Connection,
    _cursor: object,
    _statement: str,
    _parameters: object,
    context: Any,
    _many: bool,
) -> None:
    context.recsys_started = time.perf_counter()


@event.listens_for(Engine, "after_cursor_execute")
def _end(
    _connection: Connection,
    _cursor: object,
    statement: str,
    parameters: Any,
    context: Any,
    _many: bool,
) -> None:
    found = _recorded.get()
    if found is not None and isinstance(parameters, Mapping):
        found.append(Statement(statement, parameters, time.perf_counter() - context.recsys_started))
