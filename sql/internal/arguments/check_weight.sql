create or replace function recsys_internal.check_weight(name text, weight real)
returns void
language plpgsql immutable
as $$
begin
    if weight is null or not weight between 0 and 1e6 then
        raise exception '% is %: it must be between 0 and 1,000,000', name,
            coalesce(weight::text, 'null') using errcode = '22023';
    end if;
end
$$;

comment on function recsys_internal.check_weight is 'Refuses a weight outside 0 to 1,000,000.';
