create or replace function recsys_internal.complete_recommendations(
    model recsys.models,
    source text,
    ids bigint[],
    scores double precision[],
    stars real[],
    because bigint[],
    k integer,
    barred bigint[],
    filters recsys_internal.filters,
    ranker recsys.rankers,
    raters recsys_internal.rater[],
    worst boolean default false,
    shown recsys_internal.shown default null,
    variant text default null
)
returns setof recsys.recommendation
language plpgsql stable
as $$
#variable_conflict use_column
declare
    found constant integer := coalesce(cardinality(ids), 0);
    popular_ids bigint[];
    popularities double precision[];
begin
    return query
    select a.place::integer, a.movie_id, d.title, d.year, d.genres, a.score, a.stars,
        case when v.content then 'content' else source end, a.because, m.title, model.model_id,
        variant
    from unnest(ids, scores, stars, because)
        with ordinality as a (movie_id, score, stars, because, place)
    cross join lateral recsys_internal.describe_movie(a.movie_id) d
    join recsys.movie_vectors v on v.model_id = model.model_id and v.movie_id = a.movie_id
    left join recsys.movies m on m.movie_id = a.because
    order by a.place;
    if found < k then
        select array_agg(p.movie_id order by p.place), array_agg(p.popularity order by p.place)
        into popular_ids, popularities
        from recsys_internal.popular_movies(
            recsys_internal.reach(k - found, shown), barred || ids, filters)
            with ordinality as p (movie_id, popularity, place);
        if shown.movie_ids is not null then
            select array_agg(popular_ids[s.place] order by s.rank),
                array_agg(popularities[s.place] order by s.rank)
            into popular_ids, popularities
            from recsys_internal.step_back(popular_ids, shown, k - found)
                with ordinality as s (place, rank);
        end if;
        return query
        select found + p.place::integer, p.movie_id, d.title, d.year, d.genres,
            p.popularity, p.stars, 'popular', null::bigint, null::text,
            null::bigint, variant
        from unnest(
            popular_ids, popularities,
            recsys_internal.stars_of(ranker, raters, popular_ids, worst))
            with ordinality as p (movie_id, popularity, stars, place)
        cross join lateral recsys_internal.describe_movie(p.movie_id) d
        order by p.place;
    end if;
end
$$;

comment on function recsys_internal.complete_recommendations is
    'Ranks films and says what and why they are; popular ones fill the list up to k.';
