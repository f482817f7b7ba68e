create or replace function recsys_internal.move_movie_details(
    to_movie_id bigint,
    from_movie_id bigint,
    out tags bigint,
    out genres bigint,
    out texts bigint,
    out people bigint,
    out keywords bigint
)
language plpgsql
as $$
begin
    with old as (
        delete from recsys.tags t where t.movie_id = from_movie_id
        returning t.user_id, t.tag, t.tagged_at
    )
    insert into recsys.tags (user_id, movie_id, tag, tagged_at)
    select old.user_id, to_movie_id, old.tag, old.tagged_at from old
    on conflict (user_id, movie_id, tag) do nothing;
    get diagnostics tags = row_count;
    -- The rest is deleted with its film.
    insert into recsys.movie_genres (movie_id, genre_id)
    select to_movie_id, g.genre_id
    from recsys.movie_genres g where g.movie_id = from_movie_id
    on conflict (movie_id, genre_id) do nothing;
    get diagnostics genres = row_count;
    insert into recsys.movie_texts (movie_id, kind, text)
    select to_movie_id, t.kind, t.text
    from recsys.movie_texts t where t.movie_id = from_movie_id
    on conflict (movie_id, kind) do nothing;
    get diagnostics texts = row_count;
    insert into recsys.movie_people (movie_id, person_id, role, position)
    select to_movie_id, p.person_id, p.role, p.position
    from recsys.movie_people p where p.movie_id = from_movie_id
    on conflict (movie_id, person_id, role) do nothing;
    get diagnostics people = row_count;
    insert into recsys.movie_keywords (movie_id, keyword)
    select to_movie_id, k.keyword
    from recsys.movie_keywords k where k.movie_id = from_movie_id
    on conflict (movie_id, keyword) do nothing;
    get diagnostics keywords = row_count;
end
$$;

comment on function recsys_internal.move_movie_details is
    'Gives a film another''s tags, genres, texts, people and keywords that it lacks; counts them.';
