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
    newest constant double precision := case
        when half_life is not null then recsys_internal.newest_like() end;
begin
    return query
    select r.movie_id, sum(recsys_internal.like_weight(
        greatest(newest - date_part('epoch', r.rated_at), 0), seconds))
    from recsys.ratings r
    where r.rating >= 4 and (movie_ids is null or r.movie_id = any (movie_ids))
    group by r.movie_id;
end
$$;

comment on function recsys_internal.decayed_likes is
    'The likes of each film that has any, or of the given ones: one counts 2 ^ (-age / half_life), '
    'or 1 where that is null.';

-- Ages are counted from the newest like, not from now: of a data set that ended years ago, likes of
-- any age would else count nothing. The order of films does not depend on it, since all counts
-- change by one factor. Likes of the future count as the newest one. PL/pgSQL, unlike SQL, returns
-- what workers found.
create or replace function recsys_internal.newest_like()
returns double precision
language plpgsql stable
as $$
declare
    newest timestamptz;
begin
    select max(r.rated_at) into newest
    from recsys.ratings r
    where r.rating >= 4 and r.rated_at <= now();
    return date_part('epoch', newest);
end
$$;

comment on function recsys_internal.newest_like is
    'When the newest like was given that is not of the future, in seconds since 1970.';

-- power() refuses to underflow, so that likes of a thousand half-lives count nothing.
create or replace function recsys_internal.like_weight(
    age double precision,
    half_life double precision
)
returns double precision
language sql immutable parallel safe
as $$
    select case
        when half_life is null then 1
        when age < 1000 * half_life then power(2, -age / half_life)
        else 0 end
$$;

comment on function recsys_internal.like_weight is
    'What a like of that age counts; both arguments in seconds.';
