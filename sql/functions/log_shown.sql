create or replace function recsys.log_shown(
    user_id bigint,
    movie_ids bigint[],  -- in the order of the list
    model_id bigint default null,
    experiment text default null,
    variants text[] default null,  -- of each film; by default all that of the user
    propensities real[] default null,  -- of each film
    shown_at timestamptz default now()
)
returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
declare
    own constant text := case when experiment is not null and variants is null then
        recsys.variant_of(log_shown.user_id, log_shown.experiment) end;
begin
    if user_id is null then
        raise exception 'user_id is null: name the user' using errcode = '22023';
    end if;
    perform recsys_internal.check_movies(movie_ids);
    perform recsys_internal.check_time('shown_at', shown_at);
    if cardinality(variants) <> cardinality(movie_ids)
        or cardinality(propensities) <> cardinality(movie_ids)
    then
        raise exception 'movie_ids are %: give as many variants and propensities, or none',
            cardinality(movie_ids) using errcode = '22023';
    end if;
    if exists (select 1 from unnest(propensities) p where p <= 0 or p > 1) then
        raise exception 'propensities are %: each is above 0, up to 1', propensities
            using errcode = '22023';
    end if;
    insert into recsys.impressions (
        user_id, shown_at, movie_id, rank, model_id, experiment, variant, propensity)
    -- A clock that runs ahead would show films after they were clicked.
    select log_shown.user_id, least(log_shown.shown_at, now()), f.movie_id, f.rank,
        log_shown.model_id, log_shown.experiment, coalesce(f.variant, own), f.propensity
    from unnest(movie_ids, variants, propensities)
        with ordinality as f (movie_id, variant, propensity, rank)
    on conflict (user_id, shown_at, movie_id) do nothing;
end
$$;

comment on function recsys.log_shown is
    'Writes that a user was shown a list of films, for the comparison of variants and for lists '
    'that change: once for the same time, however often it is called. propensities tell how '
    'likely each film was to get its place.';
