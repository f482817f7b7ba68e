create or replace function recsys_internal.find_rated(user_id bigint)
returns recsys_internal.rated
language plpgsql stable
as $$
declare
    rated recsys_internal.rated;
begin
    select array_agg(r.movie_id), array_agg(r.rating), array_agg(r.rated_at) into rated
    from recsys.ratings r
    where r.user_id = find_rated.user_id;
    return rated;
end
$$;

comment on function recsys_internal.find_rated is
    'What a user rated, as of this statement, in no order; null arrays if nothing.';
