-- What the user rated lies scattered over the table, and takes longest to read: it is read once, for
-- scores and reasons. Vectors are summed by their share, and the sums weighted then: to scale each
-- would take longer than to add it.
create or replace function recsys_internal.order_scores(
    chosen recsys.orders,
    ordering recsys_internal.ordering,
    movie_ids bigint[],
    scores double precision[],
    explained integer default null  -- so many of the best get a reason; null: all
)
returns table (
    place bigint, movie_id bigint, score double precision, of_retrieval double precision,
    popular double precision, age double precision, because bigint
)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    half constant double precision := 0.5;  -- as a numeric, its logarithm takes long
    nothing halfvec;
    weights constant double precision[] := ordering.weights;
    typical constant double precision[] := chosen.typical_inputs;
    of_retrieval constant double precision := weights[1] * typical[1] + weights[2] * typical[2]
        + weights[3] * typical[3];
    -- Each film counts as if it had a ten-thousandth of the most popular one's likes more.
    little constant double precision := 1e-4 * greatest(
        (select m.popularity from recsys.movies m
        order by m.popularity desc, m.liked_count desc, m.movie_id limit 1), 1e-9);
begin
    if chosen.model_id is null then
        return;
    end if;
    nothing := array_fill(0, array[chosen.directions])::halfvec;
    return query
    with rated as materialized (
        select r.movie_id, r.share, r.likes and r.share > 0 as adds,
            case when r.likes then f.liked else nothing end || f.rated as vector
        from unnest(ordering.film_ids, ordering.shares, ordering.likes)
            as r (movie_id, share, likes)
        join recsys.order_films f
            on f.model_id = chosen.model_id and f.movie_id = r.movie_id
    ),
    leaning as materialized (
        select coalesce(sum(recsys_internal.scaled(s.total, s.share)), (nothing || nothing)::vector)
            as vector
        from (
            select r.share, sum(r.vector::vector) as total
            from rated r
            where weights is not null
            group by r.share
        ) s
    ),
    scored as (
        select c.*, part.*, f.outward,
            part.of_retrieval * c.score + part.additive + part.popular + part.age as sum
        from unnest(movie_ids, scores) with ordinality as c (movie_id, score, place)
        join recsys.movies m on m.movie_id = c.movie_id
        left join recsys.order_films f
            on f.model_id = chosen.model_id and f.movie_id = c.movie_id and f.age <> 'NaN'
        cross join lateral (
            select weights[1] as of_retrieval,
                -(f.outward::vector <#> (select l.vector from leaning l)) as additive,
                weights[4] * ln(m.popularity + little) + weights[5] * ln(m.liked_count + half)
                    as popular, weights[6] * f.age as age
            where f.movie_id is not null
            union all
            select of_retrieval, 0, weights[4] * typical[4] + weights[5] * typical[5],
                weights[6] * typical[6]
            where f.movie_id is null
        ) part
    ),
    ranked as (
        select s.*, row_number() over (order by s.sum desc, s.movie_id) as rank from scored s
    )
    select s.place, s.movie_id, s.sum, s.of_retrieval, s.popular, s.age,
        case when explained is null or s.rank <= explained then (
            select r.movie_id
            from (
                select r.movie_id, r.share * (s.outward <#> r.vector) as taken
                from rated r
                where r.adds
                offset 0  -- else it is computed to filter, and again to sort
            ) r
            where r.taken < 0
            order by r.taken, r.movie_id
            limit 1)
        end
    from ranked s;
end
$$;

comment on function recsys_internal.order_scores is
    'The scores by which films are put in order, given those of retrieval; what these count, what '
    'popularity and age add, and the liked film that adds most, null where none adds anything. '
    'No rows without an order.';
