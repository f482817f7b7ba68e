-- Each film is compared with all that the user likes, so long lists would take long.
create or replace function recsys_internal.find_reasons(
    chosen recsys.orders,
    ordering recsys_internal.ordering,
    movie_ids bigint[]
)
returns bigint[]
language sql stable
as $$
    select array_agg(o.because order by o.place)
    from recsys_internal.order_scores(chosen, ordering, movie_ids[: 500], null) o
$$;

comment on function recsys_internal.find_reasons is
    'For each of the first 500 films, the liked film that adds most to its additive score; null '
    'where none adds anything.';
