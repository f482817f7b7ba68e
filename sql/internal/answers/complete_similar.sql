create or replace function recsys_internal.complete_similar(
    model recsys.models,
    ids bigint[],
    scores double precision[],
    sources text[],
    k integer,
    barred bigint[],
    filters recsys_internal.filters
)
returns setof recsys.similar_movie
language plpgsql stable
as $$
#variable_conflict use_column
declare
    found constant integer := coalesce(cardinality(ids), 0);
begin
    return query
    select a.place::integer, a.movie_id, d.title, d.year, d.genres, a.score, a.source,
        case a.source when 'personal' then model.model_id end
    from unnest(ids, scores, sources) with ordinality as a (movie_id, score, source, place)
    cross join lateral recsys_internal.describe_movie(a.movie_id) d
    order by a.place;
    if found < k then
        return query
        select found + p.place::integer, p.movie_id, d.title, d.year, d.genres,
            p.popularity, 'popular', null::bigint
        from recsys_internal.popular_movies(k - found, barred || ids, filters)
            with ordinality as p (movie_id, popularity, place)
        cross join lateral recsys_internal.describe_movie(p.movie_id) d
        order by p.place;
    end if;
end
$$;

comment on function recsys_internal.complete_similar is
    'Ranks and describes films that resemble others; popular ones fill the list up to k.';
