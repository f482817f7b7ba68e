"""What became of the rows of a load: counted, judged, and kept in `load_runs`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime

from sqlalchemy import Connection

from recsys.database.tables import load_runs
from recsys.errors import SourceError
from recsys.loading.entries import Unmatched
from recsys.loading.staging import copy_rows
from recsys.sources.batches import Batch, Reject, Source

LONGEST_SHOWN = 100  # characters of a refused row
# What to do about a reason, by how it begins.
HINTS = {
    "the rating is not": "--scale 1:10, 1:100 or like says how ratings are meant",
    "rating is not": "--scale like reads likes, --column rating=HEADING another column",
    "the date may": "--dates day-first or month-first says which",
    "timestamp is not": "--column rated_at=HEADING reads another column",
    "userId is not": "ids are whole numbers here: --column user_id=HEADING reads another column",
    "movieId is not": "ids are whole numbers here: --column movie_id=HEADING reads another column",
    "it is not in the file's encoding": "save the file as UTF-8",
    "no such film": "load the films that these rows are of first",
}
# So many refused rows end a load at once, if they are too large a share of all that can come.
MANY_REJECTS = 100_000
MOST_FAULTS = 1_000_000  # that are held, unless all may be at fault


@dataclass
class Counts:
    """What became of the rows of one kind; all add up to the rows read."""

    read: int = 0
    loaded: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    rejected: int = 0

    def merged(self, duplicate: int, loaded: int, updated: int) -> None:
        """Count the rows of a merge; those that it left alone are the rest of the rows read."""
        self.duplicate += duplicate
        self.loaded += loaded
        self.updated += updated
        counted = self.duplicate + self.loaded + self.updated + self.rejected
        self.unchanged = self.read - counted


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
    rejects
        The rows that were refused.
    unmatched
        What people rated or watched that is not among the films here.
    """

    source: str
    format: str
    run_id: int = 0
    kinds: dict[str, Counts] = field(default_factory=dict)
    joined: dict[str, int] = field(default_factory=dict)
    unjoined: int = 0
    invented: int = 0
    rejects: list[Reject] = field(default_factory=list)
    unmatched: list[Unmatched] = field(default_factory=list)

    @property
    def total(self) -> Counts:
        """Sum over the kinds."""
        return Counts(
            *(sum(getattr(c, field.name) for c in self.kinds.values()) for field in fields(Counts))
        )

    @property
    def main_reason(self) -> str:
        """Why most of the refused rows were refused, with the first of them, and what to do."""
        faults = [reject for reject in self.rejects if reject.fault] or self.rejects
        (reason, count), *_ = Counter(reject.reason for reject in faults).most_common(1)
        first = next(reject for reject in faults if reject.reason == reason)
        raw = first.raw if len(first.raw) <= LONGEST_SHOWN else first.raw[:LONGEST_SHOWN] + "..."
        hint = next((hint for start, hint in HINTS.items() if reason.startswith(start)), "")
        shown = " ".join(raw.split("\n"))
        return (
            f"{'All' if count == len(faults) else f'{count:,}'} of them: {reason}; the first is "
            f"line {first.line} of {first.file}: {shown}{hint and f' ({hint})'}"
        )


class Tally:
    """The counts and refused rows of a load so far; they outlive a transaction that is undone."""

    def __init__(self, source: Source, max_rejects: float) -> None:
        self.source = source
        self.max_rejects = max_rejects
        self.started = datetime.now(UTC)
        self.report = LoadReport(source.name, source.format)
        self.size = source.size
        self.done = 0  # of that size
        self.replaced = False
        self.work = self.size * 8 // 5  # keys and counts take about half as long as reading

    def count(self, batch: Batch, counts: Counts) -> None:
        """Count the rows of a batch and those that were refused; too many of them end the load."""
        counts.read += len(batch.rows) + len(batch.rejects)
        counts.rejected += len(batch.rejects)
        self.report.rejects += batch.rejects
        self.report.unjoined += sum(not reject.fault for reject in batch.rejects)
        self.done += batch.size
        if len(self.report.rejects) > MANY_REJECTS:
            # Even if none of the rows to come is refused, and they are half as long.
            self.refuse_if_poor(to_come=2 * (self.size - self.done) / max(self.done, 1))

    def count_joined(self, joined: dict[str, int], without: list[Reject], counts: Counts) -> None:
        """Count the descriptions that found their film by each key, and those without one."""
        for key, count in joined.items():
            self.report.joined[key] = self.report.joined.get(key, 0) + count
        self.report.unjoined += len(without)
        self.report.rejects += without
        counts.rejected += len(without)

    def refuse_if_poor(self, to_come: float = 0) -> None:
        """Refuse the load if it is poor, however good `to_come` times as many rows may be."""
        total = self.report.total
        name = self.source.name
        if total.read == 0:
            raise SourceError(f"{name} holds no rows: nothing was loaded")
        faulty = total.rejected - self.report.unjoined
        share = faulty > self.max_rejects * total.read * (1 + to_come)
        if share or (faulty > MOST_FAULTS and self.max_rejects < 1):
            most = f"{100 * self.max_rejects:.4g}%" if share else f"{MOST_FAULTS:,}"
            raise SourceError(
                f"{faulty:,} of {total.read:,} rows of {name}{' read so far' if to_come else ''} "
                f"cannot be taken, more than {most}: nothing was loaded. "
                f"{self.report.main_reason}. The rows and the reasons are in recsys.load_rejects; "
                "--max-rejects allows more"
            )
        if not to_come and total.rejected == total.read == self.report.unjoined:
            raise SourceError(
                f"none of the {total.read:,} rows of {name} has its film here: nothing was loaded. "
                f"{self.report.main_reason}"
            )

    def record(
        self, connection: Connection, id_space: str | None = None, refused: str | None = None
    ) -> None:
        """Write the run and the refused rows.

        Parameters
        ----------
        id_space
            Whose numbers the ids of the films are that it brought; None if it brought none.
        refused
            Why nothing was loaded.
        """
        report = self.report
        if refused:  # what was written has been undone
            report.kinds = {
                kind: Counts(counts.read, rejected=counts.rejected)
                for kind, counts in report.kinds.items()
            }
        details: dict[str, object] = {kind: asdict(counts) for kind, counts in report.kinds.items()}
        if self.replaced:  # a training of what was here before sees by it that it is late
            details["replaced"] = True
        if report.joined:
            details["joined"] = report.joined | {"none": report.unjoined}
        report.run_id = connection.execute(
            load_runs.insert().returning(load_runs.c.run_id),
            {
                "source": report.source,
                "format": report.format,
                "id_space": id_space,
                "status": "refused" if refused else "done",
                "message": refused,
                "details": details,
                "started_at": self.started,
                **{f"rows_{name}": value for name, value in asdict(report.total).items()},
            },
        ).scalar_one()
        copy_rows(
            connection,
            "recsys.load_rejects (run_id, file, line, reason, raw)",
            ((report.run_id, r.file, r.line, r.reason, r.raw) for r in self.report.rejects),
        )
