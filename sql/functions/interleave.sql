create or replace function recsys.interleave(
    user_id bigint,
    experiment text,
    k integer default 10,
    genres text[] default null,
    exclude_genres text[] default null,
    year_from integer default null,
    year_to integer default null,
    min_ratings integer default null,
    exclude_movies bigint[] default null,
    include_predicted_genres boolean default false,
    include_adult boolean default false
)
returns setof recsys.recommendation
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
declare
    variants constant recsys.experiment_variants[] := array(
        select v from recsys_internal.running_variants(interleave.experiment) v);
    films recsys.recommendation[];  -- of both lists
    film recsys.recommendation;
    drafted recsys.recommendation[] := '{}';
    ids bigint[] := '{}';
    first boolean;
begin
    perform recsys_internal.check_k(k);
    if cardinality(variants) not in (0, 2) then
        raise exception 'experiment is %: it has % variants, and two lists can be interleaved',
            quote_literal(interleave.experiment), cardinality(variants) using errcode = '22023';
    end if;
    select array_agg((
        r.rank, r.movie_id, r.title, r.year, r.genres, r.score, r.predicted_rating, r.source,
        r.because_movie_id, r.because_title, r.model_id, v.variant)::recsys.recommendation)
    into films
    from (select null::text as variant, null::bigint as model_id, null::boolean as rerank,
            null::real as diversity where variants = '{}'
        union all
        select variant, model_id, rerank, diversity from unnest(variants)) v
    cross join lateral recsys.recommend(
        interleave.user_id, k, interleave.genres, exclude_genres, year_from, year_to, min_ratings,
        exclude_movies, diversity => coalesce(v.diversity, 0), rerank => coalesce(v.rerank, true),
        model_id => v.model_id, include_predicted_genres => interleave.include_predicted_genres,
        include_adult => interleave.include_adult) r;
    -- A coin for each pair of places says which team picks first: the user's own, so that a list
    -- that is asked for again is the same.
    for place in 1 .. k loop
        first := (recsys_internal.chance(
            interleave.experiment, interleave.user_id, (place + 1) / 2) < 0.5) = (place % 2 = 1);
        select f.* into film
        from unnest(films) f
        where f.movie_id <> all (ids)
        order by f.variant is distinct from variants[case when first then 1 else 2 end].variant,
            f.rank
        limit 1;
        exit when not found;
        film.rank := place;
        drafted := drafted || film;
        ids := ids || film.movie_id;
    end loop;
    return query select (d).* from unnest(drafted) d;
end
$$;

comment on function recsys.interleave is
    'The lists of an experiment''s two variants as one, by team draft (Radlinski et al. 2008): in '
    'each pair of places a coin says which variant picks first, each picks its best film that is '
    'not there yet, and its rows say so in the column variant. Scores are those of the variants. '
    'While the experiment does not run, the list of recsys.recommend.';
