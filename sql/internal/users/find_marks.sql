create or replace function recsys_internal.find_marks(user_id bigint)
returns recsys_internal.marks
language plpgsql stable
as $$
declare
    marks recsys_internal.marks;
    ids bigint[];
    kinds text[];
    times timestamptz[];
begin
    select array_agg(f.movie_id), array_agg(f.kind), array_agg(f.at)
    into ids, kinds, times
    from recsys.feedback f
    where f.user_id = find_marks.user_id;
    if ids is null then
        return null;
    end if;
    select array_agg(f.movie_id) filter (where f.hidden),
        array_agg(f.movie_id) filter (where f.away),
        array_agg(f.movie_id) filter (where f.listed),
        array_agg(f.movie_id) filter (where f.watched_at is not null),
        array_agg(f.watched_at) filter (where f.watched_at is not null),
        array_agg(f.likes) filter (where f.watched_at is not null)
    into marks
    from (
        select f.movie_id, bool_or(f.kind = 'hidden') as hidden,
            bool_or(recsys_internal.away(f.kind, f.at)) as away,
            bool_or(f.kind = 'watchlist') as listed,
            max(f.at) filter (where recsys_internal.watched(f.kind)) as watched_at,
            bool_or(f.kind = 'liked') as likes
        from unnest(ids, kinds, times) as f (movie_id, kind, at)
        group by f.movie_id
    ) f;
    return marks;
end
$$;

comment on function recsys_internal.find_marks is
    'Feedback of a user as of this statement: films hidden, away, on the watchlist, and watched, '
    'with when and whether they were liked; null where there are none.';
