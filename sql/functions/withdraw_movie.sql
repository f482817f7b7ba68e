create or replace function recsys.withdraw_movie(
    movie_id bigint,
    withdrawn_at timestamptz default statement_timestamp()
)
returns void
language plpgsql
as $$
#variable_conflict use_column
begin
    if withdraw_movie.withdrawn_at is null then
        raise exception 'withdrawn_at is null: name a time' using errcode = '22023',
            hint = 'recsys.restore_movie brings a film back.';
    end if;
    perform recsys_internal.check_time('withdrawn_at', withdraw_movie.withdrawn_at);
    update recsys.movies m set withdrawn_at = withdraw_movie.withdrawn_at
    where m.movie_id = withdraw_movie.movie_id;
    perform recsys_internal.check_movies(array[withdraw_movie.movie_id]);
end
$$;

comment on function recsys.withdraw_movie is
    'Takes a film out of all answers, from the next statement or the given time on. Its ratings '
    'stay, and count for those who gave them; recsys.restore_movie brings it back.';
