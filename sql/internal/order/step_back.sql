create or replace function recsys_internal.step_back(
    movie_ids bigint[],
    shown recsys_internal.shown,
    n integer
)
returns setof integer
language sql stable
as $$
    select given.place::integer
    from unnest(movie_ids) with ordinality as given (movie_id, place)
    left join unnest(shown.movie_ids, shown.steps) as s (movie_id, steps)
        on s.movie_id = given.movie_id
    order by given.place + coalesce(s.steps, 0), given.place
    limit n
$$;

comment on function recsys_internal.step_back is
    'Places in a list of the n films that come first when those that were shown have stepped back.';

create or replace function recsys_internal.reach(k integer, shown recsys_internal.shown)
returns integer
language sql immutable
as $$
    select least(k + coalesce(ceil(max(s)), 0), 2147483647)::integer from unnest(shown.steps) s
$$;

comment on function recsys_internal.reach is
    'How many films of a list may be among its first k when those that were shown have stepped '
    'back: a film further behind cannot.';
