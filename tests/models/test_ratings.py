"""The one reader of the ratings: beside the tables, whatever their order."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import Connection, Engine

from recsys.models.ratings import microseconds_of, read_films, read_ratings, time_of


def test_ratings_are_those_of_the_table(sample: Connection) -> None:
    ratings = read_ratings(sample)
    rows = sample.exec_driver_sql(
        "select user_id, movie_id, rating, rated_at::text from recsys.ratings order by 1, 2"
    ).all()
    found = zip(
        ratings.user_ids[ratings.user_index].tolist(),
        ratings.movie_ids[ratings.movie_index].tolist(),
        ratings.stars.tolist(),
        strict=True,
    )
    assert list(found) == [tuple(row[:3]) for row in rows]
    assert [time_of(sample, time) for time in ratings.rated_at[:50].tolist()] == [
        row.rated_at for row in rows[:50]
    ]
    seconds = sample.exec_driver_sql(
        "select date_part('epoch', rated_at) from recsys.ratings order by user_id, movie_id"
    ).scalars()
    assert ratings.seconds.tolist() == list(seconds)


def test_digests_are_those_that_sql_computes(sample: Connection) -> None:
    ratings = read_ratings(sample)
    rows = sample.exec_driver_sql("""
        select bit_xor(recsys_internal.rating_hash(movie_id, rating)) as rated,
            bit_xor(recsys_internal.like_hash(movie_id)) filter (where rating >= 4) as liked
        from recsys.ratings group by user_id order by user_id
    """).all()
    assert ratings.digests.tolist() == [row.rated for row in rows]
    likes = ratings.liked(4.0)
    assert ratings.liked_digests(likes).tolist() == [row.liked for row in rows if row.liked]


def test_any_order_of_the_rows_gives_the_same_arrays(sample: Connection) -> None:
    before = read_ratings(sample)
    sample.exec_driver_sql("create temp table moved as select * from recsys.ratings")
    sample.exec_driver_sql("delete from recsys.ratings")
    sample.exec_driver_sql(
        "insert into recsys.ratings select * from moved order by hashint8(movie_id), user_id desc"
    )
    after = read_ratings(sample)
    for name, values in vars(before).items():
        assert np.array_equal(vars(after)[name], values), name


@pytest.mark.parametrize(
    "time",
    [
        "0001-01-02 00:00:00+00",
        "1970-01-01 00:00:00.000001+00",
        "2285-06-05 01:02:03.456789+00",
        "9999-12-30 00:00:00+00",
    ],
)
def test_times_go_to_text_and_back(sample: Connection, time: str) -> None:
    microseconds = microseconds_of(sample, time)
    assert microseconds_of(sample, time_of(sample, microseconds)) == microseconds


def test_films(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("""
            insert into recsys.movies (movie_id, title, year) values (9, 'A', 1999), (3, 'B', null);
            insert into recsys.genres (name) values ('War'), ('Comedy'), ('Drama');
            insert into recsys.movie_genres
            select 9, genre_id from recsys.genres where name in ('War', 'Drama')
        """)
        films = read_films(connection, read_ratings(connection))
    assert films.genre_names == ["Comedy", "Drama", "War"]
    assert films.genres.tolist() == [[False] * 3, [False, True, True]]
    assert np.isnan(films.years[0])
    assert films.years[1] == 1999
