"""The tables as SQLAlchemy sees them; their comments live in the database, by migration."""

from __future__ import annotations

from pgvector.sqlalchemy import SPARSEVEC, VECTOR
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, REAL

metadata = MetaData(
    schema="recsys",
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    },
)


def _key(name: str) -> Column[int]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def _identity(name: str) -> Column[int]:
    return Column(name, BigInteger, Identity(always=False), primary_key=True)


def _movie_key(*, cascade: bool) -> Column[int]:
    target = ForeignKey("recsys.movies.movie_id", ondelete="CASCADE" if cascade else None)
    return Column("movie_id", BigInteger, target, primary_key=True)


def _time(name: str, default: str | None = None, *, nullable: bool = False) -> Column[object]:
    server_default = text(default) if default else None
    return Column(name, DateTime(timezone=True), server_default=server_default, nullable=nullable)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def _json(name: str) -> Column[object]:
    return Column(name, JSONB, nullable=False, server_default=text("'{}'"))


movies = Table(
    "movies",
    metadata,
    _key("movie_id"),
    Column("title", Text, nullable=False),
    Column("year", Integer),
    Column("imdb_id", Text),
    Column("tmdb_id", BigInteger),
    Column("poster_path", Text),
    _count("rating_count"),
    Column("rating_mean", REAL),
    _count("liked_count"),
    Column("plain_title", Text, Computed("recsys_internal.plain_title(title)", persisted=True)),
    CheckConstraint("btrim(title) <> ''", name="title"),
    CheckConstraint("year between 1870 and 2100", name="year"),
    CheckConstraint("imdb_id ~ '^tt[0-9]{7,}$'", name="imdb_id"),
)
Index(
    "ix_movies_popularity",
    movies.c.liked_count.desc(),
    movies.c.movie_id,
)
Index(
    "ix_movies_plain_title",
    movies.c.plain_title,
    postgresql_using="gin",
    postgresql_ops={"plain_title": "gin_trgm_ops"},
    postgresql_with={"gin_pending_list_limit": 256},
)
Index(
    "ix_movies_main_title_length",
    func.length(func.recsys_internal.main_title(movies.c.plain_title)),
)

movie_texts = Table(
    "movie_texts",
    metadata,
    _movie_key(cascade=True),
    Column("kind", Text, primary_key=True),
    Column("text", Text, nullable=False),
    CheckConstraint("kind in ('overview', 'plot', 'tagline')", name="kind"),
)

genres = Table(
    "genres",
    metadata,
    _identity("genre_id"),
    Column("name", Text, nullable=False, unique=True),
    CheckConstraint("btrim(name) <> ''", name="name"),
)

