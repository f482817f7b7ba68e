create or replace function recsys_internal.find_ranker(model_id bigint)
returns recsys.rankers
language sql stable
as $$
    select r from recsys.rankers r where r.model_id = find_ranker.model_id
$$;

comment on function recsys_internal.find_ranker is 'The ranker of a model; null if it has none.';
