create or replace function recsys_internal.user_preconditioner(diagonal vector, films vector[])
returns vector
language plpgsql immutable
as $$
declare
    whole real[] := (diagonal + (select sum(f.e * f.e) from unnest(films) f (e)))::real[];
begin
    return (array(
        select case when d > 0 then 1 / d else 0 end from unnest(whole[: cardinality(whole) - 1]) d
    ) || 0::real)::vector;
end
$$;

comment on function recsys_internal.user_preconditioner is
    'One over the diagonal of a user''s whole equation, with a zero for the last coordinate.';
