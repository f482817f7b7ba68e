create or replace function recsys_internal.find_genre_encoder(name text)
returns bigint
language plpgsql stable
as $$
declare
    encoder recsys.text_encoders := recsys_internal.find_encoder(name);
begin
    if encoder.encoder_id is null and name is distinct from 'terms' then
        raise exception 'unknown encoder: %', coalesce(quote_literal(name), 'null')
            using errcode = '22023', hint = (
                select 'The encoders are ' || string_agg(distinct e.name, ', ') || '.'
                from recsys.text_encoders e
            );
    elsif not exists (
        select from recsys.genre_units u where u.encoder_id = encoder.encoder_id
    ) then
        raise exception 'no classifier of genres is learned yet for encoder %', name
            using errcode = '55000', hint = case name when 'terms' then 'Run recsys train.'
                else 'Run recsys genres predict --encoder ' || quote_literal(name) || '.' end;
    end if;
    return encoder.encoder_id;
end
$$;

comment on function recsys_internal.find_genre_encoder is
    'The newest encoder of that name, from whose vectors genres are predicted.';
