create or replace function recsys_internal.find_reasons(
    chosen recsys.orders,
    ordering recsys_internal.ordering,
    movie_ids bigint[]
)
returns bigint[]
language plpgsql stable
as $$
#variable_conflict use_column
begin
    return (
        with liked as materialized (
            select l.movie_id, l.share, f.liked || f.rated as vector
            from unnest(ordering.film_ids, ordering.shares, ordering.likes)
                as l (movie_id, share, likes)
            join recsys.order_films f
                on f.model_id = chosen.model_id and f.movie_id = l.movie_id
            where l.likes and l.share > 0
        )
        select array_agg(best.movie_id order by film.place)
        from unnest(movie_ids) with ordinality as film (movie_id, place)
        left join recsys.order_films o
            on o.model_id = chosen.model_id and o.movie_id = film.movie_id and o.age <> 'NaN'
        left join lateral (
            select c.movie_id
            from (
                select l.movie_id, l.share * (o.outward <#> l.vector) as taken
                from liked l
                offset 0  -- else it is computed to filter, and again to sort
            ) c
            where c.taken < 0
            order by c.taken, c.movie_id
            limit 1
        ) best on true
    );
end
$$;

comment on function recsys_internal.find_reasons is
    'For each film, the liked film that adds most to its additive score; null where none adds '
    'anything.';
