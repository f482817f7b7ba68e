-- With A the user's equation and b the sum of the liked films e, a film h has the score h'A^-1 b,
-- and e adds h'A^-1 e to it (Hu, Koren, Volinsky 2008, section 5). Solving for each film takes
-- too long; instead, with y a rough solution of A y = h and z a closer one of A z = e,
--     h'A^-1 e  =  y'e + h'z - y'A z  +  an error of second order.
-- That names the film that the exact solve names in 98 of 100 cases or more; recsys.explain
-- solves to the end.
create or replace function recsys_internal.find_reasons(
    model recsys.models,
    taste recsys_internal.taste,
    movie_ids bigint[]
)
returns bigint[]
language plpgsql stable
as $$
#variable_conflict use_column
declare
    films vector[] := taste.films[: 16000];  -- more do not fit into a vector of products
    diagonal vector;
    inverse vector;
    x vector;  -- A x = b
    b vector;
    own vector;  -- e'x of each liked film e
begin
    if taste.films is null or taste.embedding is null then
        return null;
    end if;
    diagonal := recsys_internal.user_diagonal(model, cardinality(films));
    inverse := recsys_internal.user_preconditioner(diagonal, films);
    x := recsys_internal.scaled(taste.embedding, model.item_norm);
    select sum(f.e), array_agg(-(f.e <#> x) order by f.place)::vector into b, own
    from unnest(films) with ordinality as f (e, place);
    if not -(x <#> b) > 0 then
        return null;  -- the liked films have learned nothing, so none of them adds anything
    end if;
    return (
        with film as materialized (
            select v.movie_id, v.embedding as h,
                recsys_internal.roughly_solved(v.embedding, x, b, inverse) as y
            from recsys.movie_vectors v
            where v.model_id = model.model_id and v.movie_id = any (movie_ids)
        ),
        rough as materialized (
            select f.*, diagonal * f.y as dy, p.products, p.products::vector as ye
            from film f
            cross join lateral (
                select array_agg(-(l.e <#> f.y) order by l.place) as products
                from unnest(films) with ordinality as l (e, place)
            ) p
        ),
        candidate as materialized (
            -- The best and what comes close to it: the rest is not worth a solve.
            select c.*, count(*) over (partition by c.movie_id) > 1 as contested
            from (
                select r.movie_id, u.product, u.place, max(u.product) over film as most
                from rough r
                cross join lateral (
                    select u.* from unnest(r.products) with ordinality as u (product, place)
                    order by u.product desc limit 3
                ) u
                window film as (partition by r.movie_id)
            ) c
            where c.product >= c.most - 0.1 * abs(c.most)
        ),
        liked as materialized (
            select c.place, s.z, s.ze
            from (select distinct place from candidate where contested) c
            cross join lateral recsys_internal.closely_solved(
                films[c.place], x, b, own, diagonal, inverse, films) s
        )
        select array_agg(best.film_id order by film.place)
        from unnest(movie_ids) with ordinality as film (movie_id, place)
        left join (
            select distinct on (c.movie_id) c.movie_id, taste.film_ids[c.place] as film_id
            from candidate c
            join rough r on r.movie_id = c.movie_id
            left join liked l on l.place = c.place
            order by c.movie_id,
                c.product - (r.h <#> l.z) + (r.dy <#> l.z) + (r.ye <#> l.ze) desc, film_id
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

-- The rough solution, and from there one step of conjugate gradient, for which A is made of the
-- sixteen films only that matter most: to scale and add up vectors is what takes time here.
create or replace function recsys_internal.closely_solved(
    h vector,
    x vector,
    b vector,
    own vector,
    diagonal vector,
    inverse vector,
    films vector[],
    out z vector,
    out ze vector
)
language plpgsql immutable
as $$
declare
    xb double precision := x <#> b;
    rest vector := inverse * (h - recsys_internal.scaled(b, (h <#> x) / xb));
    along double precision := ((h <#> x) - (rest <#> b)) / xb;
    products real[] := array(select -(e <#> rest) from unnest(films) e);
    residual vector;
    direction vector;
    steps vector;
    step double precision;
begin
    residual := h - diagonal * rest - recsys_internal.scaled(b, along) - (
        select sum(recsys_internal.scaled(films[p.place], p.product))
        from (
            select * from unnest(products) with ordinality as p (product, place)
            order by abs(p.product) desc limit 16
        ) p);
    direction := inverse * residual;
    direction := direction - recsys_internal.scaled(x, (direction <#> b) / xb);
    steps := array(select -(e <#> direction) from unnest(films) e)::vector;
    step := coalesce((residual <#> direction)
        / nullif(((diagonal * direction) <#> direction) + (steps <#> steps), 0), 0);
    z := rest + recsys_internal.scaled(x, along) + recsys_internal.scaled(direction, step);
    ze := products::vector + recsys_internal.scaled(own, along)
        + recsys_internal.scaled(steps, step);
end
$$;

comment on function recsys_internal.closely_solved is
    'Closer to A^-1 h than roughly_solved, and its products with the liked films.';
