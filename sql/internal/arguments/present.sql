-- Of very many, those of unknown films are left out at once: one answer goes through the list
-- several times.
create or replace function recsys_internal.present(ids bigint[])
returns bigint[]
language plpgsql stable
as $$
declare
    many constant integer := 10000;
begin
    if cardinality(ids) > many then
        return array(select m.movie_id from recsys.movies m where m.movie_id = any (ids));
    end if;
    return array(select id from unnest(ids) id where id is not null);
end
$$;

comment on function recsys_internal.present is
    'Ids of films without nulls, in one dimension; none for null.';
