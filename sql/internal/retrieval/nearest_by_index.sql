create or replace function recsys_internal.nearest_by_index(
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
set enable_seqscan = off
set enable_sort = off
set jit = off
as $$
#variable_conflict use_column
declare
    -- pgvector's settings cannot stand in a SET clause: only a superuser could restore a dump of
    -- this function. They are put back below.
    iterative_scan text := current_setting('hnsw.iterative_scan');
    ef_search text := current_setting('hnsw.ef_search');
begin
    perform set_config('hnsw.iterative_scan', 'strict_order', true),
        -- Scores come here only if norms are alike, and are then hard to tell apart.
        set_config('hnsw.ef_search', case measure when 'score' then '400' else '200' end, true);
    -- Planned with the values: the model's id chooses the partial index, and the planner removes
    -- filters that are null.
    return query execute format(
        'select v.movie_id, (%1$s) <=> $1 '
        'from recsys.movie_vectors v '
        'where v.model_id = %2$s %3$s and v.movie_id <> all ($3) and (not $4 or ( '
        '    select true from recsys_internal.filtered_movies($5, $6, $7, $8, $9, $10, $11) f '
        '    where f.movie_id = v.movie_id limit 1)) '
        'order by (%1$s) <=> $1 '
        'limit $2',
        recsys_internal.index_expression(model.factors, measure), model.model_id,
        recsys_internal.index_restriction(measure))
    using case measure when 'score' then query else subvector(query, 1, model.factors) end,
        n, recsys_internal.present(barred), filters.active, filters.genre_ids,
        filters.excluded_genre_ids, filters.year_from, filters.year_to, filters.min_ratings,
        filters.predicted, filters.include_adult;
    perform set_config('hnsw.iterative_scan', iterative_scan, true),
        set_config('hnsw.ef_search', ef_search, true);
end
$$;

comment on function recsys_internal.nearest_by_index is
    'The films nearest to a vector by the model''s HNSW index, perhaps fewer than asked for.';
