"""Records of what ran: trials, evaluations, loads."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Integer,
    Interval,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from recsys.database.tables.columns import count, identity, json, table, time

trials = table(
    "trials",
    "One row per training that was tried on a part of the ratings to choose parameters.",
    identity("trial_id", "The trial.", always=True),
    time("started_at", "When `recsys train` began: the same for all trials of one choice."),
    Column("parameters", JSONB, nullable=False, comment="Parameters that were tried."),
    Column("metric", Text, nullable=False, comment="What was measured, such as ndcg@10."),
    Column(
        "value",
        Double,
        comment="Mean over the users, on positives that the trial did not learn from; null where "
        "it was stopped early.",
    ),
    Column("duration", Interval, nullable=False, comment="How long the trial took."),
    Column(
        "model_id",
        ForeignKey("recsys.models.model_id", ondelete="SET NULL"),
        index=True,
        comment="The model that was trained with the best parameters; null if there is none (any "
        "more).",
    ),
)

evaluations = table(
    "evaluations",
    "One row per protocol, method, metric and list length.",
    identity("evaluation_id", "Id of the figure."),
    Column(
        "model_id",
        BigInteger,
        ForeignKey("recsys.models.model_id", ondelete="SET NULL"),
        comment="The model that was scored, while it is kept.",
    ),
    Column("protocol", Text, nullable=False, comment="How the ratings were split."),
    Column("method", Text, nullable=False, comment="What was scored: a model or a baseline."),
    Column("metric", Text, nullable=False, comment="Name of the metric, such as ndcg."),
    Column("k", Integer, comment="Length of the list; null for rating metrics."),
    Column("value", Double, comment="The mean over users."),
    Column("ci_low", Double, comment="Lower end of the 95 % interval."),
    Column("ci_high", Double, comment="Upper end of the 95 % interval."),
    json("details", "Seed, number of users and the like."),
    time("evaluated_at", "When it was measured.", default="now()"),
)

load_runs = table(
    "load_runs",
    "One row per load, the refused ones too.",
    identity("run_id", "Id of the load."),
    Column("source", Text, nullable=False, comment="What was loaded: a path or a known name."),
    Column("format", Text, comment="Format it was read as."),
    Column("status", Text, nullable=False, comment="done, or refused: then nothing was changed."),
    Column("message", Text, comment="Why it was refused."),
    count("rows_read", "Rows found in the source's files."),
    count("rows_loaded", "Rows that were new."),
    count("rows_updated", "Rows that changed a row."),
    count("rows_unchanged", "Rows that were there already."),
    count("rows_duplicate", "Rows that gave way to another row of the source for the same key."),
    count("rows_rejected", "Rows refused; load_rejects holds them."),
    json("details", "The same counts by table."),
    time("started_at", "When the load began."),
    time("finished_at", "When the load ended.", default="clock_timestamp()"),
    Column(
        "id_space",
        Text,
        comment="Whose numbers the film ids are, such as movielens, tmdb or imdb; null where the "
        "source takes the films' ids as it finds them.",
    ),
    CheckConstraint("status in ('done', 'refused')", name="status"),
    CheckConstraint(
        "status <> 'done' or rows_read = rows_loaded + rows_updated + rows_unchanged"
        " + rows_duplicate + rows_rejected",
        name="counts",
    ),
)

load_rejects = table(
    "load_rejects",
    "One row per refused row of a source.",
    identity("reject_id", "Id of the refusal."),
    Column(
        "run_id",
        BigInteger,
        ForeignKey("recsys.load_runs.run_id", ondelete="CASCADE"),
        nullable=False,
        index=True,
        comment="The load.",
    ),
    Column("file", Text, nullable=False, comment="Name of the file."),
    Column("line", BigInteger, comment="Line in the file, the header being line 1."),
    Column("reason", Text, nullable=False, comment="Why it was refused."),
    Column(
        "raw",
        Text,
        comment="The row as it stands in the file, odd bytes escaped; its first 1,000 characters.",
    ),
)
