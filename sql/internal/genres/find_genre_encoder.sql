create or replace function recsys_internal.find_genre_encoder(name text)
returns bigint
language plpgsql stable
as $$
declare
    encoder recsys.text_encoders := recsys_internal.known_encoder(name);
begin
    if not exists (select from recsys.genre_units u where u.encoder_id = encoder.encoder_id) then
        raise exception 'genres have not been learned yet from the vectors of %', name
            using errcode = '55000', hint = case name when 'terms'
                then 'Run `recsys train`, with 30 films or more that have texts and genres.'
                else format('Run `recsys genres predict --encoder %s`.', name) end;
    end if;
    return encoder.encoder_id;
end
$$;

comment on function recsys_internal.find_genre_encoder is
    'The newest encoder of a name; refuses one from whose vectors no genres are predicted.';
