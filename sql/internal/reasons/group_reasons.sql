create or replace function recsys_internal.group_reasons(
    model recsys.models,
    members recsys_internal.taste[],
    movie_ids bigint[]
)
returns bigint[]
language sql stable
as $$
    with likeliest as (
        select distinct on (film.place) film.place, film.movie_id, m.member
        from unnest(movie_ids[: 500]) with ordinality as film (movie_id, place)
        join recsys.movie_vectors v
            on v.model_id = (model).model_id and v.movie_id = film.movie_id
        cross join unnest(members) with ordinality
            as m (embedding, ranking, source, film_ids, films, member)
        order by film.place, m.ranking operator(public.<#>) v.embedding, m.member
    )
    select array_agg(r.because order by r.place)
    from (
        select l.member, array_agg(l.movie_id order by l.place) as movie_ids,
            array_agg(l.place order by l.place) as places
        from likeliest l
        group by l.member
    ) l
    cross join lateral unnest(l.places, recsys_internal.find_reasons(
        recsys_internal.find_order((model).model_id),
        recsys_internal.even_ordering(members[l.member].film_ids), l.movie_ids)) as r (place, because)
$$;

comment on function recsys_internal.group_reasons is
    'For each of the first 500 films, the reason of the member who would like it most.';

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
