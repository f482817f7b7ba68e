"""Orders: what puts the films of a list in order."""

from __future__ import annotations

from pgvector.sqlalchemy import HALFVEC, VECTOR
from sqlalchemy import ARRAY, CheckConstraint, Column, Double, Index, Integer, Text
from sqlalchemy.dialects.postgresql import REAL

from recsys.database.tables.columns import json, parent, table, time

orders = table(
    "orders",
    "One row per model whose candidates are put in order. A candidate's score is the sum of six "
    "inputs, each times its weight: retrieval's score; the product of order_films.outward with the "
    "user's sum; that with the recent part of this sum; the logarithms of movies.popularity, of "
    "movies.liked_count, and order_films.age. The weights are a user's: see order_units.",
    parent("models.model_id", "The model."),
    Column(
        "name",
        Text,
        nullable=False,
        comment="learned; or plain (retrieval and the additive scores), popular or retrieval, "
        "where that was better on the validation.",
    ),
    Column(
        "taught_by",
        Text,
        nullable=False,
        comment="What it learned from and was judged by: later, what users liked after some "
        "moments; missing, a random part of what they liked.",
    ),
    Column("candidates", Integer, nullable=False, comment="How many films of retrieval it orders."),
    Column(
        "popular_candidates",
        Integer,
        nullable=False,
        comment="How many films that are popular now it orders with them.",
    ),
    Column(
        "directions",
        Integer,
        nullable=False,
        comment="Length of order_films.liked and order_films.rated.",
    ),
    Column(
        "recent_unit",
        Double,
        nullable=False,
        comment="Seconds before a user's last rating, after which a rating counts half as recent.",
    ),
    time("oldest_rated_at", "When the oldest rating was made; older ones count as made then."),
    time(
        "newest_rated_at",
        "When the newest one was; newer ones count as made then. A user is idle from the last "
        "rating until then.",
    ),
    Column(
        "lowest_facts",
        ARRAY(REAL),
        nullable=False,
        comment="Facts of a user below these count as these; see order_units.",
    ),
    Column("highest_facts", ARRAY(REAL), nullable=False, comment="And those above these."),
    Column(
        "least_weights",
        ARRAY(REAL),
        nullable=False,
        comment="Weights of a user below these count as these; see order_units.",
    ),
    Column(
        "typical_inputs",
        ARRAY(REAL),
        nullable=False,
        comment="Inputs of a film of which the order has learned nothing: the first three times "
        "its score of retrieval.",
    ),
    json("metrics", "What each order reached on the validation, and the ridge."),
    CheckConstraint("candidates > 0", name="candidates"),
)

order_units = table(
    "order_units",
    "One row per unit of the network that gives a user's weights: the sum over units of "
    "relu(bias + by_fact . facts) * outputs. Facts are 1 for fewer than 4 likes, else 0; "
    "floor(log2(1 + d)) of the d days since the last rating; and that of the days from the first "
    "rating to the last.",
    parent("orders.model_id", "The model."),
    Column("unit", Integer, primary_key=True, autoincrement=False, comment="Unit, from 1."),
    Column("bias", REAL, nullable=False, comment="Added to the weighted sum of the facts."),
    Column("by_fact", VECTOR, nullable=False, comment="Weights of the facts."),
    Column(
        "outputs", VECTOR, nullable=False, comment="What it adds to the weights, in their order."
    ),
)

order_films = table(
    "order_films",
    "One row per model and film with ratings: vectors that add up. A user's sum is that of liked "
    "over the films they like, followed by that of rated over all that they rated.",
    parent("orders.model_id", "The model."),
    parent("movies.movie_id", "The film."),
    Column("liked", HALFVEC, nullable=False, comment="What it adds for a user who likes it."),
    Column("rated", HALFVEC, nullable=False, comment="What it adds for a user who rated it."),
    Column("outward", HALFVEC, nullable=False, comment="Its product with a user's sum is a score."),
    Column(
        "age",
        REAL,
        nullable=False,
        comment="Logarithm of one and the days from its first rating to the newest of all; NaN for "
        "a film without likes, of which the order has learned nothing.",
    ),
    Index("ix_order_films_movie_id", "movie_id"),
)
