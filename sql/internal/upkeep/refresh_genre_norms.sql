-- Rows that stay as they are are not even locked. A range serves one film by the index as well as all
-- films; `movie_id is null or` would read the list of all for one.
create or replace function recsys_internal.refresh_genre_norms(
    model_id bigint,
    movie_id bigint default null  -- null: of all films
)
returns void
language sql
as $$
    delete from recsys.genre_norms n
    where n.model_id = refresh_genre_norms.model_id
      and n.movie_id between coalesce(refresh_genre_norms.movie_id, -9223372036854775808)
        and coalesce(refresh_genre_norms.movie_id, 9223372036854775807)
      and not exists (
        select from recsys.movie_genres g
        join recsys.movie_vectors v
            on v.model_id = refresh_genre_norms.model_id and v.movie_id = g.movie_id
        where g.movie_id = n.movie_id and g.genre_id = n.genre_id and v.norm = n.norm);
    insert into recsys.genre_norms (model_id, genre_id, movie_id, norm)
    select v.model_id, g.genre_id, v.movie_id, v.norm
    from recsys.movie_vectors v
    join recsys.movie_genres g on g.movie_id = v.movie_id
    where v.model_id = refresh_genre_norms.model_id
      and v.movie_id between coalesce(refresh_genre_norms.movie_id, -9223372036854775808)
        and coalesce(refresh_genre_norms.movie_id, 9223372036854775807)
      and not exists (
        select from recsys.genre_norms n
        where n.model_id = v.model_id and n.movie_id = v.movie_id and n.genre_id = g.genre_id)
    order by g.genre_id, v.norm desc, v.movie_id  -- as they are read
    on conflict (model_id, movie_id, genre_id) do update set norm = excluded.norm
$$;

comment on function recsys_internal.refresh_genre_norms is
    'Brings a model''s lists of the films of each genre up to date, for one film or all.';
