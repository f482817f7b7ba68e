create or replace function recsys_internal.stars_of(
    ranker recsys.rankers,
    raters recsys_internal.rater[],
    movie_ids bigint[],
    worst boolean
)
returns real[]
language sql stable
as $$
    select array_agg(film.stars order by film.place)
    from (
        select p.place, case when worst then min(p.stars) else avg(p.stars)::real end as stars
        from unnest(raters) rater
        cross join lateral unnest(
            recsys_internal.predict_stars(ranker, rater, movie_ids)
        ) with ordinality as p (stars, place)
        group by p.place
    ) film
$$;

comment on function recsys_internal.stars_of is
    'For each film, the stars that several raters would give it on average, or the one who would '
    'give fewest; null without a ranker.';
