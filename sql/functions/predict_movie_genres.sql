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
    reader constant bigint := recsys_internal.find_genre_encoder(encoder);
    encoded vector;
begin
    perform recsys_internal.check_threshold(threshold);
    perform recsys_internal.check_movies(array[movie_id]);
    select v.embedding into encoded
    from recsys.movie_text_vectors v
    where v.encoder_id = reader and v.movie_id = predict_movie_genres.movie_id;
    if found then
        return query select * from recsys_internal.likely_genres(reader, encoded, threshold);
    end if;
end
$$;

comment on function recsys.predict_movie_genres is
    'The genres of a film by its texts, whatever genres it lists, best first; none where it has '
    'no text. The encoder is one of recsys.text_encoders.';
