"""Rankers: the networks that predict stars."""

from __future__ import annotations

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import BigInteger, Column, Double, Index, Integer, Text
from sqlalchemy.dialects.postgresql import REAL

from recsys.database.tables.columns import json, key, parent, table, time

rankers = table(
    "rankers",
    "One row per model with a ranker: what it knows apart from its units. With a user's "
    "vector m, followed by 1, and a film's features f, the stars are mean + (m, 1) . f + "
    "what the last unit gives.",
    parent("models.model_id", "The model."),
    Column("mean", Double, nullable=False, comment="Mean rating, in stars."),
    Column(
        "ridge",
        VECTOR,
        nullable=False,
        comment="A user's vector m solves (diag(ridge + sum of spread) + sum of f f') m = sum of "
        "(rating - mean - bias) f over the films f that they rated, the last coordinate, the "
        "bias, left out.",
    ),
    Column("mean_year", REAL, nullable=False, comment="What years of films are counted from."),
    time("mean_rated_at", "What times of ratings are counted from."),
    time(
        "oldest_rated_at",
        "When the oldest rating was made that it learned from; older ones count as made then.",
    ),
    time(
        "newest_rated_at",
        "When the newest one was; newer ones count as made then, since it has learned nothing "
        "of them.",
    ),
    Column(
        "rating_variance",
        REAL,
        nullable=False,
        comment="Variance of the ratings of a user with few of them.",
    ),
    Column("half_share", REAL, nullable=False, comment="Such a user's share of half stars."),
    json("metrics", "What it reached on ratings held out for it."),
    Column(
        "typical_ratings",
        Double,
        nullable=False,
        comment="So many ratings of a typical user are added to each user's own: the fewer there "
        "are, the more variance and share of half stars are the typical ones.",
    ),
    Column(
        "time_unit",
        Double,
        nullable=False,
        comment="Seconds that count as one in the mean time of a user's ratings.",
    ),
)

ranker_units = table(
    "ranker_units",
    "One row per unit of the network. One of the first layer gives relu(bias + "
    "user_weights . u + (weights + pair_weights * (m, 1)) . f), with u the user's vector, "
    "1 and facts; a later one relu(bias + weights . the layer before), the last without "
    "relu.",
    parent("rankers.model_id", "The model."),
    Column("layer", Integer, primary_key=True, autoincrement=False, comment="Layer, from 1."),
    Column(
        "unit",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="Place in the layer, from 1.",
    ),
    Column("bias", REAL, nullable=False, comment="Added to the weighted sum."),
    Column(
        "weights",
        VECTOR,
        nullable=False,
        comment="Weights of the film's features, or of what the layer before gives.",
    ),
    Column(
        "pair_weights",
        VECTOR,
        comment="Weights of the products of features and user's vector, in the first layer.",
    ),
    Column(
        "user_weights",
        VECTOR,
        comment="Weights of the user's vector, 1, and facts (recsys_internal.find_rater), in the "
        "first layer.",
    ),
)

ranker_films = table(
    "ranker_films",
    "One row per model and film that was there when it learned.",
    parent("rankers.model_id", "The model."),
    parent("movies.movie_id", "The film."),
    Column(
        "features",
        VECTOR,
        nullable=False,
        comment="Learned factors, what is known of the film (see ranker_terms), 1, and its bias in "
        "stars.",
    ),
    Column("spread", VECTOR, nullable=False, comment="Variances of the learned factors."),
    Index("ix_ranker_films_movie_id", "movie_id"),
)

ranker_terms = table(
    "ranker_terms",
    "One row per model and term that the features of a film are the sum of that has none "
    "of its own, since it came later; see recsys_internal.ranker_features.",
    parent("rankers.model_id", "The model."),
    Column(
        "term",
        Text,
        primary_key=True,
        comment="base; year and year_squared, a year; or such as genre:Comedy.",
    ),
    Column("features", VECTOR, nullable=False, comment="What it adds."),
)

ranker_users = table(
    "ranker_users",
    "One row per user and model that learned from their ratings.",
    key("user_id", "The user."),
    parent("rankers.model_id", "The model.", index=True),
    Column(
        "embedding",
        VECTOR,
        nullable=False,
        comment="The user's vector m, and 0: affinities to the features of films, the last but one "
        "the user's own bias in stars.",
    ),
    Column(
        "rating_count", BigInteger, nullable=False, comment="How many ratings it was made from."
    ),
    Column(
        "rating_digest",
        BigInteger,
        nullable=False,
        comment="Exclusive or of the hashes of films and stars: with other ratings it is solved "
        "anew.",
    ),
)
