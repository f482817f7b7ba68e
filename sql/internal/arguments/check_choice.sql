create or replace function recsys_internal.check_choice(name text, given text, choices text[])
returns void
language plpgsql immutable
as $$
begin
    if given is null or given <> all (choices) then
        raise exception '% is %: it may be %', name, coalesce(quote_literal(given), 'null'),
            array_to_string(choices, ', ') using errcode = '22023';
    end if;
end
$$;

comment on function recsys_internal.check_choice is
    'Refuses an argument that is not one of the allowed values.';
