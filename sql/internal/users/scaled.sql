-- Inlined. pgvector multiplies vectors by each other only, and refuses products that underflow: so
-- small a factor is taken as zero.
create or replace function recsys_internal.scaled(v vector, factor double precision)
returns vector
language sql immutable parallel safe
as $$
    select v operator(public.*) array_fill(
        case when abs(factor) < 1e-20 then 0 else factor end::real,
        array[public.vector_dims(v)])::public.vector
$$;

comment on function recsys_internal.scaled is 'A vector times a number.';
