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
    index_place constant integer := 14;  -- beyond so many films (8,192), a list or the index pays
    most_listed constant integer := 8192;
    plan record := recsys_internal.plan_retrieval(model, measure, n, barred, filters);
    place integer := plan.head_place;
    ids bigint[];
    distances double precision[];
    indexed_ids bigint[];
    indexed_distances double precision[];
    done real;  -- films with at least this norm have been read; null: none have
    next real := 0;  -- films with at least this norm are to be read
    bound real;  -- films with a smaller norm cannot be among the n best
begin
    if query is null or vector_norm(query) = 0 then
        return;  -- ordering by the distance to no direction at all would pick films at random
    end if;
    if plan.genre_id is not null then
        select g.ids, g.distances into ids, distances
        from recsys_internal.nearest_of_genre(
            model, query, n, barred, plan.genre_id,
            case when plan.indexed then most_listed else 2147483646 end) g;
        if ids is not null then
            return query select * from unnest(ids, distances);
            return;
        end if;
    end if;
    while plan.genre_id is null and measure = 'score' and plan.allowed is null loop
        next := coalesce(bound, model.norms[place], 0);
        if next <= model.norms[index_place] and not plan.index_always then
            if filters.active then
                plan.allowed := recsys_internal.list_some_movies(filters, most_listed);
            end if;
            exit when plan.indexed or plan.allowed is not null;
        end if;
        select array_agg(f.movie_id order by f.distance, f.movie_id),
            array_agg(f.distance order by f.distance, f.movie_id)
        into ids, distances
        from (
            select * from unnest(ids, distances)
            union all
            select * from recsys_internal.nearest_by_norm(
                model, query, n, barred, filters, next, done, coalesce(1 - bound, 2))
        ) f (movie_id, distance);
        exit when plan.index_always;
        done := next;
        -- No cosine exceeds the norm (Cauchy-Schwarz): films with a smaller norm than the n-th
        -- best score cannot be better.
        bound := case when cardinality(ids) >= n then greatest(1 - rounding - distances[n], 0) end;
        if done <= 0 or bound >= done then
            return query select * from unnest(ids[: n], distances[: n]);
            return;
        end if;
        place := place + 2;
    end loop;
    if plan.allowed is null and plan.indexed then
        -- With the films that were read anyway: among thousands of very short vectors, which lie all
        -- in one place, a search in the index can lose its way. In order to the last digit, which
        -- the index does not keep.
        select array_agg(f.movie_id), array_agg(f.distance)
        into indexed_ids, indexed_distances
        from recsys_internal.nearest_by_index(model, query, measure, n, barred, filters) f;
        if cardinality(indexed_ids) = n then
            return query
            select f.movie_id, min(f.distance)
            from (
                select * from unnest(indexed_ids, indexed_distances)
                union all
                select * from unnest(ids, distances)
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
