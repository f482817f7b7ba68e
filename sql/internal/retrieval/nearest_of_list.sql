create or replace function recsys_internal.nearest_of_list(
    model recsys.models,
    query vector,
    measure text,
    n integer,
    barred bigint[],
    movie_ids bigint[]
)
returns table (movie_id bigint, distance double precision)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    -- Films have length 1. Likeness is the cosine of the learned factors: the query's last
    -- coordinate is zero, and a film's factors are as long as its norm.
    unit vector := l2_normalize(query);
begin
    if movie_ids is null then
        return query
        select v.movie_id, 1 + (v.embedding <#> unit)
            / case measure when 'score' then 1 else v.norm end as distance
        from recsys.movie_vectors v
        where v.model_id = model.model_id and (measure = 'score' or v.norm > 0 and not v.content)
          and v.movie_id not in (select b from unnest(barred) b)
        order by distance, v.movie_id
        limit n;
    else
        return query
        select v.movie_id, 1 + (v.embedding <#> unit)
            / case measure when 'score' then 1 else v.norm end as distance
        from recsys.movie_vectors v
        where v.model_id = model.model_id and (measure = 'score' or v.norm > 0 and not v.content)
          and v.movie_id = any (movie_ids)
          and v.movie_id not in (select b from unnest(barred) b)
        order by distance, v.movie_id
        limit n;
    end if;
end
$$;

comment on function recsys_internal.nearest_of_list is
    'The films nearest to a vector among those listed, null for all: exact.';
