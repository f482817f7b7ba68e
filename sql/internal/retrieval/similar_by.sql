-- Likenesses by ratings and by plot do not compare, so their ranks are added up: reciprocal rank
-- fusion (Cormack, Clarke, Buettcher, SIGIR 2009).
create or replace function recsys_internal.similar_by(
    way text,
    film_id bigint,
    factors vector,  -- of the film; null if the model has none
    model recsys.models,
    encoder text,
    distance text,
    n integer,
    barred bigint[],
    filters recsys_internal.filters
)
returns table (movie_id bigint, score double precision, source text)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    pool constant integer := case way
        when 'both' then least(greatest(5::bigint * n, 100), 2147483647) else n end;
begin
    if way = 'ratings' then
        return query
        select r.movie_id, 1 - r.distance, 'personal'
        from recsys_internal.nearest_movies(
            model, factors, 'likeness', pool, barred, filters) r;
    elsif way = 'plot' then
        return query
        select p.movie_id, p.score, 'content'
        from recsys_internal.similar_plots(
            film_id, recsys_internal.known_encoder(encoder), distance, pool, barred,
            filters) p;
    else
        return query
        select f.movie_id, sum(1.0::double precision / (60 + f.place)), max(f.source)
        from (
            select r.*, row_number() over (order by r.score desc, r.movie_id) as place
            from recsys_internal.similar_by(
                'ratings', film_id, factors, model, encoder, distance, pool, barred,
                filters) r
            union all
            select p.*, row_number() over (order by p.score desc, p.movie_id)
            from recsys_internal.similar_by(
                'plot', film_id, factors, model, encoder, distance, pool, barred, filters) p
        ) f
        group by f.movie_id
        order by 2 desc, 1
        limit n;
    end if;
end
$$;

comment on function recsys_internal.similar_by is
    'The n films most like one by ratings, plot or both; their source is personal if they are '
    'alike by ratings.';
