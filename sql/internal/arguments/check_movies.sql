create or replace function recsys_internal.check_movies(movie_ids bigint[])
returns void
language plpgsql stable
as $$
declare
    unknown text;
begin
    select coalesce(given.movie_id::text, 'null') into unknown
    from unnest(movie_ids) as given (movie_id)
    where not exists (select from recsys.movies m where m.movie_id = given.movie_id)
    limit 1;
    if found then
        raise exception 'unknown movie: %', unknown
            using errcode = '22023', hint = 'recsys.search_titles finds a film by its title.';
    end if;
end
$$;

comment on function recsys_internal.check_movies is 'Refuses ids of unknown films.';
