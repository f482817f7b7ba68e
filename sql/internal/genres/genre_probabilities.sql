create or replace function recsys_internal.genre_probabilities(encoder_id bigint, x vector)
returns table (genre text, probability real, threshold real)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    last constant integer := (
        select max(u.layer) from recsys.genre_units u
        where u.encoder_id = genre_probabilities.encoder_id
    );
begin
    for i in 1 .. last - 1 loop
        x := (
            select array_agg(greatest(0, u.bias - (u.weights <#> x)) order by u.unit)::vector
            from recsys.genre_units u
            where u.encoder_id = genre_probabilities.encoder_id and u.layer = i
        );
    end loop;
    return query
    -- The logistic function by tanh, which neither overflows nor underflows.
    select u.genre, ((1 + tanh((u.bias - (u.weights <#> x)) / 2)) / 2)::real, u.threshold
    from recsys.genre_units u
    where u.encoder_id = genre_probabilities.encoder_id and u.layer = last;
end
$$;

comment on function recsys_internal.genre_probabilities is
    'How probable each genre is for a vector of an encoder, by the network learned for it.';
