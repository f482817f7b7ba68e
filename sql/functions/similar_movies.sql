create or replace function recsys.similar_movies(
    movie_id bigint,
    k integer default 10,
    genres text[] default null,
    exclude_genres text[] default null,
    year_from integer default null,
    year_to integer default null,
    min_ratings integer default null,
    exclude_movies bigint[] default null,
    model_id bigint default null,
    include_predicted_genres boolean default false,
    by text default 'ratings',  -- or plot, or both
    encoder text default 'terms',  -- whose text vectors plots are compared by
    distance text default 'cosine',
    include_adult boolean default false
)
returns setof recsys.similar_movie
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
#variable_conflict use_column
declare
    model recsys.models := recsys_internal.find_model(similar_movies.model_id);
    filters recsys_internal.filters := recsys_internal.find_filters(
        genres, exclude_genres, year_from, year_to, min_ratings, include_predicted_genres,
        include_adult);
    barred bigint[] := similar_movies.movie_id || recsys_internal.present(exclude_movies)
        || filters.hidden;
    factors vector := recsys_internal.factors_of(model, array[similar_movies.movie_id]);
    way text := by;
    ids bigint[];
    scores double precision[];
    sources text[];
begin
    perform recsys_internal.check_k(k);
    perform recsys_internal.check_movies(array[similar_movies.movie_id]);
    perform recsys_internal.check_choice('by', by, '{ratings,plot,both}');
    if by <> 'plot' and factors is null
            and (recsys_internal.find_encoder('terms')).encoder_id is not null then
        way := 'plot';  -- the model has no factors of this film
    end if;
    select array_agg(s.movie_id order by s.place), array_agg(s.score order by s.place),
        array_agg(s.source order by s.place)
    into ids, scores, sources
    from recsys_internal.similar_by(
        way, similar_movies.movie_id, factors, model, encoder, distance, k, barred, filters)
        with ordinality as s (movie_id, score, source, place);
    return query select * from recsys_internal.complete_similar(
        model, ids, scores, sources, k, barred, filters);
end
$$;

comment on column recsys.similar_movie.rank is 'Place in the list; 1 is the most alike, or the most popular.';
comment on column recsys.similar_movie.movie_id is 'Id of the film.';
comment on column recsys.similar_movie.title is 'Title of the film.';
comment on column recsys.similar_movie.year is 'Its year of release.';
comment on column recsys.similar_movie.genres is 'Names of its genres.';
comment on column recsys.similar_movie.score is
    'Higher is more alike, or liked by more; comparable among rows of one source alone.';
comment on column recsys.similar_movie.source is
    'Where the row came from: personal (ratings), content (plots) or popular.';
comment on column recsys.similar_movie.model_id is
    'Id of the model that answered; null where none did.';

comment on function recsys.similar_movies is
    'The k films most like one: by ratings, those that the same people like, by the angle between '
    'learned vectors; by plot, those whose texts are alike; or by both. A film without learned '
    'factors is compared by its plot. Popular films come where neither is known.';
