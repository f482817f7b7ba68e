create or replace function recsys.refresh_content()
returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
set jit = off
as $$
begin
    perform recsys_internal.refresh_texts();
    if recsys_internal.may_write_vectors() then
        perform recsys_internal.refresh_content((recsys_internal.find_model(null)).model_id);
    end if;
    -- Of all models, and even so: a film must never be of a genre that it was of before.
    perform recsys_internal.refresh_genre_norms(m.model_id) from recsys.models m;
    delete from recsys.movie_genres_predicted p
    where exists (select from recsys.movie_genres g where g.movie_id = p.movie_id);
end
$$;

comment on function recsys.refresh_content is
    'Brings up to date what is made from films'' texts, genres, people and keywords. Changes of '
    'single films do so by themselves; changes of many, made with set recsys.bulk = on, need it.';
