-- Every function that returns films filters them here. It is inlined into its caller's query: one
-- scan for all films that pass, one look-up for a single film.
create or replace function recsys_internal.filtered_movies(
    genre_ids bigint[],
    excluded_genre_ids bigint[],
    year_from integer,
    year_to integer,
    min_ratings integer,
    include_predicted boolean,
    include_adult boolean
)
returns setof recsys.movies
language sql stable
as $$
    select m.*
    from recsys_internal.offered_movies(include_adult) m
    where (year_from is null or m.year >= year_from)
      and (year_to is null or m.year <= year_to)
      and (min_ratings is null or m.rating_count >= min_ratings)
      and (genre_ids is null
        or exists (
            select from recsys.movie_genres g
            where g.movie_id = m.movie_id and g.genre_id = any (genre_ids))
        or include_predicted and exists (
            select from recsys.movie_genres_predicted p
            join recsys.genres g on g.name = p.genre
            where p.movie_id = m.movie_id and g.genre_id = any (genre_ids)))
      and (excluded_genre_ids is null
        or not exists (
            select from recsys.movie_genres g
            where g.movie_id = m.movie_id and g.genre_id = any (excluded_genre_ids))
        and not (include_predicted and exists (
            select from recsys.movie_genres_predicted p
            join recsys.genres g on g.name = p.genre
            where p.movie_id = m.movie_id and g.genre_id = any (excluded_genre_ids))))
$$;

comment on function recsys_internal.filtered_movies is
    'The films that pass the filters: any of the genres, none of the excluded ones (listed, '
    'or predicted too), the years, a least number of ratings, and that are on offer. Null filters '
    'nothing.';
