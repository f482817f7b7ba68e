create or replace function recsys_internal.check_threshold(threshold real)
returns void
language plpgsql immutable
as $$
begin
    if not threshold between 0 and 1 then
        raise exception 'threshold is %: it must be between 0 and 1, or null', threshold
            using errcode = '22023';
    end if;
end
$$;

comment on function recsys_internal.check_threshold is
    'Refuses a threshold outside 0 to 1; null stands for each genre''s own.';
