-- Ages are counted from the newest like, not from now: of a data set that ended years ago, likes of
-- any age would else count nothing. The order of films does not depend on it, since all counts
-- change by one factor. Likes of the future count as the newest one, as do those of no time at all
-- (infinity). power() refuses to underflow, so that likes of a thousand half-lives count nothing.
create or replace function recsys_internal.decayed_likes(
    half_life interval,
    movie_ids bigint[] default null
)
returns table (movie_id bigint, popularity double precision)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    seconds constant double precision := date_part('epoch', half_life);
    newest constant double precision := (
        select date_part('epoch', max(r.rated_at))
        from recsys.ratings r
        where r.rating >= 4 and r.rated_at <= now());
begin
    return query
    select r.movie_id, sum(case
        when seconds is null then 1
        when r.age < 1000 * seconds then power(2, -r.age / seconds)
        else 0 end)
    from (
        select r.movie_id, greatest(newest - date_part('epoch', r.rated_at), 0) as age
        from recsys.ratings r
        where r.rating >= 4 and (movie_ids is null or r.movie_id = any (movie_ids))
    ) r
    group by r.movie_id;
end
$$;

comment on function recsys_internal.decayed_likes is
    'The likes of each film that has any, or of the given ones: one counts 2 ^ (-age / half_life), '
    'or 1 where that is null.';
