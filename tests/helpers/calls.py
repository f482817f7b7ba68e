"""Calls of the public functions that read."""

from __future__ import annotations

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
