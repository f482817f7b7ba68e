-- Conjugate gradient with the diagonal as preconditioner. The films' last coordinate is not one of
-- the user's: a zero in the preconditioner keeps it out. It makes the films of a model equally
-- long, and is the bias of those of a ranker.
create or replace function recsys_internal.solve_user(
    diagonal vector,
    films vector[],
    target vector,
    start vector default null,
    tolerance double precision default 1e-5
)
returns vector
language plpgsql stable
as $$
declare
    most_steps constant integer := 60;
    dimensions constant integer := vector_dims(diagonal);
    inverse vector := recsys_internal.user_preconditioner(diagonal, films);
    x vector := coalesce(start, array_fill(0, array[dimensions])::vector);
    residual vector := target;
    better vector;  -- the residual, preconditioned
    direction vector;
    applied vector;
    size double precision;
    next_size double precision;
    enough double precision := tolerance ^ 2 * -(target <#> (inverse * target));
    step double precision;
begin
    if start is not null then
        residual := target - diagonal * start - (
            select sum(recsys_internal.scaled(f.e, -(f.e <#> start))) from unnest(films) f (e));
    end if;
    better := inverse * residual;
    direction := better;
    size := -(residual <#> better);
    for i in 1 .. most_steps loop
        exit when size <= enough;
        applied := diagonal * direction + (
            select sum(array_fill(-(f.e <#> direction)::real, array[dimensions])::vector * f.e)
            from unnest(films) f (e));
        step := size / -(direction <#> applied);
        x := x + recsys_internal.scaled(direction, step);
        residual := residual - recsys_internal.scaled(applied, step);
        better := inverse * residual;
        next_size := -(residual <#> better);
        direction := better + recsys_internal.scaled(direction, next_size / size);
        size := next_size;
    end loop;
    return x;
end
$$;

comment on function recsys_internal.solve_user is
    'x of (diag(diagonal) + sum of e e'') x = target over films e. With user_diagonal and the sum '
    'of e as target: item_norm times the vector of the user who likes them.';
