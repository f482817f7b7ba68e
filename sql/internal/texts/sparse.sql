create or replace function recsys_internal.sparse(
    places integer[],
    weights double precision[]
)
returns sparsevec
language sql immutable parallel safe
as $$
    -- Two terms of one place add up.
    select format(
        '{%s}/536870912', string_agg(format('%s:%s', e.place, e.weight), ','))::public.sparsevec
    from (
        select u.place, sum(u.weight)::real as weight
        from unnest(places, weights) u (place, weight)
        group by u.place
    ) e
    having count(*) > 0
$$;

comment on function recsys_internal.sparse is
    'A sparse vector with weights at recsys_internal.term_place''s places; null without any.';
