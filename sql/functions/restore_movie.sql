create or replace function recsys.restore_movie(movie_id bigint)
returns void
language plpgsql
as $$
#variable_conflict use_column
begin
    update recsys.movies m set withdrawn_at = null where m.movie_id = restore_movie.movie_id;
    perform recsys_internal.check_movies(array[restore_movie.movie_id]);
end
$$;

comment on function recsys.restore_movie is
    'Brings a withdrawn film back into the answers, from the next statement on.';
