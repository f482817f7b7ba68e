"""Arguments of the wrong kind, refused by name before anything is sent."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

from recsys.errors import InvalidRequest

BITS = {"bigint": 64, "integer": 32}


def integer(name: str, value: Any, kind: str = "bigint") -> int:
    """Return an argument that has to be an integer, of whatever type.

    Raises
    ------
    InvalidRequest
        It is none, or too large for that type of SQL's.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise InvalidRequest(f"{name} is {value!r:.100}: give an integer", name, value)
    if not -(1 << BITS[kind] - 1) <= number < 1 << BITS[kind] - 1:
        raise InvalidRequest(f"{name} is {number}: it is out of range of {kind}", name, value)
    return number


def integers(name: str, values: Any) -> list[int]:
    """Return an argument that has to be a list of integers.

    Raises
    ------
    InvalidRequest
        It is no list, or one of its values is no integer.
    """
    return [integer(name, value) for value in listed(name, values)]


def listed(name: str, values: Any) -> list[Any]:
    """Return an argument that has to be a list; a text is none.

    Raises
    ------
    InvalidRequest
        It is no list.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise InvalidRequest(f"{name} is {values!r:.100}: give a list", name, values)
    return list(values)
