create or replace function recsys_internal.complete_similar(
    model recsys.models,
    query vector,
    k integer,
    barred bigint[],
    filters recsys_internal.filters
)
returns setof recsys.similar_movie
language plpgsql stable
as $$
#variable_conflict use_column
declare
    ids bigint[];
    likeness double precision[];
    found integer;
begin
    select array_agg(n.movie_id), array_agg(1 - n.distance) into ids, likeness
    from recsys_internal.nearest_movies(model, query, 'likeness', k, barred, filters) n;
    found := coalesce(cardinality(ids), 0);
    return query
    select a.place::integer, a.movie_id, d.title, d.year, d.genres, a.score, 'personal',
        model.model_id
    from unnest(ids, likeness) with ordinality as a (movie_id, score, place)
    cross join lateral recsys_internal.describe_movie(a.movie_id) d
    order by a.place;
    if found < k then
        return query
        select found + p.place::integer, p.movie_id, d.title, d.year, d.genres,
            p.liked_count::double precision, 'popular', null::bigint
        from recsys_internal.popular_movies(k - found, barred || ids, filters)
            with ordinality as p (movie_id, liked_count, place)
        cross join lateral recsys_internal.describe_movie(p.movie_id) d
        order by p.place;
    end if;
end
$$;

comment on function recsys_internal.complete_similar is
    'The k films whose learned factors point most nearly where the query does, ranked and '
    'described; popular ones fill the list up to k.';
