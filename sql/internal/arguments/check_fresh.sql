create or replace function recsys_internal.check_fresh(fresh real, not_shown_since interval)
returns void
language plpgsql immutable
as $$
begin
    if fresh is null or not fresh between 0 and 1 then
        raise exception 'fresh is %: it must be between 0 and 1', coalesce(fresh::text, 'null')
            using errcode = '22023';
    elsif date_part('epoch', not_shown_since) <= 0 then
        raise exception 'not_shown_since is %: it must be longer than 0',
            quote_literal(not_shown_since) using errcode = '22023';
    end if;
end
$$;

comment on function recsys_internal.check_fresh is
    'Refuses a share outside 0 to 1, and an interval of 0 or less.';
