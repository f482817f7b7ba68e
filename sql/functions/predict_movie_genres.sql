create or replace function recsys.predict_movie_genres(
    movie_id bigint,
    threshold real default null,
    encoder text default 'terms'
)
returns setof recsys.predicted_genre
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
    encoder_id bigint := recsys_internal.find_genre_encoder(encoder);
begin
    perform recsys_internal.check_movies(array[movie_id]),
        recsys_internal.check_probability(threshold);
    return query
    select g.*
    from recsys.movie_text_vectors v
    cross join lateral recsys_internal.likely_genres(v.encoder_id, v.embedding, threshold) g
    where v.encoder_id = predict_movie_genres.encoder_id and v.movie_id = predict_movie_genres.movie_id;
end
$$;

comment on function recsys.predict_movie_genres is
    'The genres of a film by its texts, whatever genres it lists, best first; none where it has '
    'no text. The encoder is one of recsys.text_encoders.';
