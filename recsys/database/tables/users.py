"""Users: what they rated and tagged, and what is recommended to them."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Double, Index, Integer, Text
from sqlalchemy.dialects.postgresql import REAL

from recsys.database.tables.columns import key, parent, table, time

users = table(
    "users",
    "One row per profile. Profiles are optional: all who have ratings are users.",
    key("user_id", "Id of the user, as in ratings."),
    Column("name", Text, comment="Name to show."),
    time("created_at", "When the profile was made.", default="now()"),
    Column("gender", Text, comment="As the source writes it, such as F or M."),
    Column("age", Integer, comment="Age in years; where the source gives a range, its lower end."),
    Column("occupation", Text, comment="Occupation, in the source's words."),
    Column("postal_code", Text, comment="Postal code."),
    CheckConstraint("age between 0 and 150", name="age"),
)

ratings = table(
    "ratings",
    "One row per user and film they rated.",
    key("user_id", "Who rated; needs no row in users."),
    parent("movies.movie_id", "What was rated.", cascade=False),
    Column("rating", REAL, nullable=False, comment="Stars, 0.5 to 5."),
    time("rated_at", "When it was rated.", default="now()"),
    CheckConstraint("rating between 0.5 and 5", name="rating"),
)

tags = table(
    "tags",
    "One row per user, film and tag.",
    key("user_id", "Who tagged."),
    parent("movies.movie_id", "What was tagged.", cascade=False),
    Column("tag", Text, primary_key=True, comment="The tag, in the user's own words."),
    time("tagged_at", "When it was tagged.", default="now()"),
    Index("ix_tags_movie_id", "movie_id"),
    CheckConstraint("btrim(tag) <> ''", name="tag"),
)

feedback = table(
    "feedback",
    "One row per user, film and kind of what they said or did about it, apart from ratings.",
    key("user_id", "Who; needs no row in users."),
    parent("movies.movie_id", "The film.", cascade=False),
    Column(
        "kind",
        Text,
        primary_key=True,
        comment="seen: watched, without stars; liked: watched and liked, without stars; "
        "watchlist: to be watched. Seen and liked films are left out of the user's lists, as "
        "rated ones are.",
    ),
    time("at", "When.", default="now()"),
    Index("ix_feedback_movie_id", "movie_id"),
    CheckConstraint("kind in ('seen', 'liked', 'watchlist')", name="kind"),
)

user_keys = table(
    "user_keys",
    "One row per user whose id in the source is no number.",
    key("user_id", "The number that the user got here."),
    Column("key", Text, nullable=False, unique=True, comment="Id of the user in the source."),
)

recommendations = table(
    "recommendations",
    "One row per user and rank: what recsys.recommend gave when `recsys recommend --all` ran.",
    key("user_id", "The user."),
    Column(
        "rank",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="Place in the user's list, from 1.",
    ),
    Column("movie_id", BigInteger, nullable=False, comment="The film."),
    Column(
        "score",
        Double,
        nullable=False,
        comment="Higher is better; comparable among rows of one source.",
    ),
    Column(
        "source",
        Text,
        nullable=False,
        comment="Where the row came from, such as personal or popular.",
    ),
    Column("model_id", BigInteger, comment="The model; null where none was needed."),
    time("made_at", "When the lists were made."),
)
