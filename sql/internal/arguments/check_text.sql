create or replace function recsys_internal.check_text(name text, given text)
returns void
language plpgsql immutable
as $$
declare
    most constant integer := 100000;  -- as recsys_internal.text_stems reads
begin
    if length(given) > most then
        raise exception '% is % characters long: it may have up to %', name, length(given), most
            using errcode = '22023';
    end if;
end
$$;

comment on function recsys_internal.check_text is
    'Refuses a text of which not all would be read.';
