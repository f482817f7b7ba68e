-- The vectors of the liked films are read where the user's own has to be solved, or where they are
-- asked for: they lie scattered, so that reading them takes longer than all else here.
create or replace function recsys_internal.find_taste(
    user_id bigint,
    model recsys.models,
    rated recsys_internal.rated,
    with_films boolean default false
)
returns recsys_internal.taste
language plpgsql stable
as $$
#variable_conflict use_column
declare
    taste recsys_internal.taste;
    stored recsys.user_vectors;
    liked bigint;
    digest bigint;
    fixed boolean;  -- the stored vector was imported, not made by the model's equation
    fresh boolean;
begin
    select * into stored
    from recsys.user_vectors u
    where u.user_id = find_taste.user_id and u.model_id = model.model_id;
    fixed := stored.user_id is not null and stored.liked_count is null;
    -- Liked films explain only a vector that was made from them: with a fixed one they stay null.
    if model.solve_diagonal is not null and not fixed then
        select count(*), bit_xor(recsys_internal.like_hash(r.movie_id)), array_agg(r.movie_id)
        into liked, digest, taste.film_ids
        from unnest(rated.movie_ids, rated.stars) as r (movie_id, rating)
        where r.rating >= model.liked_from;
    end if;
    fresh := fixed or (stored.liked_count, stored.liked_digest) = (liked, digest);
    if fresh is not true and taste.film_ids is not null then
        taste := recsys_internal.live_taste(model, taste.film_ids, stored.embedding);
    elsif fresh and with_films then
        select array_agg(v.movie_id order by v.movie_id),
            array_agg(v.embedding order by v.movie_id)
        into taste.film_ids, taste.films
        from unnest(taste.film_ids) as l (movie_id)
        join recsys.movie_vectors v on v.model_id = model.model_id and v.movie_id = l.movie_id;
    end if;
    if fresh then
        taste.embedding := stored.embedding;
        taste.ranking := stored.embedding;
        taste.source := 'personal';
    end if;
    if not vector_norm(taste.embedding) > 0 then
        return null;  -- none of the liked films has learned anything
    end if;
    if not with_films then
        taste.films := null;  -- the value is copied at each call that it is passed to
    end if;
    return taste;
end
$$;

comment on function recsys_internal.find_taste is
    'The user''s vector as of this statement: the trained one if the liked films are still those '
    'it was made from, else one folded in from them; null if there are none. With films, the liked '
    'films that the model knows, and their vectors.';
