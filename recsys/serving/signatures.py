"""Methods that look like the questions that they are made of."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import update_wrapper
from inspect import Parameter
from typing import Any, TypeVar

from recsys.serving.statements import Filters

Wrapper = TypeVar("Wrapper", bound=Callable[..., Any])


def like(question: Callable[..., Any], method: Wrapper, module: str, owner: str) -> Wrapper:
    """Give a method the name, the documentation and the arguments of the question."""
    update_wrapper(method, question)
    method.__module__, method.__qualname__ = module, f"{owner}.{question.__name__}"
    signature = inspect.signature(question)
    answer = str(signature.return_annotation).removeprefix("Question[").removesuffix("]")
    signature = signature.replace(
        parameters=_spelled_out(signature.parameters.values()), return_annotation=answer
    )
    method.__annotations__ = {
        **{name: one.annotation for name, one in signature.parameters.items() if name != "self"},
        "return": answer,
    }
    method.__signature__ = signature  # type: ignore[attr-defined]
    return method


def _spelled_out(parameters: Iterable[Parameter]) -> list[Parameter]:
    """Return the parameters with each filter in the place of ``**filters``, for help and editors.

    Those that are None by default come first of the keyword-only ones, those that are not, last.
    """
    *named, last = parameters
    if last.kind is not Parameter.VAR_KEYWORD:
        return [*named, last]
    filters, switches = (
        [
            Parameter(
                name, Parameter.KEYWORD_ONLY, default=default, annotation=kind.__forward_arg__
            )
            for name, kind in Filters.__annotations__.items()
            if (kind.__forward_arg__ == "bool") is (default is False)
        ]
        for default in (None, False)
    )
    first = sum(one.kind is not Parameter.KEYWORD_ONLY for one in named)
    return [*named[:first], *filters, *named[first:], *switches]
