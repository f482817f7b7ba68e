create or replace function recsys_internal.find_reasons(
    chosen recsys.orders,
    ordering recsys_internal.ordering,
    movie_ids bigint[]
)
returns bigint[]
language sql stable
as $$
    select array_agg(o.because order by o.place)
    from recsys_internal.order_scores(chosen, ordering, movie_ids, null) o
$$;

comment on function recsys_internal.find_reasons is
    'For each film, the liked film that adds most to its additive score; null where none adds '
    'anything.';
