create or replace function recsys_internal.predict_stars(
    ranker recsys.rankers,
    rater recsys_internal.rater,
    movie_ids bigint[]
)
returns real[]
language plpgsql stable
as $$
#variable_conflict use_column
begin
    if ranker.model_id is null then
        return null;
    end if;
    return array(
        -- Materialized: each film asks all units of both layers.
        with units_1 as materialized (
            select u.bias, u.weights from unnest(rater.biases, rater.weights) as u (bias, weights)
        ),
        units_2 as materialized (
            select u.bias, u.weights
            from recsys.ranker_units u
            where u.model_id = ranker.model_id and u.layer = 2
            order by u.unit
        )
        select least(greatest(
            ranker.mean - (rater.embedding <#> film.features) + last.bias
            - (last.weights <#> second.layer), 0.5), 5)
        from unnest(movie_ids) with ordinality as given (movie_id, place)
        left join recsys.ranker_films f
            on f.model_id = ranker.model_id and f.movie_id = given.movie_id
        cross join lateral (
            select coalesce(f.features, recsys_internal.ranker_features(ranker, given.movie_id))
        ) film (features)
        cross join lateral (
            select array(
                select greatest(u.bias - (u.weights <#> film.features), 0) from units_1 u
            )::vector
        ) first (layer)
        cross join lateral (
            select array(
                select greatest(u.bias - (u.weights <#> first.layer), 0) from units_2 u
            )::vector
        ) second (layer)
        join recsys.ranker_units last on last.model_id = ranker.model_id and last.layer = 3
        order by given.place);
end
$$;

comment on function recsys_internal.predict_stars is
    'For each film, the stars that a rater would give it; null without a ranker.';
