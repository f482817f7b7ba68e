"""Titles as people mistype them: one or two letters inserted, removed, replaced or swapped."""

from __future__ import annotations

import random
import string

from sqlalchemy import Connection


def mistyped_titles(connection: Connection, count: int, seed: int) -> list[tuple[str, str]]:
    """Draw titles; return each mistyped and as it is."""
    generator = random.Random(seed)
    titles = connection.exec_driver_sql(
        "select title from recsys.movies where movie_id < 1000000 order by movie_id"
    )
    drawn = generator.sample([str(title) for title in titles.scalars()], count)
    return [(mistype(title, generator), title) for title in drawn]


def mistype(title: str, generator: random.Random) -> str:
    typed = title
    for _ in range(generator.choice((1, 2))):
        typed = _edit(typed, generator)
    return typed if typed.strip() else title  # nothing is left of "M"


def _edit(text: str, generator: random.Random) -> str:
    place = generator.randrange(len(text)) if text else 0
    letter = generator.choice(string.ascii_lowercase)
    match generator.choice(("insert", "remove", "replace", "swap")):
        case "remove":
            return text[:place] + text[place + 1 :]
        case "replace":
            return text[:place] + letter + text[place + 1 :]
        case "swap" if place + 1 < len(text):
            return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        case _:
            return text[:place] + letter + text[place:]
