"""Whether answers stay right while many people ask and rate at once, on ml-latest-small.

    python -m benchmarks.speed.mixed_load [--minutes 10] [--connections 8]

After a load and a training, every connection (a thread of its own, autocommit) sends random
statements: recommend (half of them, some with filters), similar_movies (20 %), and insertions,
changes and deletions of a rating (30 %), for users that the model knows and users that it does
not. Half of all statements are for a few busy users, so that they meet; half of the insertions
rate a film that the user was just shown, so that a stale answer would show it again.

Told are each kind's number and times (which include Python's waiting, as the threads share one
interpreter), every error, and every wrong answer: one with fewer than k different films, or one
that shows a film that the user has rated. The latter is judged strictly: it counts if the
rating's commit was acknowledged before the statement was sent, and no deletion of it was sent
before the answer came back. Exits with status 1 if there is any error or wrong answer.
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psycopg
from sqlalchemy import Engine

from benchmarks.scratch import data_set, scratch_database
from benchmarks.speed.loading import libpq
from recsys.cli.output import progress_bar
from recsys.loading.load import load
from recsys.parameters import Parameters
from recsys.sources import open_source
from recsys.training.train import train

SHARES = {
    "recommend": 35,
    "recommend, filtered": 15,
    "similar_movies": 20,
    "insert": 14,
    "update": 8,
    "delete": 8,
}
RECOMMEND = """
    select movie_id from recsys.recommend(%(user)s, k => %(k)s, genres => %(genres)s::text[],
        exclude_genres => %(exclude_genres)s::text[], year_from => %(year_from)s::int,
        year_to => %(year_to)s::int, min_ratings => %(min_ratings)s::int)
"""
STATEMENTS = {
    "recommend": RECOMMEND,
    "recommend, filtered": RECOMMEND,
    "similar_movies": "select movie_id from recsys.similar_movies(%(film)s, k => %(k)s)",
    "insert": "insert into recsys.ratings (user_id, movie_id, rating) "
    "values (%(user)s, %(film)s, %(stars)s) "
    "on conflict (user_id, movie_id) do update set rating = excluded.rating",
    "update": "update recsys.ratings set rating = %(stars)s "
    "where user_id = %(user)s and movie_id = %(film)s",
    "delete": "delete from recsys.ratings where user_id = %(user)s and movie_id = %(film)s",
}
# Each leaves hundreds of films to whoever has rated most, so that k of them always exist.
FILTERS: list[dict[str, object]] = [
    {"genres": ["Comedy"]},
    {"genres": ["Drama"], "year_from": 1990},
    {"genres": ["Action", "Thriller"], "exclude_genres": ["Horror"]},
    {"exclude_genres": ["Drama"]},
    {"year_from": 2000},
    {"year_to": 1990, "exclude_genres": ["Western"]},
    {"min_ratings": 3},
]
NO_FILTER = dict.fromkeys(("genres", "exclude_genres", "year_from", "year_to", "min_ratings"))
NEW_USERS = range(1_000_001, 1_000_301)
BUSY = 20
SHOWN = 10  # messages printed of each sort


class Record:
    """Which ratings are certainly there, and since when that was known."""

    def __init__(self, pairs: Sequence[tuple[int, int]]) -> None:
        self.lock = threading.Lock()
        self.since: dict[int, dict[int, float]] = {}
        self.deletions: Counter[tuple[int, int]] = Counter()  # sent so far
        self.in_flight: Counter[tuple[int, int]] = Counter()  # of them, not yet acknowledged
        self.shown: dict[int, list[int]] = {}
        for user, film in pairs:
            self.since.setdefault(user, {})[film] = 0.0

    def insertion_sent(self, user: int, film: int) -> int | None:
        """Return a ticket for `inserted`; None if a deletion under way may yet undo it."""
        with self.lock:
            return None if self.in_flight[user, film] else self.deletions[user, film]

    def inserted(self, user: int, film: int, ticket: int | None) -> None:
        with self.lock:
            if ticket is not None and ticket == self.deletions[user, film]:
                self.since.setdefault(user, {}).setdefault(film, time.monotonic())

    def deletion_sent(self, user: int, film: int) -> None:
        with self.lock:
            self.deletions[user, film] += 1
            self.in_flight[user, film] += 1
            self.since.get(user, {}).pop(film, None)

    def deleted(self, user: int, film: int) -> None:
        with self.lock:
            self.in_flight[user, film] -= 1

    def answered(self, user: int, films: list[int], sent: float) -> list[int]:
        """Note what the user was shown; return the films that should not have been."""
        with self.lock:
            self.shown[user] = films
            since = self.since.get(user, {})
            return [film for film in films if since.get(film, sent) < sent]

    def rated(self, user: int) -> list[int]:
        with self.lock:
            return list(self.since.get(user, ()))

    def last_shown(self, user: int) -> list[int]:
        with self.lock:
            return self.shown.get(user, [])


@dataclass
class Findings:
    """What one connection saw."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in SHARES})
    errors: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Client:
    """One connection and what it does."""

    def __init__(self, url: str, seed: int, users: list[int], films: list[int], record: Record):
        self.url, self.users, self.films, self.record = url, users, films, record
        self.random = random.Random(seed)
        self.findings = Findings()

    def run(self, stopped: threading.Event) -> None:
        """Send statements until told to stop; a lost connection is an error, and made anew."""
        while not stopped.is_set():
            try:
                with psycopg.connect(self.url, autocommit=True) as connection:
                    while not (stopped.is_set() or connection.closed):
                        self.step(connection)
            except psycopg.Error as error:
                self.findings.errors.append(f"connection: {error}")
                stopped.wait(1)

    def step(self, connection: psycopg.Connection[Any]) -> None:
        kind = self.random.choices(list(SHARES), list(SHARES.values()))[0]
        values = self.draw(kind)
        user, film, k = values["user"], values["film"], values["k"]
        ticket = self.record.insertion_sent(user, film) if kind == "insert" else None
        if kind == "delete":
            self.record.deletion_sent(user, film)
        sent = time.monotonic()
        try:
            cursor = connection.execute(STATEMENTS[kind], values)
            films = [row[0] for row in cursor] if cursor.description else []
        except psycopg.Error as error:
            self.findings.errors.append(f"{kind} {values}: {error}")
            return
        self.findings.seconds[kind].append(time.monotonic() - sent)
        if kind == "insert":
            self.record.inserted(user, film, ticket)
        elif kind == "delete":
            self.record.deleted(user, film)
        elif kind != "update":
            if len(set(films)) < k:
                self.findings.wrong.append(f"{kind} {values}: fewer than k films: {films}")
            if kind != "similar_movies" and (stale := self.record.answered(user, films, sent)):
                self.findings.wrong.append(f"{kind} {values}: shows rated films {stale}")

    def draw(self, kind: str) -> dict[str, Any]:
        """Return the values of a statement of this kind."""
        choose = self.random.choice
        user = choose(self.users[:BUSY] if self.random.random() < 0.5 else self.users)
        film = choose(self.films)
        if kind == "insert" and self.random.random() < 0.5:
            film = choose(self.record.last_shown(user) or [film])
        elif kind in ("update", "delete"):
            film = choose(self.record.rated(user) or [film])
        narrow = choose(FILTERS) if kind == "recommend, filtered" else {}
        values = {"user": user, "film": film, "k": choose([5, 10, 20])}
        return values | {"stars": self.random.randint(1, 10) / 2} | NO_FILTER | narrow


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--factors", type=int, default=Parameters.factors)
    arguments = parser.parse_args()
    with scratch_database() as engine:
        load(engine, open_source(str(data_set("ml-latest-small"))))
        train(engine, Parameters(factors=arguments.factors))
        findings = put_load(engine, arguments.connections, arguments.minutes * 60)
    if not show(findings):
        raise SystemExit(1)


