create or replace function recsys_internal.check_movie(movie_id bigint)
returns void
language plpgsql stable
as $$
begin
    if not exists (select from recsys.movies m where m.movie_id = check_movie.movie_id) then
        raise exception 'unknown movie: %', coalesce(movie_id::text, 'null')
            using errcode = '22023', hint = 'recsys.search_titles finds a film by its title.';
    end if;
end
$$;

comment on function recsys_internal.check_movie is 'Refuses the id of a film that is not there.';
