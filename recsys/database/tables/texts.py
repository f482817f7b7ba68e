"""Encoders of texts, and what they tell of films."""

from __future__ import annotations

from pgvector.sqlalchemy import SPARSEVEC, VECTOR
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB, REAL

from recsys.database.tables.columns import identity, json, parent, table, time

text_encoders = table(
    "text_encoders",
    "One row per encoder of texts, and per learning of those that are learned from the "
    "catalogue. Of several of one name, the newest is used.",
    identity("encoder_id", "The encoder.", always=True),
    Column(
        "name",
        Text,
        nullable=False,
        comment="terms: learned by `recsys train`, evaluated in SQL; or doc2vec; or the name or "
        "folder of a sentence encoder.",
    ),
    Column("dimensions", Integer, nullable=False, comment="Length of its vectors."),
    json("parameters", "How it was learned and from what; whether genres are in its texts."),
    Column(
        "state",
        LargeBinary,
        comment="What Python needs to encode further texts, as a NumPy archive; null where "
        "nothing.",
    ),
    Column(
        "genre_classifier",
        JSONB,
        comment="What its genre_units were learned from, and their F1 on films held out; null "
        "without any.",
    ),
    time("created_at", "When it was made.", default="clock_timestamp()"),
    Column(
        "mean",
        VECTOR,
        comment="Of terms: the mean of the films' vectors when they were learned.",
    ),
    Column("variance", VECTOR, comment="Of terms: the variance of each number of these vectors."),
    Index("ix_text_encoders_name", "name", "encoder_id"),
    CheckConstraint("dimensions > 0", name="dimensions"),
)

text_terms = table(
    "text_terms",
    "One row per learning and term of the films' texts, as PostgreSQL's text search stems it.",
    parent("text_encoders.encoder_id", "The learning."),
    Column("term", Text, primary_key=True, comment="The stem."),
    Column(
        "weight",
        REAL,
        nullable=False,
        comment="Inverse document frequency: ln((1 + films) / (1 + films with the term)) + 1.",
    ),
    Column("embedding", VECTOR, comment="Vector of the term; null where too few films have it."),
    Column(
        "place",
        Integer,
        nullable=False,
        comment="Its place in sparse vectors: recsys_internal.term_place.",
    ),
    Index("ix_text_terms_place", "encoder_id", "place"),
)

movie_terms = table(
    "movie_terms",
    "One row per learning of terms and film.",
    parent("text_encoders.encoder_id", "The learning."),
    parent("movies.movie_id", "The film."),
    Column(
        "plot",
        SPARSEVEC,
        comment="Weights of the terms of its texts, of length 1: TF-IDF, sublinear; null without "
        "texts.",
    ),
    Column("title", SPARSEVEC, comment="The same of its title."),
    Column("keywords", SPARSEVEC, comment="The same of its keywords and tags."),
    Column(
        "digest",
        BigInteger,
        nullable=False,
        comment="recsys_internal.words_digest of the words that were weighed: another one is out "
        "of date.",
    ),
    Index("ix_movie_terms_movie_id", "movie_id"),
)
Index(
    "ix_movie_terms_places",
    func.recsys_internal.term_places(
        movie_terms.c.plot, movie_terms.c.title, movie_terms.c.keywords
    ),
    postgresql_using="gin",
    postgresql_with={"fastupdate": "off"},
)
Index("ix_movie_terms_hash", movie_terms.c.encoder_id, func.hashint8(movie_terms.c.movie_id))

movie_text_vectors = table(
    "movie_text_vectors",
    "One row per encoder and film with a text.",
    parent("text_encoders.encoder_id", "The encoder."),
    parent("movies.movie_id", "The film."),
    Column("embedding", VECTOR, nullable=False, comment="The film's texts as a vector."),
    Column(
        "digest",
        BigInteger,
        nullable=False,
        comment="hashtextextended of the text that was encoded: another one is out of date.",
    ),
    Index("ix_movie_text_vectors_movie_id", "movie_id"),
)

genre_units = table(
    "genre_units",
    "One row per unit of the network that predicts genres from an encoder's vectors.",
    parent("text_encoders.encoder_id", "The encoder whose vectors it reads."),
    Column(
        "layer",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="Layer, from 1; the last one has a unit a genre.",
    ),
    Column(
        "unit",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="Place in the layer, from 1.",
    ),
    Column("weights", VECTOR, nullable=False, comment="Weights of what the layer before gives."),
    Column("bias", REAL, nullable=False, comment="Added to the weighted sum."),
    Column("genre", Text, comment="The genre, in the last layer."),
    Column(
        "threshold",
        REAL,
        comment="Least probability from which the genre is predicted, chosen on films held out for "
        "it.",
    ),
)

movie_genres_predicted = table(
    "movie_genres_predicted",
    "One row per film that lists no genre and genre predicted for it (`recsys genres predict`).",
    parent("movies.movie_id", "The film."),
    Column(
        "genre",
        Text,
        ForeignKey("recsys.genres.name", onupdate="CASCADE", ondelete="CASCADE"),
        primary_key=True,
        comment="Name of the genre.",
    ),
    Column("probability", REAL, nullable=False, comment="By the classifier, 0 to 1."),
    Index("ix_movie_genres_predicted_genre", "genre", "movie_id"),
    CheckConstraint("probability between 0 and 1", name="probability"),
)
