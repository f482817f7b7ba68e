"""Random arguments of SQL functions: most are sound, a few odd, and some at the edge of their type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import psycopg
from psycopg.rows import tuple_row

FUNCTIONS = """
    select p.proname, p.provolatile = 'v',
        array(select format_type(t.oid, null)
            from unnest(p.proargtypes) with ordinality as t (oid, place) order by place),
        coalesce(p.proargnames, '{}'), p.pronargdefaults
    from pg_proc p
    where p.pronamespace = 'recsys'::regnamespace and p.prokind = 'f'
    order by 1
"""
# Texts are kept as PostgreSQL may store them: it takes neither NUL nor half a surrogate pair.
TEXTS = [
    "",
    " \t\n",
    "'",
    "\\",
    "%_%",
    "a & !b | (c:*",
    "{}",
    "Robert'); drop table recsys.movies;--",
    "\x1b[31m\x07\x7f",
    "\u202eevil\u202c \u200b\ufeff",
    "e\u0301\u0323\u035c" * 50,
    "İstanbul ı ß ﬁ ǅ",
    "日本語の映画",
    "👩\u200d👩\u200d👧",
    "\U0010ffff\uffff\ue000",
    "x" * 1_000_000,
    "a robot in love " * 60_000,
    "é " * 500_000,
]
PLOTS = [
    "a robot in love",
    "two detectives hunt a killer in the city",
    "war and the family of a boy",
]
INTERVALS = [
    "1 day",
    "30 days",
    "2 hours",
    "1 microsecond",
    "40 years",
    "178000000 years",
    "infinity",
]
ODD_INTERVALS = ["0", "-1 day", "1 mon -30 days", "-infinity", "-178000000 years"]
ODD_TIMES = ["infinity", "-infinity", "4713-01-01 BC", "0001-01-01Z", "294276-12-31"]
CHOICES = {
    "strategy": ["mean", "least_misery"],
    "by": ["ratings", "plot", "both"],
    "encoder": ["terms"],
    "distance": ["cosine", "dot", "euclidean"],
    "experiment": ["e"],
}
EDGES = {"bigint": 2**63, "integer": 2**31}
REALS = ["NaN", "Infinity", "-Infinity", "-0", "-1", "1.0000001", "1e-45", "3.4e38", "-3.4e38"]


class Values:
    """Random values of the arguments of functions on a catalogue, by name and type.

    Parameters
    ----------
    chance
        Where randomness comes from.
    movie_ids, user_ids, titles, genres
        Of the catalogue.
    model_id
        Of the active model.
    dimensions
        Of the encoder of texts.
    """

    def __init__(
        self,
        chance: Random,
        movie_ids: list[int],
        user_ids: list[int],
        titles: list[str],
        genres: list[str],
        model_id: int,
        dimensions: int,
    ) -> None:
        self.chance, self.titles, self.genres = chance, titles, genres
        self.model_id, self.dimensions = model_id, dimensions
        self.ids = {"movie": movie_ids, "user": user_ids}
        self.makers: dict[str, Callable[[str], Any]] = {
            "bigint": self._id,
            "integer": self._integer,
            "bigint[]": self._ids,
            "text": self._text,
            "text[]": lambda name: None if name == "variants" else self._genres(),
            "boolean": lambda name: chance.random() < 0.5,
            "real": lambda name: chance.choice(REALS) if self._odd() else chance.random(),
            "real[]": lambda name: [chance.random()] if self._odd() else None,
            "interval": lambda name: chance.choice(ODD_INTERVALS if self._odd() else INTERVALS),
            "timestamp with time zone": lambda name: chance.choice(
                ODD_TIMES if self._odd() else ["now", "2001-01-01Z", "0001-01-02Z", "9999-12-30Z"]
            ),
            "vector": lambda name: self._vector(),
        }

    def make(self, name: str, kind: str) -> Any:
        """Return a value of an argument, null once in 30 times."""
        return None if self.chance.random() < 1 / 30 else self.makers[kind](name)

    def _odd(self) -> bool:
        return self.chance.random() < 0.06

    def _edge(self, kind: str) -> int:
        edge = EDGES[kind]
        return self.chance.choice([0, -1, 1, edge - 1, edge - 2, -edge, 1000])

    def _id(self, name: str) -> int:
        if self._odd():
            return self._edge("bigint")
        if name == "model_id":
            return self.model_id
        return self.chance.choice(self.ids["user" if "user" in name else "movie"])

    def _integer(self, name: str) -> int:
        if self._odd():
            return self._edge("integer")
        if name.startswith("year"):
            return self.chance.randint(1900, 2030)
        return self.chance.choice([1, 2, 3, 10, 50, 149, 150, 151, self.chance.randint(1, 200)])

    def _ids(self, name: str) -> str:
        """Return an array as its literal, which has forms that lists have not."""
        known = self.ids["user" if "user" in name else "movie"]
        size = self.chance.choice([0, 1, 1, 2, 3, 5, 8, 30])
        drawn: list[object] = [self.chance.choice(known) for _ in range(size)]
        inside = ",".join(map(str, drawn))
        if not self._odd():
            return f"{{{inside}}}"
        return self.chance.choice([
            f"{{{','.join(map(str, [*drawn, 'NULL']))}}}",
            f"{{{','.join(map(str, [*drawn, self._edge('bigint')]))}}}",
            f"{{{{{inside or 1}}},{{{inside or 1}}}}}",  # of two dimensions
            f"[-3:{len(drawn) - 4}]={{{inside}}}" if drawn else "{}",  # numbered from -3
            f"{{{','.join(str(i) for i in range(-500, 5000))}}}",
            f"{{{','.join(str(known[0]) for _ in range(3000))}}}",
        ])  # fmt: skip

    def _text(self, name: str) -> str:
        if self._odd():
            return self.chance.choice(TEXTS)
        if name in CHOICES:
            return self.chance.choice(CHOICES[name])
        if name == "plot":
            return self.chance.choice(PLOTS)
        title = self.chance.choice(self.titles)
        cut = self.chance.randint(0, len(title))
        return self.chance.choice([title, title[:cut], title[:cut] + "x" + title[cut:], *PLOTS])

    def _genres(self) -> list[Any]:
        drawn = self.chance.sample(self.genres, self.chance.choice([0, 1, 1, 2, 3]))
        if self._odd():
            text = self.chance.choice(TEXTS)
            return self.chance.choice(
                [[*drawn, None], [*drawn, text], [[*drawn, "Drama"], [*drawn, "War"]]]
            )
        return [self.chance.choice([g, g.upper(), g.lower()]) for g in drawn]

    def _vector(self) -> str:
        length = 3 if self._odd() else self.dimensions
        numbers = [f"{self.chance.gauss(0, 1):.6f}" for _ in range(length)]
        if self._odd():
            numbers = [self.chance.choice(["0", "1e-45", "1e20", "3.4e38", "-3.4e38"])] * length
        return f"[{','.join(numbers)}]"


@dataclass(frozen=True)
class Function:
    name: str
    writes: bool
    arguments: dict[str, str]  # names and types
    needed: int

    def call(self, chance: Random, values: Values) -> tuple[str, dict[str, Any]]:
        """A statement, and its arguments by name."""
        given = {
            name: values.make(name, kind)
            for place, (name, kind) in enumerate(self.arguments.items())
            if place < self.needed or chance.random() < 0.35
        }
        named = ", ".join(f"{name} => %({name})s::{self.arguments[name]}" for name in given)
        return f"select * from recsys.{self.name}({named})", given


def read_functions(connection: psycopg.Connection[Any]) -> list[Function]:
    """Return all public functions."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        return [
            Function(name, writes, dict(zip(names, kinds, strict=False)), len(kinds) - defaults)
            for name, writes, kinds, names, defaults in cursor.execute(FUNCTIONS)
        ]
