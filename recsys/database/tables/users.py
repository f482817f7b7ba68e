"""Users: what they rated, tagged and did, what was recommended and shown to them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import REAL

from recsys.database.tables.columns import calendar, key, parent, table, time

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
    calendar("created_at"),
)

ratings = table(
    "ratings",
    "One row per user and film they rated.",
    key("user_id", "Who rated; needs no row in users."),
    parent("movies.movie_id", "What was rated.", cascade=False),
    Column("rating", REAL, nullable=False, comment="Stars, 0.5 to 5."),
    time("rated_at", "When it was rated.", default="now()"),
    CheckConstraint("rating between 0.5 and 5", name="rating"),
    calendar("rated_at"),
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
    calendar("tagged_at"),
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
        comment="seen, played: watched, without stars; liked: watched and liked, without stars; "
        "watchlist: to be watched; hidden: never to be shown again; not_now: not for 30 days; "
        "clicked: opened. All but watchlist and clicked leave the film out of the user's lists.",
    ),
    time("at", "When; renewed when the same is written again.", default="now()"),
    Index("ix_feedback_movie_id", "movie_id"),
    CheckConstraint(
        "kind in ('seen', 'liked', 'watchlist', 'hidden', 'not_now', 'clicked', 'played')",
        name="kind",
    ),
    calendar("at"),
)

impressions = table(
    "impressions",
    "One row per user, time and film that an application showed them.",
    key("user_id", "Who; needs no row in users."),
    Column(
        "shown_at",
        DateTime(timezone=True),
        primary_key=True,
        server_default=text("now()"),
        comment="When it was shown.",
    ),
    parent("movies.movie_id", "The film.", cascade=False),
    Column("rank", Integer, nullable=False, comment="Its place in the list, from 1."),
    Column(
        "model_id",
        BigInteger,
        comment="The model that answered, which may be dropped since; null for popular films.",
    ),
    Column("experiment", Text, comment="The experiment that chose the list, if any."),
    Column("variant", Text, comment="The variant of the experiment."),
    Column(
        "propensity",
        REAL,
        comment="How likely it was, when the list was made, that the film got this place: above "
        "0, up to 1.",
    ),
    CheckConstraint("rank > 0", name="rank"),
    calendar("shown_at"),
    CheckConstraint("propensity > 0 and propensity <= 1", name="propensity"),
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
