create or replace function recsys_internal.find_filters(
    genres text[],
    exclude_genres text[],
    year_from integer,
    year_to integer,
    min_ratings integer,
    include_predicted_genres boolean
)
returns recsys_internal.filters
language sql stable
as $$
    select recsys_internal.find_genres(genres), recsys_internal.find_genres(exclude_genres),
        year_from, year_to, min_ratings,
        num_nonnulls(genres, exclude_genres, year_from, year_to, min_ratings) > 0,
        coalesce(include_predicted_genres, false)
$$;

comment on function recsys_internal.find_filters is
    'The filters of a call; refuses an unknown genre.';
