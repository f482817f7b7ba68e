create or replace function recsys_internal.limited_to(
    filters recsys_internal.filters,
    movie_ids bigint[]
)
returns recsys_internal.filters
language plpgsql immutable
as $$
begin
    filters.only_movies := coalesce(movie_ids, '{}');
    filters.only_genres := false;
    filters.active := true;
    return filters;
end
$$;

comment on function recsys_internal.limited_to is
    'Filters that let only films of a list pass, and of these only those that passed before.';
