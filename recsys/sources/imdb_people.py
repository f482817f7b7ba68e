"""Who made the films of IMDb's data sets: credits by the number of a person, then the names."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from recsys.arrays import Index, Mask
from recsys.sources.batches import Batch
from recsys.sources.columns import LONGEST_NAME
from recsys.sources.files import File
from recsys.sources.records import fault
from recsys.sources.tab_lines import Lines, read_lines

ROLES = np.array(["director", "writer", "actor"])
MAKERS = ((0, "directors"), (1, "writers"))  # places in `ROLES`
ACTOR, ACTORS = 2, {b"actor", b"actress"}
PERSON = re.compile(rb"nm([0-9]{1,15})")
NONE = -1
Credit = tuple[int, int, int, int]  # line of the film, person, role, position


class People:
    """Keeps the credits of the films, file by file, until the names are read.

    Parameters
    ----------
    titles
        Name of the file of films.
    films
        Their lines in it, by ``tconst``.
    unread
        Is told how many credits have no name.
    """

    def __init__(self, titles: str, films: dict[bytes, int], unread: list[str]) -> None:
        self.titles = titles
        self.films = films
        self.unread = unread
        self.credits: list[pd.DataFrame] = []

    def crew(self, file: File) -> Iterator[Batch]:
        """Keep who directed and wrote each film, in the order of the billing."""
        for lines in read_lines(file):
            found: list[Credit] = []
            for place, title in enumerate(lines.column("tconst")):
                if title not in self.films:
                    continue
                fields = lines.lines[place].split(b"\t")
                ids = {role: _numbers(fields[lines.places[name]]) for role, name in MAKERS}
                if None in ids.values():
                    lines.refuse(place, "a person's id is not nm and a number")
                    continue
                found += [
                    (self.films[title], person, role, position)
                    for role, people in ids.items()
                    for position, person in enumerate(people or (), start=1)
                ]
            self.credits.append(_credits(found))
            yield lines.without_rows("movies")

    def cast(self, file: File) -> Iterator[Batch]:
        """Keep who acts in each film."""
        for lines in read_lines(file):
            found: list[Credit] = []
            title, who, order = (lines.places[name] for name in ("tconst", "nconst", "ordering"))
            for place, category in enumerate(lines.column("category")):
                if category not in ACTORS:
                    continue
                fields = lines.lines[place].split(b"\t")
                if fields[title] not in self.films:
                    continue
                person, position = _number(fields[who]), fields[order]
                if person == NONE or not position.isdigit() or len(position) > 9:
                    lines.refuse(place, "it is not a person's id and a place in the billing")
                    continue
                found.append((self.films[fields[title]], person, ACTOR, int(position)))
            self.credits.append(_credits(found))
            yield lines.without_rows("movies")

    def names(self, file: File) -> Iterator[Batch]:
        """Yield the people of the films, those of one block of names at a time."""
        credits = pd.concat([_credits([]), *self.credits])
        self.credits = []
        credits = credits.sort_values("person", kind="stable", ignore_index=True)
        acting = credits["role"] == ACTOR  # their places are among all the people of a film
        ranks = credits[acting].groupby("line")["position"].rank(method="first")
        credits.loc[acting, "position"] = ranks.astype("int32")
        people: Index = credits["person"].to_numpy()
        named: Mask = np.zeros(len(people), np.bool_)
        for lines in read_lines(file):
            asked, places, counts = _find(lines, people)
            names = np.array([_read_name(lines, place) for place in asked], object)
            named[places] = True
            rows = credits.iloc[places]
            rows = rows.assign(role=ROLES[rows["role"]], name=np.repeat(names, counts))
            rows = rows[rows["name"] != ""]
            yield lines.without_rows("movies")
            if len(rows):
                yield Batch("movie_people", self.titles, rows)
        note = f"{np.count_nonzero(~named):,} credits of people that {file.name} does not have"
        if not named.all() and note not in self.unread:
            self.unread.append(note)


def _find(lines: Lines, people: Index) -> tuple[list[int], Index, Index]:
    """Return which lines name a person of ascending `people`, their places there, and how many."""
    ids = np.array([_number(person) for person in lines.column("nconst")], np.int64)
    begin = np.searchsorted(people, ids, "left")
    counts = np.searchsorted(people, ids, "right") - begin
    asked: Index = counts.nonzero()[0]
    begin, counts = begin[asked], counts[asked]
    # The places of the first, then those of the second ...
    skipped = np.repeat(begin - (np.cumsum(counts) - counts), counts)
    return asked.tolist(), skipped + np.arange(len(skipped)), counts


def _numbers(text: bytes) -> list[int] | None:
    """Return the numbers of people; None where one is none."""
    numbers = [_number(person) for person in text.split(b",")] if text != b"\\N" else []
    return None if NONE in numbers else numbers


def _number(person: bytes) -> int:
    found = PERSON.fullmatch(person)
    return int(found[1]) if found else NONE


def _credits(found: list[Credit]) -> pd.DataFrame:
    """Return credits in few bytes each."""
    frame = pd.DataFrame(found, columns=["line", "person", "role", "position"], dtype="int64")
    return frame.astype({"role": "int8", "position": "int32"})


def _read_name(lines: Lines, place: int) -> str:
    """Return the name in a line; empty if it is refused."""
    name = lines.lines[place].split(b"\t")[lines.places["primaryName"]].strip()
    text = name.decode("utf-8", "surrogateescape")
    why = fault([text], text, 1)
    if text in ("", "\\N"):
        why = "the name is empty"
    elif len(text) > LONGEST_NAME:
        why = f"the name is longer than {LONGEST_NAME} characters"
    if why:
        lines.refuse(place, why)
    return "" if why else text
