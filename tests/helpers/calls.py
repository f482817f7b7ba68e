"""Calls of the public functions that read."""

from __future__ import annotations

from sqlalchemy import Engine

from recsys.loading.load import load
from recsys.models.experiments import Variant, start_experiment
from recsys.parameters import Parameters
from recsys.sources import open_source
from recsys.training.texts import learn_texts
from recsys.training.train import train

# One call or more of each function, through every way that reads a table of its own.
CALLS = {
    "recommend": [
        "recsys.recommend(1, diversity => 0.3)",
        "recsys.recommend(-1, include_predicted_genres => true, genres => '{Drama}')",
        "recsys.recommend(1, experiment => 'e')",
    ],
    "interleave": ["recsys.interleave(1, 'e')"],
    "variant_of": ["recsys.variant_of(1, 'e')"],
    "recommend_for": ["recsys.recommend_for('{1,2,3}', genres => '{Drama}')"],
    "similar_movies": [
        "recsys.similar_movies(1, exclude_genres => '{Drama}')",
        "recsys.similar_movies(1, by => 'both')",
    ],
    "more_like": ["recsys.more_like('{1,2}', '{3}')"],
    "popular": ["recsys.popular(genres => '{Drama}')", "recsys.popular(half_life => '30 days')"],
    "watchlist": ["recsys.watchlist(1, include_predicted_genres => true)"],
    "recommend_group": ["recsys.recommend_group('{1,2,3}', strategy => 'least_misery')"],
    "score_movies": ["recsys.score_movies(1, '{1,2,3}')"],
    "explain": ["recsys.explain(1, 1)"],
    "users_for": ["recsys.users_for(1)"],
    "similar_users": ["recsys.similar_users(1)"],
    "user_vector": ["recsys.user_vector(1)"],
    "search_titles": ["recsys.search_titles('godfahter')"],
    "search_plots": ["recsys.search_plots('a robot', keyword_weight => 1, title_weight => 1)"],
    "predict_genres": ["recsys.predict_genres('a detective hunts a killer')"],
    "predict_movie_genres": ["recsys.predict_movie_genres(1)"],
}


def learn(engine: Engine) -> None:
    """Fill a database with what the calls ask for."""
    load(engine, open_source("sample"))
    learn_texts(engine)
    train(engine, Parameters(16, alpha=0.3, regularization=0.01), device="cpu")
    with engine.begin() as connection:
        start_experiment(connection, "e", [Variant("a"), Variant("b")])
