create or replace function recsys.variant_of(user_id bigint, experiment text)
returns text
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
as $$
begin
    return (recsys_internal.find_variant(variant_of.user_id, variant_of.experiment)).variant;
end
$$;

comment on function recsys.variant_of is
    'The variant of an experiment that a user is in; null while it does not run. By a hash of the '
    'user and the experiment''s name, with the shares as weights: nothing is stored, and it is '
    'always the same while the shares are.';
