create or replace function recsys_internal.user_diagonal(model recsys.models, n integer)
returns vector
language sql immutable
as $$
    select (model).solve_diagonal operator(public.+)
        array_fill((n * (model).solve_ridge)::real, array[(model).factors + 1])::public.vector
$$;

comment on function recsys_internal.user_diagonal is
    'Diagonal of the equation of a user who likes n films; see the column models.solve_diagonal.';
