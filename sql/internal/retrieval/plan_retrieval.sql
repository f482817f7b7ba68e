-- Each way is the quickest for some sizes: benchmarks/speed/retrieval.py measures where they cross,
-- and the constants are from there. The setting recsys.retrieval (auto, exact, index) is for that
-- benchmark and for tests.
create or replace function recsys_internal.plan_retrieval(
    model recsys.models,
    measure text,
    n integer,
    barred bigint[],
    filters recsys_internal.filters,
    out genre_id bigint,  -- where a genre is all that is filtered by, and not a broad one
    out allowed bigint[],  -- the films that pass the filters; null: all films, or many
    out indexed boolean,  -- the index may be asked
    out index_always boolean,  -- even where the exact ways would do
    out head_place integer  -- as many films as model.norms has there are read first, by norm
)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    most_listed constant integer := 2000;
    most_visited constant integer := 1000;  -- wanted or barred: with more, the index finds less
    -- model.norms has the norms of the 1st, 2nd, 4th, 8th ... longest vector.
    least_place constant integer := 9;  -- of the 256th: the head, unless it is doubled
    broad_genre constant integer := 2;  -- of one film in 2 ^ 2, or more
    -- What doubles the head: films wanted, films barred, filters that unknown numbers pass, or a
    -- broad genre. As numerics, their logarithm would take long.
    wanted_share constant double precision := 64;
    barred_share constant double precision := 128;
    filters_weight double precision := case when filters.active then 3 else 0 end;
    broad_weight constant double precision := 1;
    retrieval constant text := coalesce(
        nullif(current_setting('recsys.retrieval', true), ''), 'auto');
    -- Hidden films are anywhere, as those that a filter leaves out; rated ones are near the best.
    barred_count constant integer := coalesce(cardinality(barred), 0)
        - coalesce(cardinality(filters.hidden), 0);
begin
    if retrieval not in ('auto', 'exact', 'index') then
        raise exception 'recsys.retrieval is %: it may be auto, exact or index',
            quote_literal(retrieval) using errcode = '22023';
    end if;
    index_always := retrieval = 'index';
    indexed := (index_always or retrieval = 'auto' and recsys_internal.index_pays(model)
            and n::bigint + barred_count <= most_visited)
        and to_regclass('recsys.' || recsys_internal.index_name(model.model_id, measure))
            is not null;
    genre_id := case when measure = 'score' and not index_always and filters.only_genres
            and not filters.predicted and cardinality(filters.genre_ids) = 1
        then filters.genre_ids[1] end;
    if filters.active and genre_id is null
        and (not index_always or filters.only_movies is not null) then
        allowed := recsys_internal.list_some_movies(filters, most_listed);
    elsif genre_id is not null and (
        select n.norm from recsys.genre_norms n
        where n.model_id = model.model_id and n.genre_id = plan_retrieval.genre_id
        order by n.norm desc
        offset 2 ^ (least_place - 1) limit 1) >= model.norms[least_place + broad_genre]
    then
        filters_weight := broad_weight;
        genre_id := null;  -- it is quicker to read all films than to skip the others
    end if;
    head_place := least_place + ln(
        1 + n / wanted_share + barred_count / barred_share + filters_weight) / ln(2);
end
$$;

comment on function recsys_internal.plan_retrieval is
    'By which ways nearest_movies looks for films, and how many it reads first.';
