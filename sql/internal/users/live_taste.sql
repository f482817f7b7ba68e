create or replace function recsys_internal.live_taste(
    model recsys.models,
    liked bigint[],
    start vector default null  -- a vector of the user's from before, where there is one
)
returns recsys_internal.taste
language plpgsql stable
as $$
declare
    taste recsys_internal.taste;
begin
    select array_agg(v.movie_id order by v.movie_id), array_agg(v.embedding order by v.movie_id)
    into taste.film_ids, taste.films
    from unnest(liked) as l (movie_id)
    join recsys.movie_vectors v on v.model_id = model.model_id and v.movie_id = l.movie_id;
    if taste.films is null or model.solve_diagonal is null then
        return null;
    end if;
    taste.embedding := recsys_internal.scaled(
        recsys_internal.solve_user(
            recsys_internal.user_diagonal(model, cardinality(taste.films)), taste.films,
            (select sum(f.e) from unnest(taste.films) f (e)),
            case when start is not null then
                recsys_internal.scaled(start, model.item_norm) end),
        1 / model.item_norm);
    taste.ranking := taste.embedding;
    if cardinality(taste.films) < 3 then
        taste.ranking := taste.embedding + model.prior;
    end if;
    taste.source := 'live';
    if not vector_norm(taste.embedding) > 0 then
        return null;  -- none of the liked films has learned anything
    end if;
    return taste;
end
$$;

comment on function recsys_internal.live_taste is
    'The vector of a user who likes these films, folded in by the model''s own equation, with the '
    'films that the model knows, and their vectors; null if that is none, or without an equation.';
