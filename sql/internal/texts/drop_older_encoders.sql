-- Models that were trained with an older encoder go on reading its vectors.
create or replace function recsys_internal.drop_older_encoders(name text)
returns void
language sql
as $$
    delete from recsys.text_encoders e
    where e.name = drop_older_encoders.name
      and e.encoder_id < (recsys_internal.find_encoder(drop_older_encoders.name)).encoder_id
      and not exists (select from recsys.models m where m.encoder_id = e.encoder_id)
$$;

comment on function recsys_internal.drop_older_encoders is
    'Removes what was learned under a name before the newest, unless a model refers to it.';
