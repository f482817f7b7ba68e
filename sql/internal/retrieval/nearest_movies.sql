-- Each way is the quickest somewhere: benchmarks/speed/retrieval.py measures where they cross. The
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
as $$
#variable_conflict use_column
declare
    retrieval constant text := coalesce(
        nullif(current_setting('recsys.retrieval', true), ''), 'auto');
    -- Where many films are asked for or barred, the index visits many, and finds less.
    indexed constant boolean := (retrieval = 'index' or retrieval = 'auto'
            and recsys_internal.index_pays(model) and n::bigint + coalesce(cardinality(barred), 0) <= 1000)
        and to_regclass('recsys.' || recsys_internal.index_name(model.model_id, measure))
            is not null;
    allowed bigint[];
    doublings integer;
    head real;
    bound real;
    found_ids bigint[];
    found_distances double precision[];
    indexed_ids bigint[];
    indexed_distances double precision[];
begin
    if retrieval not in ('auto', 'exact', 'index') then
        raise exception 'recsys.retrieval is %: it may be auto, exact or index',
            quote_literal(retrieval) using errcode = '22023';
    elsif query is null or vector_norm(query) = 0 then
        return;  -- ordering by the distance to no direction at all would pick films at random
    end if;
    if retrieval <> 'index' and filters.active then
        allowed := recsys_internal.list_movies(filters, 2001);
        if cardinality(allowed) <= 1000 then
            return query select * from recsys_internal.nearest_of_list(
                model, query, measure, n, barred, allowed);
            return;
        elsif cardinality(allowed) > 2000 then
            allowed := null;
        end if;
    end if;
    if measure = 'score' then
        -- No cosine exceeds the norm (Cauchy-Schwarz): once some of the longest vectors have been
        -- looked at, those with a smaller norm than the n-th best of them cannot be better. 256
        -- are looked at, or twice, four times ... as many where fewer are allowed or many wanted.
        doublings := log(2, 1 + n / 64.0 + coalesce(cardinality(barred), 0) / 128.0
            + case when allowed is not null then model.movie_count::numeric / cardinality(allowed)
                when filters.active then 3 else 0 end);
        head := model.norms[9 + doublings];
        -- Where all are alike, none is longer than the others. Films that came since the norms
        -- were counted may be as many again.
        if head is null or head < model.norms[1] then
            select array_agg(f.movie_id), array_agg(f.distance) into found_ids, found_distances
            from recsys_internal.nearest_by_norm(
                model, query, n, barred, filters, allowed, coalesce(head, 0), most_read =>
                    case when head is not null then (512 * 2 ^ doublings)::bigint end) f;
            bound := 1 - 1e-5 - found_distances[n];  -- the slack is for rounding
        end if;
        if retrieval = 'index' then
            null;
        elsif head is null or bound >= head then
            return query select * from unnest(found_ids, found_distances);
            return;
        -- Of the norms, those of the 1st, 2nd, 4th, 8th ... vector, the 14th is the 8,192nd's.
        elsif bound > coalesce(model.norms[14], -1) or bound is not null and not indexed then
            return query select * from recsys_internal.nearest_by_norm(
                model, query, n, barred, filters, allowed, bound, 1 - bound);
            return;
        end if;
    end if;
    if allowed is null and indexed then
        select array_agg(f.movie_id), array_agg(f.distance) into indexed_ids, indexed_distances
        from recsys_internal.nearest_by_index(model, query, measure, n, barred, filters) f;
        if cardinality(indexed_ids) = n then
            -- With the longest vectors, which were looked at anyway: among thousands of very short
            -- ones, which lie all in one place, a search in the index can lose its way. In order
            -- to the last digit, which the index does not keep.
            return query
            select f.movie_id, min(f.distance)
            from (
                select * from unnest(indexed_ids, indexed_distances)
                union all
                select * from unnest(found_ids, found_distances)
            ) f (movie_id, distance)
            group by f.movie_id
            order by 2, 1
            limit n;
            return;
        end if;
    end if;
    -- The index came up short, or all is to be read.
    return query select * from recsys_internal.nearest_of_list(
        model, query, measure, n, barred, coalesce(
            allowed, case when filters.active then recsys_internal.list_movies(filters) end));
end
$$;

comment on function recsys_internal.nearest_movies is
    'The n films nearest to a vector that pass the filters and are not barred, by the way that '
    'is quickest: by score for a user''s vector, by likeness for the sum of films'' vectors.';
