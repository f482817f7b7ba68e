create or replace function recsys_internal.find_order(model_id bigint)
returns recsys.orders
language sql stable
as $$
    select o from recsys.orders o where o.model_id = find_order.model_id
$$;

comment on function recsys_internal.find_order is 'The order of a model''s lists; null if it has none.';
