create or replace function recsys_internal.least_misery(
    model recsys.models,
    members recsys_internal.taste[],
    ranking vector,  -- the mean of the members'
    n integer,
    barred bigint[],
    filters recsys_internal.filters
)
returns table (movie_id bigint, score double precision)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    pool integer := greatest(n, 100);
    pool_ids bigint[];
    worst_mean double precision;
    ids bigint[];
    scores double precision[];
begin
    loop
        select array_agg(p.movie_id order by p.place), (1 - max(p.distance))
            * vector_norm(ranking) * model.item_norm
        into pool_ids, worst_mean
        from recsys_internal.nearest_movies(model, ranking, 'score', pool, barred, filters)
            with ordinality as p (movie_id, distance, place);
        select array_agg(l.movie_id order by l.place), array_agg(l.score order by l.place)
        into ids, scores
        from recsys_internal.least_scores(model, members, pool_ids, n)
            with ordinality as l (movie_id, score, place);
        -- A least score never exceeds the mean, so no film outside the pool can be better.
        exit when pool_ids is null or cardinality(pool_ids) < pool or scores[n] >= worst_mean;
        pool := least(pool * 4::bigint, 2147483647);
    end loop;
    return query select * from unnest(ids, scores);
end
$$;

comment on function recsys_internal.least_misery is
    'The n films with the best score of the member who likes them least, of all films that pass.';
