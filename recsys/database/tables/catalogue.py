"""Films: their texts, genres, people and keywords."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Double,
    Index,
    Integer,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import REAL

from recsys.database.tables.columns import calendar, count, identity, key, parent, table

movies = table(
    "movies",
    "One row per film.",
    key("movie_id", "Id of the film, as its source numbers it."),
    Column(
        "title",
        Text,
        nullable=False,
        comment="Title without the year, with its article in front: The Godfather.",
    ),
    Column(
        "source_title",
        Text,
        comment="The title as its source writes it, where that is another form.",
    ),
    Column("year", Integer, comment="Year of release; null where the source names none."),
    Column("imdb_id", Text, comment="IMDb id, tt and seven digits or more."),
    Column("tmdb_id", BigInteger, comment="TMDB id."),
    Column("poster_path", Text, comment="Path or URL of a poster."),
    count("rating_count", "Number of ratings at the last load or training."),
    Column(
        "rating_mean",
        REAL,
        comment="Mean rating in stars at the last load or training; null without ratings.",
    ),
    count(
        "liked_count",
        "Number of ratings of 4 stars or more at the last load or training.",
    ),
    Column(
        "popularity",
        Double,
        nullable=False,
        server_default=text("0"),
        comment="Its likes as of the last refresh, a like counting half as much with each "
        "half-life of the active model that it is older than the newest one; without a half-life, "
        "liked_count.",
    ),
    Column(
        "adult",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Whether it is for adults alone: answers leave it out unless include_adult asks "
        "for it.",
    ),
    Column(
        "withdrawn_at",
        DateTime(timezone=True),
        comment="When it was, or will be, withdrawn: answers leave it out from then on; null: it "
        "is on offer.",
    ),
    Column(
        "plain_title",
        Text,
        Computed("recsys_internal.plain_title(title)", persisted=True),
        comment="The title as recsys.search_titles compares it; made from the title.",
    ),
    CheckConstraint("btrim(title) <> ''", name="title"),
    CheckConstraint("year between 1870 and 2100", name="year"),
    CheckConstraint("imdb_id ~ '^tt[0-9]{7,}$'", name="imdb_id"),
    calendar("withdrawn_at"),
)
Index(
    "ix_movies_popularity",
    movies.c.popularity.desc(),
    movies.c.liked_count.desc(),
    movies.c.movie_id,
)
Index(
    "ix_movies_hidden",
    movies.c.movie_id,
    postgresql_include=["adult", "withdrawn_at"],
    postgresql_where=text("adult or withdrawn_at is not null"),
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

movie_keys = table(
    "movie_keys",
    "One row per film whose id in the source is no number.",
    parent("movies.movie_id", "The number that the film got here."),
    Column("key", Text, nullable=False, unique=True, comment="Id of the film in the source."),
)

movie_texts = table(
    "movie_texts",
    "One row per film and kind of text.",
    parent("movies.movie_id", "The film."),
    Column("kind", Text, primary_key=True, comment="overview, plot or tagline."),
    Column("text", Text, nullable=False, comment="The text."),
    CheckConstraint("kind in ('overview', 'plot', 'tagline')", name="kind"),
)

genres = table(
    "genres",
    "One row per genre.",
    identity("genre_id", "Id of the genre."),
    Column("name", Text, nullable=False, unique=True, comment="Name of the genre."),
    CheckConstraint("btrim(name) <> ''", name="name"),
)

movie_genres = table(
    "movie_genres",
    "One row per film and genre it belongs to.",
    parent("movies.movie_id", "The film."),
    parent("genres.genre_id", "The genre."),
    Index("ix_movie_genres_genre_id", "genre_id", "movie_id"),
)

people = table(
    "people",
    "One row per person who made films.",
    identity("person_id", "Id of the person."),
    Column("name", Text, nullable=False, index=True, comment="Name of the person."),
    CheckConstraint("btrim(name) <> ''", name="name"),
)

movie_people = table(
    "movie_people",
    "One row per film, person and role.",
    parent("movies.movie_id", "The film."),
    parent("people.person_id", "The person.", index=True),
    Column(
        "role", Text, primary_key=True, comment="What the person did, such as director or actor."
    ),
    Column(
        "position",
        Integer,
        comment="Place in the billing, 1 for the first; null where the source gives none.",
    ),
    CheckConstraint("btrim(role) <> ''", name="role"),
)

movie_keywords = table(
    "movie_keywords",
    "One row per film and keyword that its catalogue gives.",
    parent("movies.movie_id", "The film."),
    Column("keyword", Text, primary_key=True, comment="The keyword."),
    Index("ix_movie_keywords_keyword", "keyword", "movie_id"),
    CheckConstraint("btrim(keyword) <> ''", name="keyword"),
)