def put_load(engine: Engine, connections: int, seconds: float) -> list[Findings]:
    """Let the clients run for so many seconds, and return what they found."""
    with engine.connect() as connection:
        films = list(connection.exec_driver_sql("select movie_id from recsys.movies").scalars())
        pairs = connection.exec_driver_sql("select user_id, movie_id from recsys.ratings").all()
    users = sorted({user for user, _ in pairs}) + list(NEW_USERS)
    random.Random(0).shuffle(users)
    record = Record([(user, film) for user, film in pairs])
    clients = [Client(libpq(engine), seed, users, films, record) for seed in range(connections)]
    stopped = threading.Event()
    with ThreadPoolExecutor(connections) as pool:
        running = [pool.submit(client.run, stopped) for client in clients]
        try:
            watch(clients, seconds)
        finally:
            stopped.set()
        for future in running:
            future.result()
    return [client.findings for client in clients]


def watch(clients: list[Client], seconds: float) -> None:
    """Show how far it is and what was found until now."""
    begun = time.monotonic()
    with progress_bar({}, "percent") as progress:
        while (passed := time.monotonic() - begun) < seconds:
            found = [client.findings for client in clients]
            sent = sum(len(times) for one in found for times in one.seconds.values())
            errors, wrong = (sum(len(getattr(o, n)) for o in found) for n in ("errors", "wrong"))
            note = f"{sent:,} sent, {errors} errors, {wrong} wrong"
            progress("mixed load", int(passed), int(seconds), note)
            time.sleep(min(0.5, seconds - passed))


def show(findings: list[Findings]) -> bool:
    """Print what was found; return whether all was right."""
    print(f"{'':20}  statements  p50 ms  p95 ms")
    for kind in SHARES:
        taken = [seconds for one in findings for seconds in one.seconds[kind]]
        p50, p95 = np.percentile(np.array(taken or [np.nan]) * 1000, [50, 95])
        print(f"{kind:20}  {len(taken):10,}  {p50:6.2f}  {p95:6.2f}")
    errors = [message for one in findings for message in one.errors]
    wrong = [message for one in findings for message in one.wrong]
    print(f"errors: {len(errors)}, wrong answers: {len(wrong)}")
    for message in errors[:SHOWN] + wrong[:SHOWN]:
        print(f"  {message}")
    return not errors and not wrong


if __name__ == "__main__":
    main()
