create or replace function recsys_internal.find_encoder(name text)
returns recsys.text_encoders
language plpgsql stable
as $$
#variable_conflict use_column
declare
    found_encoder recsys.text_encoders;
begin
    select * into found_encoder
    from recsys.text_encoders e
    where e.name = find_encoder.name
    order by e.encoder_id desc
    limit 1;
    return found_encoder;
end
$$;

comment on function recsys_internal.find_encoder is
    'The newest encoder of a name; all null if there is none.';
