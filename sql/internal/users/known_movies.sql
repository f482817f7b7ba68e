create or replace function recsys_internal.known_movies(user_id bigint)
returns bigint[]
language plpgsql stable
as $$
#variable_conflict use_column
declare
    rated bigint[];
    seen bigint[];
begin
    select array_agg(r.movie_id) into rated
    from recsys.ratings r where r.user_id = known_movies.user_id;
    select array_agg(f.movie_id) into seen
    from recsys.feedback f
    where f.user_id = known_movies.user_id and f.kind in ('seen', 'liked');
    return rated || seen;
end
$$;

comment on function recsys_internal.known_movies is
    'The films that a user has rated or seen; null if none.';
