create or replace function recsys_internal.check_diversity(diversity real)
returns void
language plpgsql immutable
as $$
begin
    if diversity is null or not diversity between 0 and 1 then
        raise exception 'diversity is %: it must be between 0 and 1',
            coalesce(diversity::text, 'null') using errcode = '22023';
    end if;
end
$$;

comment on function recsys_internal.check_diversity is 'Refuses a diversity outside 0 to 1.';

create or replace function recsys_internal.pool_size(
    k integer,
    diversity real,
    candidates integer
)
returns integer
language sql immutable
as $$
    select greatest(k, candidates, case when diversity > 0
        then least(greatest(least(5::bigint * k, k::bigint + 400), 100), 2147483647)::integer end)
$$;

comment on function recsys_internal.pool_size is
    'How many films are retrieved, of which k are chosen: the candidates of an order, or null, '
    'and what diversity has to choose from.';
