"""What a user has rated: how many films, the best of them, and their genres."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

SUMMARY = text("""
    select count(*) as rating_count, avg(rating) as rating_mean
    from recsys.ratings where user_id = :user_id
""")
BEST = text("""
    select d.title, d.year, d.genres, r.rating
    from (
        select movie_id, rating, rated_at from recsys.ratings where user_id = :user_id
        order by rating desc, rated_at desc, movie_id limit :n
    ) r
    cross join lateral recsys_internal.describe_movie(r.movie_id) d
    order by r.rating desc, r.rated_at desc, r.movie_id
""")
GENRES = text("""
    select g.name as genre, count(*) as films, avg(r.rating) as mean
    from recsys.ratings r
    join recsys.movie_genres mg on mg.movie_id = r.movie_id
    join recsys.genres g on g.genre_id = mg.genre_id
    where r.user_id = :user_id
    group by g.name
    order by films desc, mean desc, g.name
    limit :n
""")


@dataclass(frozen=True)
class RatedMovie:
    """A film and the stars that the user gave it."""

    title: str
    year: int | None
    genres: list[str]
    rating: float


@dataclass(frozen=True)
class RatedGenre:
    """A genre, how many films of it the user has rated, and their mean in stars."""

    genre: str
    films: int
    mean: float


@dataclass(frozen=True)
class Profile:
    """What a user has rated; the mean in stars, None without ratings."""

    rating_count: int
    rating_mean: float | None
    best: list[RatedMovie]
    genres: list[RatedGenre]


def read_profile(
    connection: Connection, user_id: int, n_movies: int = 8, n_genres: int = 6
) -> Profile:
    """Return what a user has rated, as of now.

    Parameters
    ----------
    n_movies
        Of the best-rated films, the newest ratings first among equals.
    n_genres
        Of the genres, those with the most rated films first.
    """
    summary = connection.execute(SUMMARY, {"user_id": user_id}).mappings().one()
    best = connection.execute(BEST, {"user_id": user_id, "n": n_movies}).mappings()
    genres = connection.execute(GENRES, {"user_id": user_id, "n": n_genres}).mappings()
    return Profile(
        **summary,
        best=[RatedMovie(**row) for row in best],
        genres=[RatedGenre(**row) for row in genres],
    )
