create or replace function recsys_internal.check_half_life(half_life interval)
returns void
language plpgsql immutable
as $$
begin
    -- In seconds, as it is used: intervals compare with months of 30 days, years of twelve months.
    if date_part('epoch', half_life) <= 0 then
        raise exception 'half_life is %: it must be longer than 0', quote_literal(half_life)
            using errcode = '22023';
    end if;
end
$$;

comment on function recsys_internal.check_half_life is 'Refuses a half-life of 0 or less.';
