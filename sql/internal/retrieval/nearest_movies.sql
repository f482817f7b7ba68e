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
    rounding constant double precision := 1e-5;  -- no norm and score of a film differ by more
    plan record := recsys_internal.plan_retrieval(model, measure, n, barred, filters);
    head_ids bigint[];
    head_distances double precision[];
    bound real;
    indexed_ids bigint[];
    indexed_distances double precision[];
begin
    if query is null or vector_norm(query) = 0 then
        return;  -- ordering by the distance to no direction at all would pick films at random
    end if;
    if plan.head is not null then
        select array_agg(f.movie_id order by f.place), array_agg(f.distance order by f.place)
        into head_ids, head_distances
        from recsys_internal.nearest_by_norm(
            model, query, n, barred, filters, plan.allowed, plan.head, most_read => plan.head_most)
            with ordinality as f (movie_id, distance, place);
        -- No cosine exceeds the norm (Cauchy-Schwarz): films with a smaller norm than the n-th
        -- best of the head cannot be better.
        bound := 1 - rounding - head_distances[n];
        if plan.index_always then
            null;
        elsif plan.head_most is null or bound >= plan.head then
            return query select * from unnest(head_ids, head_distances);
            return;
        elsif bound > plan.index_bound then
            return query select * from recsys_internal.nearest_by_norm(
                model, query, n, barred, filters, plan.allowed, bound, 1 - bound);
            return;
        end if;
    end if;
    if plan.indexed and plan.allowed is null then
        select array_agg(f.movie_id order by f.place), array_agg(f.distance order by f.place)
        into indexed_ids, indexed_distances
        from recsys_internal.nearest_by_index(model, query, measure, n, barred, filters)
            with ordinality as f (movie_id, distance, place);
        if cardinality(indexed_ids) = n then
            -- With the head, which was read anyway: among thousands of very short vectors, which
            -- lie all in one place, a search in the index can lose its way. In order to the last
            -- digit, which the index does not keep.
            return query
            select f.movie_id, min(f.distance)
            from (
                select * from unnest(indexed_ids, indexed_distances)
                union all
                select * from unnest(head_ids, head_distances)
            ) f (movie_id, distance)
            group by f.movie_id
            order by 2, 1
            limit n;
            return;
        end if;
    end if;
    -- The list is short, the index came up short, or all is to be read.
    return query select * from recsys_internal.nearest_of_list(
        model, query, measure, n, barred, coalesce(plan.allowed,
            case when filters.active then recsys_internal.list_movies(filters) end));
end
$$;

comment on function recsys_internal.nearest_movies is
    'The n films nearest to a vector that pass the filters and are not barred, by the way that '
    'is quickest: by score for a user''s vector, by likeness for the sum of films'' vectors.';
