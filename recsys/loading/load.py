"""Batches of a source into the tables: staged by COPY, checked, and merged in SQL.

One transaction a source: it takes effect whole or not at all. A load that is refused still
leaves its row in `load_runs` and the rows it could not take in `load_rejects`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from time import perf_counter

from sqlalchemy import Connection, Engine, select

from recsys.database.errors import reported_errors
from recsys.database.locks import Lock, again_after_deadlock, take
from recsys.database.tables import movies
from recsys.errors import SourceError
from recsys.loading import catalogues
from recsys.loading.empty_tables import strip
from recsys.loading.entries import with_nearest
from recsys.loading.joins import join_films, why_unjoined
from recsys.loading.keys import Keys
from recsys.loading.kinds import KINDS
from recsys.loading.known_films import KnownFilms
from recsys.loading.ratings import RatingWriter
from recsys.loading.staging import Stage, run
from recsys.loading.tally import Counts, LoadReport, Tally
from recsys.parameters import MAX_REJECTS
from recsys.progress import Progress, silent
from recsys.sources.batches import PARTS, Batch, Reject, Source
from recsys.sources.prefetch import prefetch

NO_CONTENT = {"ratings", "users", "entries"}  # kinds that tell nothing of what films are


def load(
    engine: Engine,
    source: Source,
    max_rejects: float = MAX_REJECTS,
    progress: Progress = silent,
    replace_all: bool = False,
    dry_run: bool = False,
) -> LoadReport:
    """Load a source in one transaction.

    Parameters
    ----------
    max_rejects
        Largest share of rows that may be refused; above it nothing is loaded.
    progress
        Told how much of ``loading`` is done, in units of the source's size; the note says what is
        being done.
    replace_all
        First remove all films, ratings, tags, profiles and models that the database holds.
    dry_run
        Undo all of it at the end, so that the report tells what a load would do.

    Raises
    ------
    SourceError
        The source cannot be read, holds no rows, numbers its films otherwise than the database
        does, or too many of its rows are refused.
    """
    tally = Tally(source, max_rejects)

    def attempt() -> None:
        nonlocal tally
        tally = Tally(source, max_rejects)
        progress("loading", 0, tally.work)
        with engine.connect() as connection, connection.begin() as transaction:
            _Load(connection, source, tally, progress).run(replace_all)
            if dry_run:
                transaction.rollback()

    try:
        with reported_errors():
            again_after_deadlock(attempt)
    except SourceError as error:
        if dry_run:
            raise
        with reported_errors(), engine.begin() as connection:
            tally.record(connection, refused=str(error))
        raise
    progress("loading", tally.work, tally.work, "done")
    return tally.report


class _Load:
    """One load in its transaction."""

    def __init__(
        self, connection: Connection, source: Source, tally: Tally, progress: Progress
    ) -> None:
        self.connection = connection
        self.source = source
        self.tally = tally
        self.progress = progress
        self.keys = Keys(connection)

    def run(self, replace_all: bool) -> None:
        connection, tally = self.connection, self.tally
        take(connection, Lock.LOAD)
        run(connection, "set local recsys.bulk = on")  # no trigger a row
        if replace_all:
            catalogues.remove_all(connection, self.source)
            tally.replaced = True
        describes = catalogues.decide(connection, self.source)
        indexes = strip(connection, "recsys.movies", keys=False) or []
        with prefetch(self.source.batches()) as batches:
            for kind, group in groupby(_with_kinds(batches, describes), key=itemgetter(0)):
                counts = tally.report.kinds.setdefault(kind, Counts())
                self._check(kind, describes)
                self._load_kind(kind, (batch for _, batch in group), counts)
        tally.refuse_if_poor()
        self.progress("loading", tally.size * 3 // 2, tally.work, "counting")
        run(connection, "select recsys_internal.refresh_movie_counts()")
        for statement in indexes:
            run(connection, statement)
        loaded = tally.report.kinds.keys()
        written = dict.fromkeys(
            ("movies", *(name for kind in loaded for name in KINDS[kind].writes))
        )
        run(connection, f"analyze {', '.join(f'recsys.{name}' for name in written)}")
        if not loaded <= NO_CONTENT or tally.report.invented:
            run(connection, "select recsys.refresh_content()")
        space = "keys" if self.keys.numbered_movies else self.source.id_space
        tally.record(connection, None if describes else space)

    @cached_property
    def films(self) -> KnownFilms:
        """The films here; first asked for when those of the source are in."""
        return KnownFilms(self.connection, self.keys, invents=not self.source.names_films)

    def _check(self, kind: str, describes: bool) -> None:
        """Refuse rows that cannot meet the films here."""
        one_film = select(movies.c.movie_id).limit(1)
        if KINDS[kind].joins and not self.connection.execute(one_film).first():
            raise SourceError(
                f"{self.source.name} tells more about films, but the database holds none yet: "
                "load films first, such as a MovieLens folder"
            )
        if describes and KINDS[kind].of_films:
            raise SourceError(
                f"the {kind} of {self.source.name} number films otherwise than the database: "
                "load its films alone, or all of it with --replace"
            )

    def _load_kind(self, kind: str, batches: Iterator[Batch], counts: Counts) -> None:
        """Write batches of one kind of row."""
        connection, tally = self.connection, self.tally
        writer: RatingWriter | Stage = (
            RatingWriter(connection) if kind == "ratings" else Stage(connection, KINDS[kind])
        )
        begun, before = perf_counter(), counts.read
        for batch in batches:
            if batch.kind not in PARTS:
                batch = self.keys.number_users(batch)
                if KINDS[kind].of_films:
                    batch = self.films.keep(batch)
                    tally.report.invented = self.films.invented
                elif kind == "movies":
                    batch = self.keys.number_movies(batch, new=True)
                tally.count(batch, counts)
                doing = f"reading {batch.kind} {_speed(counts.read - before, begun)}"
                self.progress("loading", tally.done, tally.work, doing)
            writer.write(batch)
        self.progress("loading", tally.done, tally.work, f"writing {kind}")
        if KINDS[kind].joins:
            self._join(kind, counts)
        counts.merged(*writer.finish())
        if kind == "movies":
            self.keys.write_movies()

    def _join(self, kind: str, counts: Counts) -> None:
        """Find the films of staged rows; those without one are refused, by no fault of theirs."""
        connection, tally = self.connection, self.tally
        stage = f"stage_{KINDS[kind].stages[0]}"
        joined, without = join_films(connection, stage, KINDS[kind].joins)
        reasons = [why_unjoined(row) for row in without]
        if kind == "entries":
            unmatched = with_nearest(connection, without)
            tally.report.unmatched += unmatched
            reasons = [
                reason + (f"; nearest: {', '.join(entry.nearest)}" if entry.nearest else "")
                for reason, entry in zip(reasons, unmatched, strict=True)
            ]
        rejects = [
            Reject(row.file, row.line, reason, row.raw, fault=False)
            for row, reason in zip(without, reasons, strict=True)
        ]
        tally.count_joined(joined, rejects, counts)


def _with_kinds(batches: Iterator[Batch], describes: bool) -> Iterator[tuple[str, Batch]]:
    """Yield batches with the kind of group that they belong to: parts, to that of their films."""
    kind = ""
    for batch in batches:
        if batch.kind not in PARTS:
            kind = "descriptions" if describes and batch.kind == "movies" else batch.kind
        yield kind, batch


def _speed(rows: int, begun: float) -> str:
    seconds = perf_counter() - begun
    return f"({rows / seconds:,.0f} rows/s)" if seconds > 0.2 else ""
