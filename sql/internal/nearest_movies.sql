-- Each way is the quickest somewhere: benchmarks/retrieval.py measures where they cross. The
-- setting recsys.retrieval (auto, exact, index) is for such measurements and for tests.
create or replace function recsys_internal.nearest_movies(
    model recsys.models,
    query vector,
    measure text,
    n integer,
    barred bigint[],
    filters recsys_internal.filters
)
returns table (movie_id bigint, distance double precision)
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
declare
    retrieval constant text := coalesce(
        nullif(current_setting('recsys.retrieval', true), ''), 'auto');
    -- Where many films are barred, the index visits them first, and finds less.
    indexed constant boolean := (retrieval = 'index' or retrieval = 'auto'
            and model.movie_count > 8000 and coalesce(cardinality(barred), 0) <= 1000)
        and to_regclass('recsys.' || recsys_internal.index_name(model.model_id, measure))
            is not null;
    most_listed constant integer := case when indexed then 2000 end;
    bound real;
    allowed bigint[];
    found_ids bigint[];
    found_distances double precision[];
begin
    if query is null then
        return;  -- ordering by the distance to no vector at all would pick films at random
    end if;
    if retrieval <> 'index' and measure = 'score' then
        bound := recsys_internal.score_bound(model, query, n, barred, filters);
        -- Fewer than 8,192 vectors are to be read, or there is no index.
        if bound > coalesce(model.norms[14], 0) or bound is not null and not indexed then
            return query select * from recsys_internal.nearest_by_norm(
                model, query, n, barred, filters, bound);
            return;
        end if;
    end if;
    if retrieval <> 'index' and filters.active then
        allowed := recsys_internal.list_movies(filters, most_listed + 1);
        if not indexed or cardinality(allowed) <= most_listed then
            return query select * from recsys_internal.nearest_of_list(
                model, query, measure, n, barred, allowed);
            return;
        end if;
    end if;
    if indexed then
        select array_agg(f.movie_id), array_agg(f.distance) into found_ids, found_distances
        from recsys_internal.nearest_by_index(model, query, measure, n, barred, filters) f;
        if cardinality(found_ids) = n then
            return query select * from unnest(found_ids, found_distances);
            return;
        end if;
    end if;
    -- The index came up short, or all is to be read.
    return query select * from recsys_internal.nearest_of_list(
        model, query, measure, n, barred,
        case when filters.active then recsys_internal.list_movies(filters) end);
end
$$;

comment on function recsys_internal.nearest_movies is
    'The n films nearest to a vector that pass the filters and are not barred, by the way that '
    'is quickest: by score for a user''s vector, by likeness for the sum of films'' vectors.';
