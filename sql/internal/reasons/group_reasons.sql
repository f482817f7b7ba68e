create or replace function recsys_internal.group_reasons(
    model recsys.models,
    members recsys_internal.taste[],
    movie_ids bigint[]
)
returns bigint[]
language sql stable
as $$
    select array_agg(r.because[1] order by film.place)
    from unnest(movie_ids) with ordinality as film (movie_id, place)
    cross join lateral (
        select recsys_internal.find_reasons(
            model, row(m.embedding, m.ranking, m.source, m.film_ids, m.films)::recsys_internal.taste,
            array[film.movie_id]) as because
        from unnest(members) m
        join recsys.movie_vectors v
            on v.model_id = (model).model_id and v.movie_id = film.movie_id
        order by m.ranking operator(public.<#>) v.embedding
        limit 1
    ) r
$$;

comment on function recsys_internal.group_reasons is
    'For each film, the reason of the member who would like it most.';
