create or replace function recsys_internal.find_model(model_id bigint)
returns recsys.models
language plpgsql stable
as $$
#variable_conflict use_column
declare
    found_model recsys.models;
begin
    if find_model.model_id is null then
        select * into found_model
        from recsys.models
        where activated_at is not null
        order by activated_at desc, model_id desc
        limit 1;
    else
        select * into found_model from recsys.models m where m.model_id = find_model.model_id;
        if not found then
            raise exception 'unknown model: %', find_model.model_id using errcode = '22023';
        end if;
    end if;
    return found_model;
end
$$;

comment on function recsys_internal.find_model is
    'The model of that id, or the active one for null; all null before any model is active.';
