create or replace function recsys_internal.refresh_movie(movie_id bigint)
returns void
language plpgsql
as $$
#variable_conflict use_column
begin
    if exists (select from recsys.movies m where m.movie_id = refresh_movie.movie_id) then
        perform recsys_internal.refresh_text(e.encoder_id, refresh_movie.movie_id)
        from recsys_internal.term_encoders() e (encoder_id);
        perform recsys_internal.refresh_content_of(refresh_movie.movie_id);
        delete from recsys.movie_genres_predicted p
        where p.movie_id = refresh_movie.movie_id and exists (
            select from recsys.movie_genres g where g.movie_id = p.movie_id);
        perform recsys_internal.refresh_genre_norms(m.model_id, refresh_movie.movie_id)
        from recsys.models m;
    end if;
end
$$;

comment on function recsys_internal.refresh_movie is
    'Brings up to date what is made from a film''s content: its terms, its vectors; genres are '
    'predicted no longer once it lists some.';

-- With the owner's rights: a role that may write films needs no right to write what is made from
-- them.
-- A load or another change of many films sets recsys.bulk, and calls recsys.refresh_content().
create or replace function recsys_internal.movie_changed()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
set jit = off
as $$
begin
    if tg_op <> 'DELETE' then
        perform recsys_internal.refresh_movie(new.movie_id);
    end if;
    if tg_op = 'DELETE' or tg_op = 'UPDATE' and old.movie_id <> new.movie_id then
        perform recsys_internal.refresh_movie(old.movie_id);
    end if;
    return null;
end
$$;

comment on function recsys_internal.movie_changed is
    'Trigger: a film, its texts, genres, people or keywords changed.';

create or replace trigger movie_changed after insert or update of title, year on recsys.movies
for each row when (coalesce(current_setting('recsys.bulk', true), '') <> 'on')
execute function recsys_internal.movie_changed();

create or replace trigger movie_changed after insert or update or delete on recsys.movie_texts
for each row when (coalesce(current_setting('recsys.bulk', true), '') <> 'on')
execute function recsys_internal.movie_changed();

create or replace trigger movie_changed after insert or update or delete on recsys.movie_genres
for each row when (coalesce(current_setting('recsys.bulk', true), '') <> 'on')
execute function recsys_internal.movie_changed();

create or replace trigger movie_changed
after insert or update or delete on recsys.movie_keywords
for each row when (coalesce(current_setting('recsys.bulk', true), '') <> 'on')
execute function recsys_internal.movie_changed();

create or replace trigger movie_changed after insert or update or delete on recsys.movie_people
for each row when (coalesce(current_setting('recsys.bulk', true), '') <> 'on')
execute function recsys_internal.movie_changed();
