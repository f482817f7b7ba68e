-- Likeness is the angle between the learned factors: the last coordinate, which only the dot
-- product needs, would pull unpopular films together.
create or replace function recsys_internal.factors_of(model recsys.models, movie_ids bigint[])
returns vector
language plpgsql stable
as $$
begin
    return (
        select sum(l2_normalize(subvector(v.embedding, 1, model.factors) || '[0]'))
        from recsys.movie_vectors v
        where v.model_id = model.model_id and v.movie_id = any (movie_ids) and v.norm > 0
          and not v.content
    );
end
$$;

comment on function recsys_internal.factors_of is
    'Sum of the films'' learned factors, each of length 1, and a zero; null if the model knows none.';
