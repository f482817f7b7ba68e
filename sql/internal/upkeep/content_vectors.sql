-- The rows of the map are those of recsys.content_features: intercept, text:none, one a fact, and
-- factor:1, factor:2 ... with the weights that make a coordinate of a text's vector.
create or replace function recsys_internal.content_vectors(
    model recsys.models,
    movie_ids bigint[]
)
returns table (movie_id bigint, embedding vector)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    intercept vector;
    no_text vector;
    factors vector[];
begin
    select c.embedding into intercept
    from recsys.content_features c
    where c.model_id = model.model_id and c.feature = 'intercept';
    if not found then
        return;
    end if;
    select intercept + c.embedding into no_text
    from recsys.content_features c
    where c.model_id = model.model_id and c.feature = 'text:none';
    no_text := coalesce(no_text, intercept);
    factors := array(
        select c.embedding
        from generate_series(1, model.factors) as n (place)
        join recsys.content_features c
            on c.model_id = model.model_id and c.feature = 'factor:' || n.place
        order by n.place);
    return query
    with fact as materialized (
        select f.movie_id, sum(c.embedding order by f.feature) as embedding
        from recsys_internal.content_facts() f
        join recsys.content_features c on c.model_id = model.model_id and c.feature = f.feature
        where f.movie_id = any (movie_ids)
        group by f.movie_id
    ),
    text as materialized (
        select t.movie_id, w.products::vector as embedding
        from recsys.movie_text_vectors t
        cross join lateral (
            select array_agg(-(u.weights <#> t.embedding) order by u.place) as products
            from unnest(factors) with ordinality as u (weights, place)
        ) w
        where t.encoder_id = model.encoder_id and t.movie_id = any (movie_ids)
    ),
    learned as materialized (
        select movie_id, case
            when t.embedding is null then no_text + f.embedding
            when f.embedding is null then intercept + t.embedding
            else intercept + t.embedding + f.embedding end as v
        from fact f
        full join text t using (movie_id)
    )
    select l.movie_id,
        -- No longer than the longest film that was learned.
        recsys_internal.scaled(l.v, 1 / greatest(vector_norm(l.v), 1))
            || array[sqrt(greatest(1 - vector_norm(l.v) ^ 2, 0))]::vector
    from learned l;
end
$$;

comment on function recsys_internal.content_vectors is
    'The vectors that a model gives films by what they are, as recsys.movie_vectors holds them; no '
    'row for a film of which the model''s features say nothing, or of a model without any.';

create or replace function recsys_internal.content_vector(model recsys.models, movie_id bigint)
returns vector
language sql stable
as $$
    select c.embedding
    from recsys_internal.content_vectors(model, array[content_vector.movie_id]) c
$$;

comment on function recsys_internal.content_vector is
    'The vector that a model gives a film by what it is; null if nothing is known of it.';
