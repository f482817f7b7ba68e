create or replace function recsys_internal.least_scores(
    model recsys.models,
    members recsys_internal.taste[],
    movie_ids bigint[],
    n integer
)
returns table (movie_id bigint, score double precision)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    rankings vector[] := array(select m.ranking from unnest(members) m);
begin
    return query
    select v.movie_id, least.score
    from recsys.movie_vectors v
    cross join lateral (
        select min(-(r <#> v.embedding)) * model.item_norm as score from unnest(rankings) r
    ) least
    where v.model_id = model.model_id and v.movie_id = any (movie_ids)
    order by least.score desc, v.movie_id
    limit n;
end
$$;

comment on function recsys_internal.least_scores is
    'Of the films listed, the n with the best score of the member who likes them least.';
