"""Pages from the templates."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from recsys.web.recorder import recorded

FOLDER = Path(__file__).parent

environment = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def initials(title: str) -> str:
    """Return the first letters of the first two words, of the first of several titles."""
    words = re.findall(r"[^\W_]+", title.partition(" (")[0]) or [title]
    return "".join(word[0] for word in words[:2]).upper()


def cell(value: object) -> str:
    """Return a value as a table shows it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:,.3f}"
        case int():
            return f"{value:,}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case dict():
            return json.dumps(value)
    return str(value)


environment.filters |= {"initials": initials, "cell": cell}


def page(
    request: Request,
    template: str,
    /,
    status_code: int = 200,
    headers: dict[str, str] | None = None,
    **values: Any,
) -> HTMLResponse:
    """Return a page; it ends with the statements that this request has sent so far."""
    text = environment.get_template(template).render(
        request=request,
        access=request.app.state.access,
        statements=recorded(),
        **values,
    )
    return HTMLResponse(text, status_code, headers)
