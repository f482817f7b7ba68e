-- All that answers show passes one of these two, which are each other's contrary. They ask for the
-- time of the statement, not of the transaction: what another has withdrawn meanwhile is gone from
-- the next statement on. This one is inlined into its caller's query.
create or replace function recsys_internal.offered_movies(include_adult boolean)
returns setof recsys.movies
language sql stable
as $$
    select m.*
    from recsys.movies m
    where (not m.adult or include_adult)
      and (m.withdrawn_at is null or m.withdrawn_at > statement_timestamp())
$$;

comment on function recsys_internal.offered_movies is
    'The films that answers may show: not withdrawn, and not for adults alone unless asked for.';

-- So many are barred, which costs about a millisecond. Where they are more, each film that is
-- found is looked up, as it is for a filter.
create or replace function recsys_internal.hidden_movies(include_adult boolean)
returns bigint[]
language plpgsql stable
as $$
declare
    most_barred constant integer := 2000;
    hidden bigint[] := array(
        select m.movie_id
        from recsys.movies m
        where (m.adult or m.withdrawn_at is not null)  -- as the index says
          and (m.adult and not include_adult or m.withdrawn_at <= statement_timestamp())
        limit most_barred + 1);
begin
    return case when cardinality(hidden) <= most_barred then hidden end;
end
$$;

comment on function recsys_internal.hidden_movies is
    'Ids of the films that answers leave out, where these are few; null where they are many.';
