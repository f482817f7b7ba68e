"""Whether answers stay right while many people ask, rate and learn at once, on ml-latest-small.

    python -m benchmarks.speed.mixed_load [--minutes 10] [--connections 8]

After a load and a training, every connection (a thread of its own, autocommit) sends random
statements: recommend (nearly half of them, some with filters), similar_movies, any of the public
functions that read, with arguments of which a few are odd, and what applications write: ratings
that come, change and go, films that are hidden, watchlists, impressions. They are for users that
the model knows and users that it does not. Half of all statements are for a few busy users, so
that they meet; half of the insertions rate a film that the user was just shown, so that a stale
answer would show it again. In between, one after the other, the data set is loaded again, a model
is trained and activated, the views for BI are refreshed and the lists of all users are written.

Told are each kind's number and times (which include Python's waiting, as the threads share one
interpreter), the memory of the server's processes apart from what they share (its median in each
tenth of the time; on Linux, for a server of this machine), every error, and every wrong answer:
one with fewer than k different films, one whose ranks or numbers are no such, or one that shows a
film that the user has rated or hidden. The last is judged strictly: it counts if the row's commit
was acknowledged before the statement was sent, and no deletion of it was sent before the answer
came back. Exits with status 1 if there is any error or wrong answer.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil
import psycopg
from psycopg.rows import dict_row
from sqlalchemy import Engine

from benchmarks.scratch import data_set, scratch_database
from recsys.cli.output import progress_bar
from recsys.database.engine import libpq_url
from recsys.loading.load import load
from recsys.models.experiments import Variant, start_experiment
from recsys.parameters import Parameters
from recsys.sources import open_source
from recsys.training.texts import learn_texts
from recsys.training.train import train
from tests.helpers.contract import check_finite
from tests.helpers.odd_values import Function, Values, read_functions

SHARES = {
    "recommend": 30,
    "recommend, filtered": 15,
    "similar_movies": 10,
    "any function": 15,
    "insert": 11,
    "update": 7,
    "delete": 7,
    "hide": 1,
    "watchlist": 2,
    "impression": 2,
}
RECOMMEND = """
    select movie_id from recsys.recommend(%(user)s, k => %(k)s, genres => %(genres)s::text[],
        exclude_genres => %(exclude_genres)s::text[], year_from => %(year_from)s::int,
        year_to => %(year_to)s::int, min_ratings => %(min_ratings)s::int)
"""
FEEDBACK = """
    insert into recsys.feedback (user_id, movie_id, kind) values (%(user)s, %(film)s, '{}')
    on conflict (user_id, movie_id, kind) do update set at = excluded.at
"""
QUESTIONS = {"recommend", "recommend, filtered", "similar_movies"}
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
    "hide": FEEDBACK.format("hidden"),
    "watchlist": FEEDBACK.format("watchlist"),
    "impression": "insert into recsys.impressions (user_id, movie_id, rank) "
    "values (%(user)s, %(film)s, %(k)s) on conflict do nothing",
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
# The data set has no plots.
PLOTS = """
    insert into recsys.movie_texts (movie_id, kind, text)
    select movie_id, 'plot', 'A story of ' || title from recsys.movies
