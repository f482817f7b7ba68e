-- With A the user's equation and b the sum of the liked films e, a film h has the score h'A^-1 b,
-- and e adds h'A^-1 e to it (Hu, Koren, Volinsky 2008, section 5). Solving for each film takes
-- too long; instead, with y a rough solution of A y = h and z one of A z = e,
--     h'A^-1 e  =  y'e + h'z - y'A z  +  an error of second order.
-- That names the film that the exact solve names in 98 to 99 of 100 cases; recsys.explain solves
-- to the end.
create or replace function recsys_internal.find_reasons(
    model recsys.models,
    taste recsys_internal.taste,
    movie_ids bigint[]
)
returns bigint[]
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
#variable_conflict use_column
declare
    longest constant integer := 16000;  -- vector of pgvector
    diagonal vector;
    inverse vector;
    x vector;  -- A x = b
    b vector;
begin
    if taste.films is null or taste.embedding is null then
        return null;
    end if;
    diagonal := recsys_internal.user_diagonal(model, cardinality(taste.films));
    inverse := recsys_internal.user_preconditioner(diagonal, taste.films);
    x := recsys_internal.scaled(taste.embedding, model.item_norm);
    b := (select sum(e) from unnest(taste.films) e);
    return (
        with film as materialized (
            select v.movie_id, v.embedding as h,
                recsys_internal.roughly_solved(v.embedding, x, b, inverse) as y
            from recsys.movie_vectors v
            where v.model_id = model.model_id and v.movie_id = any (movie_ids)
        ),
        rough as materialized (
            select f.*, diagonal * f.y as dy, p.products, p.products[: longest]::vector as ye
            from film f
            cross join lateral (
                select array_agg(-(e <#> f.y)) as products from unnest(taste.films) e
            ) p
        ),
        candidate as materialized (
            select r.movie_id, c.*
            from rough r
            cross join lateral (
                select u.*
                from unnest(taste.film_ids, taste.films, r.products)
                    with ordinality as u (film_id, e, product, place)
                order by u.product desc
                limit 3
            ) c
        ),
        liked as materialized (
            select c.place, z, p.products[: longest]::vector as ze
            from (select distinct place, e from candidate) c
            cross join lateral recsys_internal.roughly_solved(c.e, x, b, inverse) z
            cross join lateral (
                select array_agg(-(e <#> z)) as products from unnest(taste.films) e
            ) p
        )
        select array_agg(best.film_id order by film.place)
        from unnest(movie_ids) with ordinality as film (movie_id, place)
        left join (
            select distinct on (c.movie_id) c.movie_id, c.film_id
            from candidate c
            join rough r on r.movie_id = c.movie_id
            join liked l on l.place = c.place
            order by c.movie_id,
                c.product - (r.h <#> l.z) + (r.dy <#> l.z) + (r.ye <#> l.ze) desc, c.film_id
        ) best on best.movie_id = film.movie_id
    );
end
$$;

comment on function recsys_internal.find_reasons is
    'For each film, the liked film that adds most to its score.';

-- Along x, A needs no product: there the solution is exact. What is left of h is divided by the
-- diagonal of A.
create or replace function recsys_internal.roughly_solved(
    h vector,
    x vector,
    b vector,
    inverse vector
)
returns vector
language plpgsql immutable
set search_path = pg_catalog, public, pg_temp
as $$
declare
    xb double precision := x <#> b;
    rest vector := inverse * (h - recsys_internal.scaled(b, (h <#> x) / xb));
begin
    return rest + recsys_internal.scaled(x, ((h <#> x) - (rest <#> b)) / xb);
end
$$;

comment on function recsys_internal.roughly_solved is
    'About A^-1 h, for the matrix A of a user''s equation A x = b; see find_reasons.';
