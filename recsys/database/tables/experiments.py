"""Experiments: users get lists of different variants, and the outcomes are compared."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Text
from sqlalchemy.dialects.postgresql import REAL

from recsys.database.tables.columns import calendar, table, time

experiments = table(
    "experiments",
    "One row per experiment: users get lists of different variants, and the outcomes are compared.",
    Column("name", Text, primary_key=True, comment="Its name."),
    time("started_at", "From when on variants are served.", default="now()"),
    time("ended_at", "When it ended, or will end; null: not yet.", nullable=True),
    Column("comment", Text, comment="What it is about."),
    calendar("started_at"),
    calendar("ended_at", first="started_at"),
)

experiment_variants = table(
    "experiment_variants",
    "One row per variant of an experiment: how recsys.recommend answers its users.",
    Column(
        "experiment",
        Text,
        ForeignKey("recsys.experiments.name", ondelete="CASCADE"),
        primary_key=True,
        comment="Name of the experiment.",
    ),
    Column("variant", Text, primary_key=True, comment="Name of the variant."),
    Column(
        "share",
        REAL,
        nullable=False,
        comment="Its share of the users, relative to the other variants' shares.",
    ),
    Column(
        "model_id",
        BigInteger,
        comment="The model that answers; null: the active one at the time of asking.",
    ),
    Column(
        "rerank",
        Boolean,
        comment="Whether the model's order puts films in order; null: as by default.",
    ),
    Column(
        "diversity",
        REAL,
        comment="How unlike each other the films are, 0 to 1; null: as by default.",
    ),
    CheckConstraint("share > 0", name="share"),
    CheckConstraint("diversity between 0 and 1", name="diversity"),
)
