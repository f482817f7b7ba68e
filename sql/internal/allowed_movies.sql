-- Every function that returns films filters them here. Planned anew at each call with the values
-- it is given, so that a filter that is null costs nothing.
create or replace function recsys_internal.allowed_movies(
    genre_ids bigint[],
    excluded_genre_ids bigint[],
    year_from integer,
    year_to integer,
    min_ratings integer,
    excluded_movie_ids bigint[]
)
returns setof bigint
language sql stable rows 1000
set plan_cache_mode = force_custom_plan
as $$
    select m.movie_id
    from recsys.movies m
    where (year_from is null or m.year >= year_from)
      and (year_to is null or m.year <= year_to)
      and (min_ratings is null or m.rating_count >= min_ratings)
      and (excluded_movie_ids is null or m.movie_id <> all (excluded_movie_ids))
      and (genre_ids is null or m.movie_id in (
            select g.movie_id from recsys.movie_genres g where g.genre_id = any (genre_ids)))
      and (excluded_genre_ids is null or m.movie_id not in (
            select g.movie_id from recsys.movie_genres g
            where g.genre_id = any (excluded_genre_ids)))
$$;

comment on function recsys_internal.allowed_movies is
    'The films that pass the filters: any of the genres, none of the excluded ones, the years, '
    'a least number of ratings, and not among the excluded films. Null filters nothing.';