"""
Commands = Sequence[tuple[str, ...]]
REFUSED = "22023"
BUSY = 20
SHOWN = 10  # messages printed of each sort


class Record:
    """Which rows of users and films are certainly there, and since when that was known."""

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self.lock = threading.Lock()
        self.since: dict[int, dict[int, float]] = {}
        self.deletions: Counter[tuple[int, int]] = Counter()  # sent so far
        self.in_flight: Counter[tuple[int, int]] = Counter()  # of them, not yet acknowledged
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

    def known_before(self, user: int, films: list[int], sent: float) -> list[int]:
        """Return the films whose rows were there before that."""
        with self.lock:
            since = self.since.get(user, {})
            return [film for film in films if since.get(film, sent) < sent]

    def films(self, user: int) -> list[int]:
        with self.lock:
            return list(self.since.get(user, ()))


@dataclass(frozen=True)
class World:
    """What all clients know."""

    users: list[int]
    films: list[int]
    functions: list[Function]
    values: Values
    rated: Record
    hidden: Record = field(default_factory=Record)
    shown: dict[int, list[int]] = field(default_factory=dict)  # by user, the last answer


@dataclass
class Findings:
    """What one connection saw."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in SHARES})
    errors: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Client:
    """One connection and what it does."""

    def __init__(self, url: str, seed: int, world: World) -> None:
        self.url, self.world = url, world
        self.random = random.Random(seed)
        self.findings = Findings()

    def run(self, stopped: threading.Event) -> None:
        """Send statements until told to stop; a lost connection is an error, and made anew."""
        while not stopped.is_set():
            try:
                with psycopg.connect(self.url, autocommit=True) as connection:
                    connection.execute("set statement_timeout = '60s'")
                    while not (stopped.is_set() or connection.closed):
                        self.step(connection)
            except psycopg.Error as error:
                self.findings.errors.append(f"connection: {error}")
                stopped.wait(1)

    def step(self, connection: psycopg.Connection[Any]) -> None:
        kind = self.random.choices(list(SHARES), list(SHARES.values()))[0]
        if kind == "any function":
            function = self.random.choice(self.world.functions)
            statement, values = function.call(self.random, self.world.values)
        else:
            statement, values = STATEMENTS[kind], self.draw(kind)
        told = f"{kind} {statement if kind == 'any function' else ''} {values}"[:1000]
        rows = self.world.hidden if kind == "hide" else self.world.rated
        user, film = values.get("user", 0), values.get("film", 0)
        ticket = rows.insertion_sent(user, film) if kind in ("insert", "hide") else None
        if kind == "delete":
            rows.deletion_sent(user, film)
        sent = time.monotonic()
        try:
            # Most texts of any function come once: prepared, a hundred would stay in memory.
            prepare = False if kind == "any function" else None
            cursor = connection.cursor(row_factory=dict_row)
            cursor.execute(statement, values, prepare=prepare)
            answer = cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            if kind != "any function" or error.sqlstate != REFUSED:
                self.findings.errors.append(f"{told}: {error}")
            return
        self.findings.seconds[kind].append(time.monotonic() - sent)
        if kind in ("insert", "hide"):
            rows.inserted(user, film, ticket)
        elif kind == "delete":
            rows.deleted(user, film)
        elif wrong := self.faults(kind, values, answer, sent):
            self.findings.wrong.append(f"{told}: {wrong}")

    def faults(
        self, kind: str, values: dict[str, Any], answer: list[dict[str, Any]], sent: float
    ) -> str:
        """Say what is wrong with an answer, if anything."""
        if kind == "any function":
            try:
                check_finite(answer)
                ranks = [row["rank"] for row in answer if "rank" in row]
                assert ranks == [*range(1, len(ranks) + 1)], ranks
            except AssertionError as error:
                return str(error)
        elif kind in QUESTIONS:
            films = [row["movie_id"] for row in answer]
            if len(set(films)) < values["k"]:
                return f"fewer than k films: {films}"
            if kind != "similar_movies":
                self.world.shown[values["user"]] = films
                for rows in (self.world.rated, self.world.hidden):
                    if stale := rows.known_before(values["user"], films, sent):
                        return f"shows rated or hidden films {stale}"
        return ""

    def draw(self, kind: str) -> dict[str, Any]:
        """Return the values of a statement of this kind."""
        choose, world = self.random.choice, self.world
        user = choose(world.users[:BUSY] if self.random.random() < 0.5 else world.users)
        film = choose(world.films)
        if kind == "insert" and self.random.random() < 0.5:
            film = choose(world.shown.get(user) or [film])
        elif kind in ("update", "delete"):
            film = choose(world.rated.films(user) or [film])
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
        prepare(engine, arguments.factors)
        commands = [
            ("load", str(data_set("ml-latest-small"))),
            ("train",),
            ("bi", "refresh"),
            ("recommend", "--all"),
        ]
        findings, memory = put_load(engine, arguments.connections, arguments.minutes * 60, commands)
    show_memory(memory)
    if not show(findings):
        raise SystemExit(1)


def prepare(engine: Engine, factors: int = Parameters.factors) -> None:
    """Load and learn all that is asked for."""
    load(engine, open_source(str(data_set("ml-latest-small"))))
    with engine.begin() as connection:
        connection.exec_driver_sql(PLOTS)
        start_experiment(connection, "e", [Variant("plain"), Variant("diverse", diversity=0.5)])
    learn_texts(engine)
    train(engine, Parameters(factors=factors))


