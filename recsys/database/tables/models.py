"""Models and their vectors."""

from __future__ import annotations

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Interval,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import REAL

from recsys.database.tables.columns import identity, json, key, parent, table, time

models = table(
    "models",
    "One row per trained model. The one activated last is the one that answers.",
    identity("model_id", "Id of the model."),
    Column("algorithm", Text, nullable=False, comment="How it was trained, such as ials."),
    Column(
        "factors",
        Integer,
        nullable=False,
        comment="Length of the learned vectors; stored ones have one coordinate more.",
    ),
    Column(
        "item_norm",
        Double,
        nullable=False,
        comment="Largest norm of a learned film vector. With d = user <=> film, the model's own "
        "score is (1 - d) * vector_norm(user) * item_norm.",
    ),
    json("parameters", "Parameters of the training, the seed among them."),
    json("data", "What it was trained on: counts and the newest rating."),
    json("versions", "Versions of the libraries that trained it."),
    json("metrics", "Figures of the training, such as its last loss."),
    Column(
        "movie_count",
        BigInteger,
        nullable=False,
        comment="Number of films that the training, or a file, gave a vector.",
    ),
    Column("user_count", BigInteger, nullable=False, comment="Number of users with a vector."),
    Column("duration", Interval, comment="How long the training took."),
    time("created_at", "When it was written.", default="clock_timestamp()"),
    time("activated_at", "When it was last activated; null if never.", nullable=True),
    Column(
        "solve_diagonal",
        VECTOR,
        comment="With solve_ridge, the equation of a user's vector w from the n films e (stored "
        "vectors, without their last coordinate) that they like: (diag(solve_diagonal + n * "
        "solve_ridge) + sum of e e') * item_norm * w = sum of e. Null: vectors stay as they "
        "were written.",
    ),
    Column("solve_ridge", Double, comment="See solve_diagonal."),
    Column("liked_from", REAL, comment="Stars from which a rated film counts as liked."),
    Column(
        "prior",
        VECTOR,
        comment="What everybody likes: added to the vector of a live user who likes one or two "
        "films.",
    ),
    Column(
        "norms",
        ARRAY(REAL),
        comment="movie_vectors.norm of the 1st, 2nd, 4th, 8th ... longest film vector.",
    ),
    Column(
        "encoder_id",
        BigInteger,
        ForeignKey("recsys.text_encoders.encoder_id"),
        comment="Whose text vectors its content_features read; null without any.",
    ),
    Column(
        "half_life",
        Interval,
        comment="Age at which a like counts half in movies.popularity; null: all likes count "
        "alike.",
    ),
    CheckConstraint("factors > 0", name="factors"),
    CheckConstraint("item_norm > 0", name="item_norm"),
)

movie_vectors = table(
    "movie_vectors",
    "One row per model and film with a vector.",
    parent("models.model_id", "The model."),
    parent("movies.movie_id", "The film."),
    Column(
        "embedding",
        VECTOR,
        nullable=False,
        comment="Unit vector: the learned factors over item_norm, then one coordinate that makes "
        "all films equally long, so that cosine distance orders as the dot product does.",
    ),
    Column(
        "norm",
        REAL,
        nullable=False,
        comment="Length of the learned factors over item_norm, 0 to 1: no user's cosine can exceed "
        "it.",
    ),
    Column(
        "content",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Made from what the film is, since the training knew no rating of it.",
    ),
    Index("ix_movie_vectors_norm", "model_id", text("norm desc")),
)

genre_norms = table(
    "genre_norms",
    "One row per model, genre and film of it with a vector: a genre's films, longest vector first, "
    "are read from here.",
    parent("models.model_id", "The model."),
    # No foreign keys: rows without a vector do no harm, and to check so many would take longer than
    # to write them.
    key("movie_id", "The film."),
    key("genre_id", "The genre."),
    Column("norm", REAL, nullable=False, comment="movie_vectors.norm of the film."),
    Index(
        "ix_genre_norms_norm",
        "model_id",
        "genre_id",
        text("norm desc"),
        postgresql_include=["movie_id"],
    ),
)

content_features = table(
    "content_features",
    "One row per model and feature of a film's content. The vector of a film that no "
    "user likes is the sum of the vectors of its features, of intercept, and of what comes of "
    "its text.",
    parent("models.model_id", "The model."),
    Column(
        "feature",
        Text,
        primary_key=True,
        comment="Such as genre:Comedy, years:1990; text:none for a film without a text; or "
        "factor:17, for coordinate 17 of what comes of a text.",
    ),
    Column(
        "embedding",
        VECTOR,
        nullable=False,
        comment="In the space of the film vectors; of a factor, in that of the texts' vectors: its "
        "product with the text's vector is the coordinate.",
    ),
)

user_vectors = table(
    "user_vectors",
    "One row per user and model that knows them.",
    key("user_id", "The user."),
    parent("models.model_id", "The model.", index=True),
    Column("embedding", VECTOR, nullable=False, comment="The learned factors, then a zero."),
    Column(
        "liked_count",
        BigInteger,
        comment="Number of liked films that the vector was made from; null: it stays whatever is "
        "rated.",
    ),
    Column(
        "liked_digest",
        BigInteger,
        comment="bit_xor of hashint8extended(movie_id, 0) over those films. A vector whose count "
        "or digest is not that of the ratings is out of date.",
    ),
)
