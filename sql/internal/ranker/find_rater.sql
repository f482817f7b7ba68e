-- The facts are shrunk towards the average of all users, as by five ratings, or one for the time.
-- The ranker learned with the same facts: see recsys/models/ranker.py.
create or replace function recsys_internal.find_rater(
    user_id bigint,
    ranker recsys.rankers,
    rated recsys_internal.rated
)
returns recsys_internal.rater
language plpgsql stable
as $$
#variable_conflict use_column
declare
    rater recsys_internal.rater;
    stored recsys.ranker_users;
    counted record;
    facts vector;
    seen vector;  -- (m, 1), and the facts
begin
    if ranker.model_id is null then
        return null;
    end if;
    if rated.movie_ids is not null then
        select * into stored
        from recsys.ranker_users u
        where u.user_id = find_rater.user_id and u.model_id = ranker.model_id;
    end if;
    select count(*) as n, coalesce(var_pop(r.rating::double precision), 0) as variance,
        count(*) filter (where r.rating <> floor(r.rating)) as halves,
        coalesce(sum(date_part('epoch', least(greatest(
            r.rated_at, ranker.oldest_rated_at), ranker.newest_rated_at)
            - ranker.mean_rated_at)), 0) as seconds,
        bit_xor(recsys_internal.rating_hash(r.movie_id, r.rating)) as digest
    into counted
    from unnest(rated.movie_ids, rated.stars, rated.rated_at) as r (movie_id, rating, rated_at);
    if (stored.rating_count, stored.rating_digest) = (counted.n, counted.digest) then
        rater.embedding := stored.embedding;
    else
        rater.embedding := recsys_internal.solve_rater(ranker, rated, stored.embedding);
    end if;
    rater.embedding := subvector(rater.embedding, 1, vector_dims(ranker.ridge) - 1) || '[1]';
    facts := array[
        ln(1 + counted.n),
        sqrt((counted.n * counted.variance + ranker.typical_ratings * ranker.rating_variance)
            / (counted.n + ranker.typical_ratings)),
        (counted.halves + ranker.typical_ratings * ranker.half_share)
            / (counted.n + ranker.typical_ratings),
        counted.seconds / (counted.n + 1) / ranker.time_unit
    ]::vector;
    seen := rater.embedding || facts;
    select array_agg(u.bias - (u.user_weights <#> seen) order by u.unit),
        array_agg(u.weights + u.pair_weights * rater.embedding order by u.unit)
    into rater.biases, rater.weights
    from recsys.ranker_units u
    where u.model_id = ranker.model_id and u.layer = 1;
    return rater;
end
$$;

comment on function recsys_internal.find_rater is
    'The user as the ranker sees them, as of this statement: the learned vector if their ratings '
    'are still the same, else a newly solved one. Null without a ranker.';

create or replace function recsys_internal.solve_rater(
    ranker recsys.rankers,
    rated recsys_internal.rated,
    start vector
)
returns vector
language plpgsql stable
as $$
#variable_conflict use_column
declare
    dimensions constant integer := vector_dims(ranker.ridge);
    films vector[];
    spread vector;
    target vector;
begin
    select array_agg(f.features), sum(f.spread), sum(recsys_internal.scaled(
        f.features, r.rating - ranker.mean - (f.features::real[])[dimensions]))
    into films, spread, target
    from unnest(rated.movie_ids, rated.stars) as r (movie_id, rating)
    join recsys.ranker_films f on f.model_id = ranker.model_id and f.movie_id = r.movie_id;
    if films is null then
        return array_fill(0, array[dimensions])::vector;
    end if;
    return recsys_internal.solve_user(
        ranker.ridge + (spread || array_fill(
            0, array[dimensions - vector_dims(spread)])::vector),
        films, target, start, 1e-6);
end
$$;

comment on function recsys_internal.solve_rater is
    'The user''s vector m, and 0, from their ratings; zeros if there are none of known films.';
