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
    films recsys.recommendation[];  -- the first variant's list, then the second's
    elsewhere integer[];  -- their ranks in the other list
    starts integer[];  -- what stands before each list
    ends integer[];
    taken integer[];  -- by list: up to where each film is drafted, by one variant or the other
    picked integer[] := '{}';
    team integer;
begin
    perform recsys_internal.check_k(k);
    if cardinality(variants) not in (0, 2) then
        raise exception 'experiment is %: it has % variants, and two lists can be interleaved',
            quote_literal(interleave.experiment), cardinality(variants) using errcode = '22023';
    end if;
    select array_agg((
        r.rank, r.movie_id, r.title, r.year, r.genres, r.score, r.predicted_rating, r.source,
        r.because_movie_id, r.because_title, r.model_id, v.variant)::recsys.recommendation
        order by team, r.rank)
    into films
    from generate_series(1, greatest(cardinality(variants), 1)) as team
    cross join lateral (select (variants[team]).*) v
    cross join lateral recsys.recommend(
        interleave.user_id, k, interleave.genres, exclude_genres, year_from, year_to, min_ratings,
        exclude_movies, diversity => coalesce(v.diversity, 0), rerank => coalesce(v.rerank, true),
        model_id => v.model_id, include_predicted_genres => interleave.include_predicted_genres,
        include_adult => interleave.include_adult) r;
    elsewhere := array(
        select o.rank
        from unnest(films) with ordinality as f
        left join unnest(films) o
            on o.movie_id = f.movie_id and o.variant is distinct from f.variant
        order by f.ordinality);
    starts := array[0, (
        select count(*) from unnest(films) f
        where f.variant is not distinct from variants[1].variant)];
    ends := array[starts[2], cardinality(elsewhere)];
    taken := starts;
    -- A coin for each pair of places says which team picks first: the user's own, so that a list
    -- that is asked for again is the same.
    for place in 1 .. k loop
        team := case when (recsys_internal.chance(
            interleave.experiment, interleave.user_id, (place + 1) / 2) < 0.5) = (place % 2 = 1)
            then 1 else 2 end;
        for attempt in 1 .. 2 loop  -- a team that has no film left leaves its place to the other
            while taken[team] < ends[team]
                and elsewhere[taken[team] + 1] <= taken[3 - team] - starts[3 - team] loop
                taken[team] := taken[team] + 1;
            end loop;
            exit when taken[team] < ends[team];
            team := 3 - team;
        end loop;
        exit when taken[team] = ends[team];
        taken[team] := taken[team] + 1;
        picked := picked || taken[team];
    end loop;
    return query
    select p.place::integer, f.movie_id, f.title, f.year, f.genres, f.score, f.predicted_rating,
        f.source, f.because_movie_id, f.because_title, f.model_id, f.variant
    from unnest(picked) with ordinality as p (film, place)
    join unnest(films) with ordinality as f on f.ordinality = p.film
    order by p.place;
end
$$;

comment on function recsys.interleave is
    'The lists of an experiment''s two variants as one, by team draft (Radlinski et al. 2008): in '
    'each pair of places a coin says which variant picks first, each picks its best film that is '
    'not there yet, and its rows say so in the column variant. Scores are those of the variants. '
    'While the experiment does not run, the list of recsys.recommend.';
