create or replace function recsys_internal.present(ids bigint[])
returns bigint[]
language sql immutable
as $$
    select array(select id from unnest(ids) id where id is not null)
$$;

comment on function recsys_internal.present is 'Ids without nulls, in one dimension; none for null.';
