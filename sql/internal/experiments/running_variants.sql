create or replace function recsys_internal.running_variants(experiment text)
returns setof recsys.experiment_variants
language plpgsql stable
as $$
#variable_conflict use_column
begin
    if not exists (
        select 1 from recsys.experiments e where e.name = running_variants.experiment
    ) then
        raise exception 'unknown experiment: %', quote_nullable(running_variants.experiment)
            using errcode = '22023', hint = '`recsys experiments list` shows them.';
    end if;
    return query
    select v.experiment, v.variant, v.share, m.model_id, v.rerank, v.diversity
    from recsys.experiments e
    join recsys.experiment_variants v on v.experiment = e.name
    left join recsys.models m on m.model_id = v.model_id
    where e.name = running_variants.experiment
      and e.started_at <= now() and coalesce(e.ended_at > now(), true)
    order by v.variant collate "C";
end
$$;

comment on function recsys_internal.running_variants is
    'The variants of an experiment, by name; none unless it runs. A dropped model is none, so that '
    'the active one answers. Refuses an unknown name.';
