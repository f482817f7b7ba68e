create or replace function recsys_internal.find_variant(user_id bigint, experiment text)
returns recsys.experiment_variants
language plpgsql stable
as $$
#variable_conflict use_column
declare
    variants recsys.experiment_variants[] := array(
        select v from recsys_internal.running_variants(find_variant.experiment) v);
    place constant double precision := recsys_internal.chance(
        find_variant.experiment, find_variant.user_id);
    chosen recsys.experiment_variants;
begin
    select (unnest(variants[v.n : v.n])).* into chosen
    from (
        select n, sum(share) over (order by n) / sum(share) over () as upto
        from unnest(variants) with ordinality as u (
            experiment, variant, share, model_id, rerank, diversity, n)
    ) v
    where place < v.upto
    order by v.n
    limit 1;
    return chosen;
end
$$;

comment on function recsys_internal.find_variant is
    'The variant of a running experiment that a user is in, by a hash of both: always the same '
    'while the shares are. All null for an experiment that does not run.';
