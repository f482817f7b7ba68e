create or replace function recsys_internal.check_k(k integer)
returns void
language plpgsql immutable
as $$
begin
    if k is null or k < 1 then
        raise exception 'k is %: it must be 1 or more', coalesce(k::text, 'null')
            using errcode = '22023';
    end if;
end
$$;

comment on function recsys_internal.check_k is 'Refuses a list length below 1.';
