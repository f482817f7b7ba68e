create or replace function recsys_internal.order_scores(
    chosen recsys.orders,
    ordering recsys_internal.ordering,
    movie_ids bigint[],
    scores double precision[]
)
returns table (
    movie_id bigint, retrieval double precision, score double precision, popular double precision,
    age double precision
)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    weights constant double precision[] := ordering.weights;
    -- Each film counts as if it had a ten-thousandth of the most popular one's likes more.
    little constant double precision := 1e-4 * greatest(
        (select m.popularity from recsys.movies m
        order by m.popularity desc, m.liked_count desc, m.movie_id limit 1), 1e-9);
begin
    return query
    select c.movie_id, c.retrieval, weights[1] * c.retrieval - (f.outward::vector <#> ordering.leaning)
        + parts.popular + parts.age, parts.popular, parts.age
    from unnest(movie_ids, scores) as c (movie_id, retrieval)
    join recsys.movies m on m.movie_id = c.movie_id
    left join recsys.order_films f on f.model_id = chosen.model_id and f.movie_id = c.movie_id
    cross join lateral (
        select weights[4] * ln(m.popularity + little) + weights[5] * ln(m.liked_count + 0.5)
            as popular, weights[6] * nullif(f.age, 'NaN') as age
    ) parts;
end
$$;

comment on function recsys_internal.order_scores is
    'The scores by which films are put in order, and what popularity and age add to each; null for '
    'films of which the order has learned nothing.';
