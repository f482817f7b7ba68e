create or replace function recsys_internal.find_filters(
    genres text[],
    exclude_genres text[],
    year_from integer,
    year_to integer,
    min_ratings integer,
    include_predicted_genres boolean,
    include_adult boolean default false
)
returns recsys_internal.filters
language plpgsql stable
as $$
declare
    filters recsys_internal.filters;
begin
    filters.genre_ids := recsys_internal.find_genres(genres);
    filters.excluded_genre_ids := recsys_internal.find_genres(exclude_genres);
    filters.year_from := year_from;
    filters.year_to := year_to;
    filters.min_ratings := min_ratings;
    filters.predicted := coalesce(include_predicted_genres, false);
    filters.include_adult := coalesce(include_adult, false);
    filters.hidden := recsys_internal.hidden_movies(filters.include_adult);
    filters.only_genres := filters.hidden is not null
        and num_nonnulls(exclude_genres, year_from, year_to, min_ratings) = 0;
    filters.active := genres is not null or not filters.only_genres;
    return filters;
end
$$;

comment on function recsys_internal.find_filters is
    'The filters of a call; refuses an unknown genre. Where few films are hidden from all answers, '
    'these are listed, to be barred; else the filters look for them.';