def put_load(
    engine: Engine, connections: int, seconds: float, commands: Commands = ()
) -> tuple[list[Findings], list[float]]:
    """Let the clients run for so many seconds; return what they found, and the server's memory."""
    world = read_world(engine)
    clients = [Client(libpq_url(engine.url), seed, world) for seed in range(connections)]
    stopped = threading.Event()
    with ThreadPoolExecutor(connections + 1) as pool:
        running = [pool.submit(client.run, stopped) for client in clients]
        working = pool.submit(run_commands, engine, commands, seconds, stopped)
        try:
            memory = watch(engine, clients, seconds)
        finally:
            stopped.set()
        for future in running:
            future.result()
        return [*(client.findings for client in clients), working.result()], memory


def read_world(engine: Engine) -> World:
    """Read who and what there is."""
    with psycopg.connect(libpq_url(engine.url)) as connection:
        titles: dict[int, str] = dict(
            connection.execute("select movie_id, title from recsys.movies").fetchall()
        )
        pairs = connection.execute("select user_id, movie_id from recsys.ratings").fetchall()
        genres = [name for (name,) in connection.execute("select name from recsys.genres")]
        [(model_id,)] = connection.execute(
            "select model_id from recsys.models where activated_at is not null"
        )
        [(dimensions,)] = connection.execute("select dimensions from recsys.text_encoders")
        functions = [one for one in read_functions(connection) if not one.writes]
    users = sorted({user for user, _ in pairs}) + list(NEW_USERS)
    random.Random(0).shuffle(users)
    values = Values(
        random.Random(0), list(titles), users, [*titles.values()], genres, model_id, dimensions
    )
    return World(users, list(titles), functions, values, Record(pairs))


def run_commands(
    engine: Engine, commands: Commands, seconds: float, stopped: threading.Event
) -> Findings:
    """Run commands of recsys, at even distances; return which failed."""
    findings, begun = Findings(), time.monotonic()
    for place, command in enumerate(commands, 1):
        stopped.wait(begun + seconds * place / (len(commands) + 1) - time.monotonic())
        done = subprocess.run(
            [sys.executable, "-m", "recsys", *command],
            env=os.environ | {"DATABASE_URL": libpq_url(engine.url)},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            findings.errors.append(f"recsys {' '.join(command)}: {done.stderr[-500:]}")
    return findings


def watch(engine: Engine, clients: list[Client], seconds: float) -> list[float]:
    """Show how far it is and what was found until now; return the server's memory in MB."""
    server = server_process(engine)
    begun, memory = time.monotonic(), []
    with progress_bar({}, "percent") as progress:
        while (passed := time.monotonic() - begun) < seconds:
            found = [client.findings for client in clients]
            sent = sum(len(times) for one in found for times in one.seconds.values())
            errors, wrong = (sum(len(getattr(o, n)) for o in found) for n in ("errors", "wrong"))
            note = f"{sent:,} sent, {errors} errors, {wrong} wrong"
            progress("mixed load", int(passed), int(seconds), note)
            if server is not None:
                memory.append(private_memory(server))
            time.sleep(min(0.5, seconds - passed))
    return memory


def server_process(engine: Engine) -> psutil.Process | None:
    """Return the server's first process, if it is one of this machine."""
    with engine.connect() as connection:
        pid = connection.exec_driver_sql("select pg_backend_pid()").scalar_one()
        try:
            process = psutil.Process(pid)
            return process.parent() if process.name() == "postgres" else None
        except psutil.NoSuchProcess:
            return None


def private_memory(server: psutil.Process) -> float:
    """Return what the server's processes hold apart from shared memory and files, in MB."""
    held = 0
    for process in [server, *server.children()]:
        with suppress(psutil.NoSuchProcess):
            memory = process.memory_info()
            held += memory.rss - memory.shared
    return held / (1 << 20)


def show_memory(memory: list[float]) -> None:
    if memory:
        tenths = [np.median(part) for part in np.array_split(memory, 10)]
        print("MB of the server's own memory:", *(f"{tenth:.0f}" for tenth in tenths))


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
