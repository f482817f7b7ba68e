-- Inlined. pgvector multiplies vectors by each other only.
create or replace function recsys_internal.scaled(v vector, factor double precision)
returns vector
language sql immutable parallel safe
as $$
    select v operator(public.*) array_fill(factor::real, array[public.vector_dims(v)])::public.vector
$$;

comment on function recsys_internal.scaled is 'A vector times a number.';
