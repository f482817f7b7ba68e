"""Batches of a source into the tables: staged by COPY, checked, and merged in SQL.

One transaction a source: it takes effect whole or not at all. A load that is refused still
leaves its row in `load_runs` and the rows it could not take in `load_rejects`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, select

from recsys.database.copy import read_columns
from recsys.database.errors import reported_errors
from recsys.database.locks import Lock, take
from recsys.database.tables import load_runs, movies
from recsys.errors import SourceError
from recsys.loading import catalogues, films, staging
from recsys.loading.empty_tables import strip
from recsys.loading.ratings import RatingWriter
from recsys.parameters import MAX_REJECTS
from recsys.sources.batches import PARTS, Batch, Reject, Source
from recsys.sources.prefetch import prefetch

OF_FILMS = ("links", "ratings", "tags")  # kinds whose rows refer to films
NO_FILM = "no such film"
# So many refused rows end a load at once, if they are too large a share of all that can come.
MANY_REJECTS = 100_000


@dataclass
class Counts:
    """What became of the rows of one kind; all add up to the rows read."""

    read: int = 0
    loaded: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    rejected: int = 0


@dataclass
class LoadReport:
    """What a load did, by kind of row.

    Attributes
    ----------
    joined
        Descriptions of films by the key that led to their film.
    unjoined
        Descriptions without a film here; they are among the rejected, but no fault of theirs.
    invented
        Films that ratings alone brought, entered under their ids.
    """

    source: str
    format: str
    run_id: int = 0
    kinds: dict[str, Counts] = field(default_factory=dict)
    joined: dict[str, int] = field(default_factory=dict)
    unjoined: int = 0
    invented: int = 0

    @property
    def total(self) -> Counts:
        """Sum over the kinds."""
        return Counts(
            *(sum(getattr(c, field.name) for c in self.kinds.values()) for field in fields(Counts))
        )


def load(
    engine: Engine,
    source: Source,
    max_rejects: float = MAX_REJECTS,
    on_batch: Callable[[str, int, int], None] = lambda what, rows, size: None,
    replace_all: bool = False,
) -> LoadReport:
    """Load a source in one transaction.

    Parameters
    ----------
    max_rejects
        Largest share of rows that may be refused; above it nothing is loaded.
    on_batch
        Called with what is being done, the number of rows that were read and how much of the
        source's size they were, for a progress bar.
    replace_all
        First remove all films, ratings, tags, profiles and models that the database holds.

    Raises
    ------
    SourceError
        The source cannot be read, holds no rows, numbers its films otherwise than the database
        does, or too many of its rows are refused.
    """
    one = _Load(source, max_rejects, on_batch)
    try:
        with reported_errors(), engine.begin() as connection:
            one.run(connection, replace_all)
    except SourceError as error:
        with reported_errors(), engine.begin() as connection:
            one.record(connection, refused=str(error))
        raise
    return one.report


class _Load:
    """One load: its source, its transaction, its counts."""

    def __init__(
        self, source: Source, max_rejects: float, on_batch: Callable[[str, int, int], None]
    ) -> None:
        self.source = source
        self.max_rejects = max_rejects
        self.on_batch = on_batch
        self.started = datetime.now(UTC)
        self.report = LoadReport(source.name, source.format)
        self.rejects: list[Reject] = []
        self.films: NDArray[np.int64] | None = None
        self.done = 0  # of the source's size

    def run(self, connection: Connection, replace_all: bool) -> None:
        take(connection, Lock.LOAD)
        connection.exec_driver_sql("set local recsys.bulk = on")  # no trigger a row
        if replace_all:
            catalogues.remove_all(connection, self.source)
        self.describes = catalogues.decide(connection, self.source)
        staging.create(connection)
        indexes = strip(connection, "recsys.movies", keys=False) or []
        with prefetch(self.source.batches()) as batches:
            for kind, group in groupby(batches, key=self._kind_of):
                self._load_kind(connection, kind, group)
        self._refuse_if_poor()
        self.on_batch("counting", 0, 0)
        connection.exec_driver_sql("select recsys_internal.refresh_movie_counts()")
        for statement in indexes:
            staging.run(connection, statement)
        for table in staging.MERGED_TABLES:
            connection.exec_driver_sql(f"analyze {table}")
        connection.exec_driver_sql("select recsys.refresh_content()")
        self.record(connection)

    def record(self, connection: Connection, refused: str | None = None) -> None:
        """Write the run and the refused rows."""
        report = self.report
        if refused:  # what was written has been undone
            report.kinds = {
                kind: Counts(counts.read, rejected=counts.rejected)
                for kind, counts in report.kinds.items()
            }
        details: dict[str, object] = {kind: asdict(counts) for kind, counts in report.kinds.items()}
        if "descriptions" in report.kinds:
            details["joined"] = report.joined | {"none": report.unjoined}
        report.run_id = connection.execute(
            load_runs.insert().returning(load_runs.c.run_id),
            {
                "source": report.source,
                "format": report.format,
                "id_space": None if refused or self.describes else self.source.id_space,
                "status": "refused" if refused else "done",
                "message": refused,
                "details": details,
                "started_at": self.started,
                **{f"rows_{name}": value for name, value in asdict(report.total).items()},
            },
        ).scalar_one()
        staging.write_rejects(connection, report.run_id, self.rejects)

    def _kind_of(self, batch: Batch) -> str:
        """Return the kind of row that a batch belongs to: a part, to that of the film before."""
        if batch.kind not in PARTS:
            describes = batch.kind == "movies" and self.describes
            self.kind = "descriptions" if describes else batch.kind
        return self.kind

    def _load_kind(self, connection: Connection, kind: str, group: Iterator[Batch]) -> None:
        counts = self.report.kinds.setdefault(kind, Counts())
        if kind == "descriptions" and not connection.execute(select(movies.c.movie_id)).first():
            raise SourceError(
                f"{self.source.name} tells more about films, but the database holds none yet: "
                "load films first, such as a MovieLens folder"
            )
        if self.describes and kind in OF_FILMS:
            raise SourceError(
                f"the {kind} of {self.source.name} number films otherwise than the database: "
                "load its films alone, or all of it with --replace"
            )
        writer = RatingWriter(connection) if kind == "ratings" else None
        kept = counts.rejected - counts.read  # of this group; a kind may come in several
        for batch in group:
            if batch.kind not in PARTS:
                batch = self._counted(connection, batch, counts)
            if writer:
                writer.write(batch)
            else:
                staging.copy_batch(connection, batch)
        self.on_batch(f"writing {kind}", 0, 0)
        if kind == "descriptions":
            counts.rejected += self._join(connection)
        kept += counts.read - counts.rejected
        if writer:
            duplicate, loaded, updated = writer.finish()
        else:
            duplicate = staging.drop_duplicates(connection, kind)
            merge = films.merge_films if kind in ("movies", "descriptions") else staging.merge
            loaded, updated = merge(connection, kind)
        counts.duplicate += duplicate
        counts.loaded += loaded
        counts.updated += updated
        counts.unchanged += kept - duplicate - loaded - updated

    def _join(self, connection: Connection) -> int:
        """Find the films that are described; return how many descriptions have none here."""
        joined, without = films.join_descriptions(connection)
        for key, count in joined.items():
            self.report.joined[key] = self.report.joined.get(key, 0) + count
        self.report.unjoined += len(without)
        self.rejects += without
        return len(without)

    def _counted(self, connection: Connection, batch: Batch, counts: Counts) -> Batch:
        """Refuse rows whose film is unknown; count the others and what was refused."""
        rows = len(batch.rows) + len(batch.rejects)
        counts.read += rows
        if batch.kind in OF_FILMS:
            batch = self._of_known_films(connection, batch)
        counts.rejected += len(batch.rejects)
        self.rejects += batch.rejects
        self.report.unjoined += sum(not reject.fault for reject in batch.rejects)
        self.done += batch.size
        if len(self.rejects) > MANY_REJECTS:
            # Even if none of the rows to come is refused, and they are half as long.
            self._refuse_if_poor(to_come=2 * (self.source.size - self.done) / max(self.done, 1))
        self.on_batch(f"reading {batch.kind}", rows, batch.size)
        return batch

    def _of_known_films(self, connection: Connection, batch: Batch) -> Batch:
        if self.films is None:
            query = "select movie_id from recsys.movies"
            self.films = read_columns(connection, query, movie_id="i8")["movie_id"]
            self.invents = len(self.films) == 0 and self.source.id_space is None
        asked = batch.rows["movie_id"].to_numpy(np.int64)
        if self.invents:
            self.films = np.concatenate([self.films, self._invent(connection, asked)])
        unknown = ~np.isin(asked, self.films)
        if not unknown.any():
            return batch
        raw = batch.raw or (lambda place: "")
        lines = batch.rows["line"].to_numpy()
        rejects = [
            Reject(batch.file, int(lines[place]), NO_FILM, raw(int(place)))
            for place in unknown.nonzero()[0]
        ]
        return replace(batch, rows=batch.rows[~unknown], rejects=batch.rejects + rejects)

    def _invent(self, connection: Connection, asked: NDArray[np.int64]) -> NDArray[np.int64]:
        """Enter films under their ids, where ratings came alone into an empty database."""
        new = np.setdiff1d(asked, self.films if self.films is not None else [])
        staging.copy_rows(
            connection,
            "recsys.movies (movie_id, title)",
            ((int(id_), catalogues.INVENTED.format(int(id_))) for id_ in new),
        )
        self.report.invented += len(new)
        return new

    def _refuse_if_poor(self, to_come: float = 0) -> None:
        """Refuse the load if it is poor, however good `to_come` times as many rows may be."""
        total = self.report.total
        name = self.source.name
        if total.read == 0:
            raise SourceError(f"{name} holds no rows: nothing was loaded")
        faulty = total.rejected - self.report.unjoined
        if faulty > self.max_rejects * total.read * (1 + to_come):
            raise SourceError(
                f"{faulty:,} of {total.read:,} rows of {name}{' read so far' if to_come else ''} "
                "cannot be taken, "
                f"more than {100 * self.max_rejects:.4g}%: nothing was loaded. "
                "The rows and the reasons are in recsys.load_rejects; --max-rejects allows more"
            )
