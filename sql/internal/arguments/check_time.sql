-- As the constraints of the tables, whose error would not name the argument.
create or replace function recsys_internal.check_time(argument text, given timestamptz)
returns void
language plpgsql stable
as $$
begin
    if given not between '0001-01-02Z' and '9999-12-30Z' then
        raise exception '% is %: choose a time from 0001-01-02 to 9999-12-30 in UTC',
            argument, quote_literal(given) using errcode = '22023';
    end if;
end
$$;

comment on function recsys_internal.check_time is
    'Refuses times that are infinite or outside the years 1 to 9999.';
