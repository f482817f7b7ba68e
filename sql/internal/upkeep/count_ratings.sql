-- A set of rows of PL/pgSQL's own, since an UPDATE would count without workers.
create or replace function recsys_internal.count_ratings(half_life interval)
returns table (
    movie_id bigint,
    rating_count bigint,
    rating_mean real,
    liked_count bigint,
    popularity double precision
)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    seconds constant double precision := date_part('epoch', half_life);
    newest constant double precision := case
        when half_life is not null then recsys_internal.newest_like() end;
begin
    return query
    select r.movie_id, count(*), avg(r.rating)::real, count(*) filter (where r.rating >= 4),
        coalesce(sum(recsys_internal.like_weight(
            greatest(newest - date_part('epoch', r.rated_at), 0), seconds))
            filter (where r.rating >= 4), 0)
    from recsys.ratings r
    group by r.movie_id;
end
$$;

comment on function recsys_internal.count_ratings is
    'Of each film with ratings: how many, their mean, how many are likes, and these as '
    'recsys_internal.decayed_likes() counts them.';
