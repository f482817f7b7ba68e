create or replace function recsys_internal.order_scores(
    chosen recsys.orders,
    ordering recsys_internal.ordering,
    movie_ids bigint[],
    scores double precision[]
)
returns table (
    movie_id bigint, score double precision, of_retrieval double precision,
    popular double precision, age double precision
)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    weights constant double precision[] := ordering.weights;
    typical constant double precision[] := chosen.typical_inputs;
    of_retrieval constant double precision := weights[1] * typical[1] + weights[2] * typical[2]
        + weights[3] * typical[3];
    -- Each film counts as if it had a ten-thousandth of the most popular one's likes more.
    little constant double precision := 1e-4 * greatest(
        (select m.popularity from recsys.movies m
        order by m.popularity desc, m.liked_count desc, m.movie_id limit 1), 1e-9);
begin
    return query
    select c.movie_id,
        part.of_retrieval * c.score + part.additive + part.popular + part.age,
        part.of_retrieval, part.popular, part.age
    from unnest(movie_ids, scores) as c (movie_id, score)
    join recsys.movies m on m.movie_id = c.movie_id
    left join recsys.order_films f
        on f.model_id = chosen.model_id and f.movie_id = c.movie_id and f.age <> 'NaN'
    cross join lateral (
        select weights[1] as of_retrieval, -(f.outward::vector <#> ordering.leaning) as additive,
            weights[4] * ln(m.popularity + little) + weights[5] * ln(m.liked_count + 0.5)
                as popular, weights[6] * f.age as age
        where f.movie_id is not null
        union all
        select of_retrieval, 0, weights[4] * typical[4] + weights[5] * typical[5],
            weights[6] * typical[6]
        where f.movie_id is null
    ) part;
end
$$;

comment on function recsys_internal.order_scores is
    'The scores by which films are put in order, given those of retrieval; what these count, and '
    'what popularity and age add.';
