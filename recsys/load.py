"""Batches of a source into the tables: staged by COPY, checked and merged in SQL.

One transaction a source: it takes effect whole or not at all. A load that is refused still
leaves its row in `load_runs` and the rows it could not take in `load_rejects`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine

from recsys import staging
from recsys.database import is_simulated, reported_errors
from recsys.errors import SourceError
from recsys.parameters import MAX_REJECTS
from recsys.sources.batches import COUNTED, Source
from recsys.tables import load_runs


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
    """What a load did, by kind of row."""

    source: str
    format: str
    run_id: int = 0
    kinds: dict[str, Counts] = field(default_factory=dict)

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
    on_rows: Callable[[str, int], None] = lambda kind, rows: None,
) -> LoadReport:
    """Load a source in one transaction.

    Parameters
    ----------
    max_rejects
        Largest share of rows that may be refused; above it nothing is loaded.
    on_rows
        Called with the kind and the number of rows that were read, for a progress bar.

    Raises
    ------
    SourceError
        The source cannot be read, holds no films, or too many of its rows are refused.
    """
    started = datetime.now(UTC)
    report = LoadReport(source.name, source.format)
    rejects: list[staging.RejectRow] = []
    try:
        with reported_errors(), engine.begin() as connection:
            _refuse_clash(connection, source)
            _stage(connection, source, report, on_rows)
            for kind in COUNTED:
                if kind in report.kinds:
                    on_rows(f"merging {kind}", 0)
                    _merge(connection, kind, report.kinds[kind])
            rejects = staging.read_rejects(connection)
            _refuse_if_poor(report, max_rejects)
            connection.exec_driver_sql("select recsys_internal.refresh_movie_counts()")
            for table in staging.MERGED_TABLES:
                connection.exec_driver_sql(f"analyze {table}")
            report.run_id = _record(connection, report, started, rejects)
    except SourceError as error:
        with reported_errors(), engine.begin() as connection:
            report.run_id = _record(connection, report, started, rejects, refused=str(error))
        raise
    return report


def _refuse_clash(connection: Connection, source: Source) -> None:
    """Refuse to mix the sample with anything else: both number their films from 1."""
    if source.format == "sample" and not is_simulated(connection):
        held = connection.exec_driver_sql("select title from recsys.movies limit 1").scalar()
        if held is not None:
            raise SourceError(
                f"the database holds other films ({held}), whose ids clash with the sample's: "
                "load it into another one (recsys --database NAME load sample)"
            )
    elif source.format != "sample" and is_simulated(connection):
        raise SourceError(
            f"the database holds the sample, whose ids clash with those of {source.name}: "
            "load it into another one (recsys --database NAME load ...)"
        )


def _stage(
    connection: Connection, source: Source, report: LoadReport, on_rows: Callable[[str, int], None]
) -> None:
    staging.create(connection)
    for batch in source.batches():
        staging.copy_batch(connection, batch)
        if batch.kind in COUNTED:
            counts = report.kinds.setdefault(batch.kind, Counts())
            rows = len(batch.rows) + len(batch.rejects)
            counts.read += rows
            on_rows(batch.kind, rows)
    staging.analyze(connection)


def _merge(connection: Connection, kind: str, counts: Counts) -> None:
    kept = staging.reject_and_count(connection, kind)
    counts.rejected = counts.read - kept
    distinct = staging.drop_duplicates(connection, kind)
    counts.duplicate = kept - distinct
    counts.loaded, counts.updated = staging.merge(connection, kind)
    counts.unchanged = distinct - counts.loaded - counts.updated


def _refuse_if_poor(report: LoadReport, max_rejects: float) -> None:
    total = report.total
    if "movies" not in report.kinds or report.kinds["movies"].read == 0:
        raise SourceError(f"{report.source} holds no films: nothing was loaded")
    if total.rejected > max_rejects * total.read:
        raise SourceError(
            f"{total.rejected:,} of {total.read:,} rows of {report.source} cannot be taken, "
            f"more than {max_rejects:.0%}: nothing was loaded. The rows and the reasons are in "
            "recsys.load_rejects; --max-rejects allows more"
        )


def _record(
    connection: Connection,
    report: LoadReport,
    started: datetime,
    rejects: list[staging.RejectRow],
    refused: str | None = None,
) -> int:
    run_id = connection.execute(
        load_runs.insert().returning(load_runs.c.run_id),
        {
            "source": report.source,
            "format": report.format,
            "status": "refused" if refused else "done",
            "message": refused,
            "details": {kind: asdict(counts) for kind, counts in report.kinds.items()},
            "started_at": started,
            **{f"rows_{name}": value for name, value in asdict(report.total).items()},
        },
    ).scalar_one()
    staging.write_rejects(connection, run_id, rejects)
    return int(run_id)