movie_genres = Table(
    "movie_genres",
    metadata,
    _movie_key(cascade=True),
    Column(
        "genre_id",
        BigInteger,
        ForeignKey("recsys.genres.genre_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Index("ix_movie_genres_genre_id", "genre_id", "movie_id"),
)

people = Table(
    "people",
    metadata,
    _identity("person_id"),
    Column("name", Text, nullable=False, index=True),
    CheckConstraint("btrim(name) <> ''", name="name"),
)

movie_people = Table(
    "movie_people",
    metadata,
    _movie_key(cascade=True),
    Column(
        "person_id",
        BigInteger,
        ForeignKey("recsys.people.person_id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    Column("role", Text, primary_key=True),
    Column("position", Integer),
    CheckConstraint("btrim(role) <> ''", name="role"),
)

movie_keywords = Table(
    "movie_keywords",
    metadata,
    _movie_key(cascade=True),
    Column("keyword", Text, primary_key=True),
    Index("ix_movie_keywords_keyword", "keyword", "movie_id"),
    CheckConstraint("btrim(keyword) <> ''", name="keyword"),
)

users = Table(
    "users",
    metadata,
    _key("user_id"),
    Column("name", Text),
    _time("created_at", "now()"),
    Column("gender", Text),
    Column("age", Integer),
    Column("occupation", Text),
    Column("postal_code", Text),
    CheckConstraint("age between 0 and 150", name="age"),
)

ratings = Table(
    "ratings",
    metadata,
    _key("user_id"),
    _movie_key(cascade=False),
    Column("rating", REAL, nullable=False),
    _time("rated_at", "now()"),
    CheckConstraint("rating between 0.5 and 5", name="rating"),
)

tags = Table(
    "tags",
    metadata,
    _key("user_id"),
    _movie_key(cascade=False),
    Column("tag", Text, primary_key=True),
    _time("tagged_at", "now()"),
    Index("ix_tags_movie_id", "movie_id"),
    CheckConstraint("btrim(tag) <> ''", name="tag"),
)

text_encoders = Table(
    "text_encoders",
    metadata,
    _identity("encoder_id"),
    Column("name", Text, nullable=False),
    Column("dimensions", Integer, nullable=False),
    _json("parameters"),
    Column("state", LargeBinary),
    Column("genre_classifier", JSONB),
    _time("created_at", "clock_timestamp()"),
    Index("ix_text_encoders_name", "name", "encoder_id"),
    CheckConstraint("dimensions > 0", name="dimensions"),
)


def _encoder_key() -> Column[int]:
    target = ForeignKey("recsys.text_encoders.encoder_id", ondelete="CASCADE")
    return Column("encoder_id", BigInteger, target, primary_key=True)


text_terms = Table(
    "text_terms",
    metadata,
    _encoder_key(),
    Column("term", Text, primary_key=True),
    Column("weight", REAL, nullable=False),
    Column("embedding", VECTOR),
)

movie_terms = Table(
    "movie_terms",
    metadata,
    _encoder_key(),
    _movie_key(cascade=True),
    Column("plot", SPARSEVEC),
    Column("title", SPARSEVEC),
    Column("keywords", SPARSEVEC),
    Column("digest", BigInteger, nullable=False),
    Index("ix_movie_terms_movie_id", "movie_id"),
)

movie_text_vectors = Table(
    "movie_text_vectors",
    metadata,
    _encoder_key(),
    _movie_key(cascade=True),
    Column("embedding", VECTOR, nullable=False),
    Column("digest", BigInteger, nullable=False),
    Index("ix_movie_text_vectors_movie_id", "movie_id"),
)

genre_units = Table(
    "genre_units",
    metadata,
    _encoder_key(),
    Column("layer", Integer, primary_key=True, autoincrement=False),
    Column("unit", Integer, primary_key=True, autoincrement=False),
    Column("weights", VECTOR, nullable=False),
    Column("bias", REAL, nullable=False),
    Column("genre", Text),
    Column("threshold", REAL),
)

movie_genres_predicted = Table(
    "movie_genres_predicted",
    metadata,
    _movie_key(cascade=True),
    Column(
        "genre",
        Text,
        ForeignKey("recsys.genres.name", onupdate="CASCADE", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("probability", REAL, nullable=False),
    Index("ix_movie_genres_predicted_genre", "genre", "movie_id"),
    CheckConstraint("probability between 0 and 1", name="probability"),
)

models = Table(
    "models",
    metadata,
    _identity("model_id"),
    Column("algorithm", Text, nullable=False),
    Column("factors", Integer, nullable=False),
    Column("item_norm", Double, nullable=False),
    _json("parameters"),
    _json("data"),
    _json("versions"),
    _json("metrics"),
    Column("movie_count", BigInteger, nullable=False),
    Column("user_count", BigInteger, nullable=False),
    Column("duration", Interval),
    _time("created_at", "clock_timestamp()"),
    _time("activated_at", nullable=True),
    Column("solve_diagonal", VECTOR),
    Column("solve_ridge", Double),
    Column("liked_from", REAL),
    Column("prior", VECTOR),
    Column("norms", ARRAY(REAL)),
    Column("encoder_id", BigInteger, ForeignKey("recsys.text_encoders.encoder_id")),
    CheckConstraint("factors > 0", name="factors"),
    CheckConstraint("item_norm > 0", name="item_norm"),
)


def _model_key(*, index: bool = False) -> Column[int]:
    target = ForeignKey("recsys.models.model_id", ondelete="CASCADE")
    return Column("model_id", BigInteger, target, primary_key=True, index=index)


movie_vectors = Table(
    "movie_vectors",
    metadata,
    _model_key(),
    _movie_key(cascade=True),
    Column("embedding", VECTOR, nullable=False),
    Column("norm", REAL, nullable=False),
    Column("content", Boolean, nullable=False, server_default=text("false")),
    Index("ix_movie_vectors_norm", "model_id", text("norm desc")),
)

content_features = Table(
    "content_features",
    metadata,
    _model_key(),
    Column("feature", Text, primary_key=True),
    Column("embedding", VECTOR, nullable=False),
)

user_vectors = Table(
    "user_vectors",
    metadata,
    _key("user_id"),
    _model_key(index=True),
    Column("embedding", VECTOR, nullable=False),
    Column("liked_count", BigInteger),
    Column("liked_digest", BigInteger),
)

rankers = Table(
    "rankers",
    metadata,
    _model_key(),
    Column("mean", Double, nullable=False),
    Column("ridge", VECTOR, nullable=False),
    Column("mean_year", REAL, nullable=False),
    _time("mean_rated_at"),
    _time("oldest_rated_at"),
    _time("newest_rated_at"),
    Column("rating_variance", REAL, nullable=False),
    Column("half_share", REAL, nullable=False),
    Column("candidates", Integer, nullable=False),
    Column("weight", REAL, nullable=False),
    _json("metrics"),
    CheckConstraint("candidates > 0", name="candidates"),
    CheckConstraint("weight >= 0", name="weight"),
)


def _ranker_key(*, index: bool = False) -> Column[int]:
    target = ForeignKey("recsys.rankers.model_id", ondelete="CASCADE")
    return Column("model_id", BigInteger, target, primary_key=True, index=index)


ranker_units = Table(
    "ranker_units",
    metadata,
    _ranker_key(),
    Column("layer", Integer, primary_key=True, autoincrement=False),
    Column("unit", Integer, primary_key=True, autoincrement=False),
    Column("bias", REAL, nullable=False),
    Column("weights", VECTOR, nullable=False),
    Column("pair_weights", VECTOR),
    Column("user_weights", VECTOR),
)

ranker_films = Table(
    "ranker_films",
    metadata,
    _ranker_key(),
    _movie_key(cascade=True),
    Column("features", VECTOR, nullable=False),
    Column("spread", VECTOR, nullable=False),
    Index("ix_ranker_films_movie_id", "movie_id"),
)

ranker_terms = Table(
    "ranker_terms",
    metadata,
    _ranker_key(),
    Column("term", Text, primary_key=True),
    Column("features", VECTOR, nullable=False),
)

ranker_users = Table(
    "ranker_users",
    metadata,
    _key("user_id"),
    _ranker_key(index=True),
    Column("embedding", VECTOR, nullable=False),
    Column("rating_count", BigInteger, nullable=False),
    Column("rating_digest", BigInteger, nullable=False),
)

recommendations = Table(
    "recommendations",
    metadata,
    _key("user_id"),
    Column("rank", Integer, primary_key=True, autoincrement=False),
    Column("movie_id", BigInteger, nullable=False),
    Column("score", Double, nullable=False),
    Column("source", Text, nullable=False),
    Column("model_id", BigInteger),
    _time("made_at"),
)

trials = Table(
    "trials",
    metadata,
    _identity("trial_id"),
    _time("started_at"),
    _json("parameters"),
    Column("metric", Text, nullable=False),
    Column("value", Double),
    Column("duration", Interval, nullable=False),
    Column("model_id", ForeignKey("recsys.models.model_id", ondelete="SET NULL"), index=True),
)

evaluations = Table(
    "evaluations",
    metadata,
    _identity("evaluation_id"),
    Column("model_id", BigInteger, ForeignKey("recsys.models.model_id", ondelete="SET NULL")),
    Column("protocol", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("k", Integer),
    Column("value", Double),
    Column("ci_low", Double),
    Column("ci_high", Double),
    _json("details"),
    _time("evaluated_at", "now()"),
)

load_runs = Table(
    "load_runs",
    metadata,
    _identity("run_id"),
    Column("source", Text, nullable=False),
    Column("format", Text),
    Column("status", Text, nullable=False),
    Column("message", Text),
    _count("rows_read"),
    _count("rows_loaded"),
    _count("rows_updated"),
    _count("rows_unchanged"),
    _count("rows_duplicate"),
    _count("rows_rejected"),
    _json("details"),
    _time("started_at"),
    _time("finished_at", "clock_timestamp()"),
    Column("id_space", Text),
    CheckConstraint("status in ('done', 'refused')", name="status"),
    CheckConstraint(
        "status <> 'done' or rows_read = rows_loaded + rows_updated + rows_unchanged"
        " + rows_duplicate + rows_rejected",
        name="counts",
    ),
)

load_rejects = Table(
    "load_rejects",
    metadata,
    _identity("reject_id"),
    Column(
        "run_id",
        BigInteger,
        ForeignKey("recsys.load_runs.run_id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("file", Text, nullable=False),
    Column("line", BigInteger),
    Column("reason", Text, nullable=False),
    Column("raw", Text),
)
