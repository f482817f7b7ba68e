"""Answers as tables for notebooks. All that comes from the database is shown as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Any

MOST_ROWS = 50
MOST_LETTERS = 80


def table(rows: Sequence[object], columns: Iterable[str]) -> str:
    """Return rows as a table: the first fifty, without the columns in which all of them are empty.

    Films with a `poster_url` have it in front: only then does the page load anything.
    """
    shown = rows[:MOST_ROWS]
    filled = [
        name for name in columns if any(getattr(row, name) not in (None, [], {}) for row in shown)
    ]
    urls = [getattr(row, "poster_url", None) for row in shown]
    posters = any(urls)
    head = "".join(f"<th>{escape(name)}</th>" for name in [""] * posters + filled)
    body = "".join(
        "<tr>"
        + (f"<td>{_image(url)}</td>" if posters else "")
        + "".join(_cell(getattr(row, name)) for name in filled)
        + "</tr>"
        for row, url in zip(shown, urls, strict=True)
    )
    more = f"<p>{len(rows) - MOST_ROWS:,} more</p>" if len(rows) > MOST_ROWS else ""
    if not rows:
        return "<p>no rows</p>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def facts(known: dict[str, object], poster_url: str | None = None) -> str:
    """Return names and values as a table of two columns, below a poster if there is one."""
    rows = "".join(f"<tr><th>{escape(name)}</th>{_cell(one)}</tr>" for name, one in known.items())
    return f"{_image(poster_url)}<table><tbody>{rows}</tbody></table>"


def _image(url: str | None) -> str:
    return f'<img src="{escape(url)}" alt="" height="72" loading="lazy">' if url else ""


def _cell(value: Any) -> str:
    match value:
        case None:
            return "<td></td>"
        case bool() | datetime():
            return f"<td>{escape(str(value))}</td>"
        case float():
            return f'<td style="text-align: right">{value:.3f}</td>'
        case int():
            return f'<td style="text-align: right">{value}</td>'
        case dict():
            value = "; ".join(f"{name}: {', '.join(ones)}" for name, ones in value.items())
        case list():
            value = ", ".join(map(str, value))
    short = value if len(value) <= MOST_LETTERS else value[: MOST_LETTERS - 1] + "\u2026"
    # Isolated: text from right to left would turn what stands beside it.
    return f'<td style="text-align: left"><bdi>{escape(short)}</bdi></td>'
