"""The tables as SQLAlchemy sees them, by subject; a test compares them with the migrations."""

from recsys.database.tables.catalogue import (
    genres,
    movie_genres,
    movie_keys,
    movie_keywords,
    movie_people,
    movie_texts,
    movies,
    people,
)
from recsys.database.tables.columns import metadata
from recsys.database.tables.experiments import experiment_variants, experiments
from recsys.database.tables.models import (
    content_features,
    genre_norms,
    models,
    movie_vectors,
    user_vectors,
)
from recsys.database.tables.orders import order_films, order_units, orders
from recsys.database.tables.rankers import (
    ranker_films,
    ranker_terms,
    ranker_units,
    ranker_users,
    rankers,
)
from recsys.database.tables.runs import evaluations, load_rejects, load_runs, trials
from recsys.database.tables.texts import (
    genre_units,
    movie_genres_predicted,
    movie_terms,
    movie_text_vectors,
    text_encoders,
    text_terms,
)
from recsys.database.tables.users import (
    feedback,
    impressions,
    ratings,
    recommendations,
    tags,
    user_keys,
    users,
)

__all__ = [
    "content_features",
    "evaluations",
    "experiment_variants",
    "experiments",
    "feedback",
    "genre_norms",
    "genre_units",
    "genres",
    "impressions",
    "load_rejects",
    "load_runs",
    "metadata",
    "models",
    "movie_genres",
    "movie_genres_predicted",
    "movie_keys",
    "movie_keywords",
    "movie_people",
    "movie_terms",
    "movie_text_vectors",
    "movie_texts",
    "movie_vectors",
    "movies",
    "order_films",
    "order_units",
    "orders",
    "people",
    "ranker_films",
    "ranker_terms",
    "ranker_units",
    "ranker_users",
    "rankers",
    "ratings",
    "recommendations",
    "tags",
    "text_encoders",
    "text_terms",
    "trials",
    "user_keys",
    "user_vectors",
    "users",
]
