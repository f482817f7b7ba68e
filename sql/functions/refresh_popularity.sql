create or replace function recsys.refresh_popularity()
returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
set jit = off
as $$
begin
    update recsys.movies m
    set popularity = c.popularity
    from (
        select f.movie_id, coalesce(d.popularity, 0) as popularity
        from recsys.movies f
        left join recsys_internal.decayed_likes((recsys_internal.find_model(null)).half_life) d
            on d.movie_id = f.movie_id
    ) c
    where c.movie_id = m.movie_id
      -- Workers add up in any order, so that the last digits of an unchanged sum differ.
      and abs(m.popularity - c.popularity) > 1e-9 * c.popularity;
end
$$;

comment on function recsys.refresh_popularity is
    'Counts the likes of all films anew for movies.popularity, by the active model''s half-life. '
    'Loads, trainings and activations do so by themselves; between them, a scheduler may.';
