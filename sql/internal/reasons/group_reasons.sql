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
            recsys_internal.find_order((model).model_id),
            recsys_internal.even_ordering(m.film_ids), array[film.movie_id]) as because
        from unnest(members) m
        join recsys.movie_vectors v
            on v.model_id = (model).model_id and v.movie_id = film.movie_id
        order by m.ranking operator(public.<#>) v.embedding
        limit 1
    ) r
$$;

comment on function recsys_internal.group_reasons is
    'For each film, the reason of the member who would like it most.';

create or replace function recsys_internal.even_ordering(film_ids bigint[])
returns recsys_internal.ordering
language sql immutable
as $$
    select row(null, film_ids, array_fill(1::double precision, array[cardinality(film_ids)]),
        array_fill(true, array[cardinality(film_ids)]))::recsys_internal.ordering
    where film_ids is not null
$$;

comment on function recsys_internal.even_ordering is
    'That of a user whose liked films count alike, for reasons of the order of retrieval.';
