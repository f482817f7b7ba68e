-- Carbonell and Goldstein, "The Use of MMR" (SIGIR 1998): again and again the film with the
-- largest (1 - diversity) * relevance - diversity * likeness to the nearest film chosen so far.
-- Each choice looks at the whole pool: so both are bounded, and the others keep their order.
create or replace function recsys_internal.diversify(
    model recsys.models,
    movie_ids bigint[],
    scores double precision[],
    n integer,
    diversity real
)
returns setof integer
language plpgsql stable
as $$
#variable_conflict use_column
declare
    most_chosen constant integer := 300;
    most_pooled constant integer := 1000;
    pool constant bigint[] := movie_ids[: most_pooled];
    -- Shares of the best score, so that they compare with likeness; at the same place as its id.
    relevance double precision[];
    vectors vector[];
    nearest double precision[];  -- likeness to the nearest chosen film; null once chosen itself
    best integer;
begin
    -- A score may be negative where popularity, a logarithm, counts: the least one is zero then.
    select array_agg(coalesce((given.score - least(span.low, 0))
            / nullif(span.high - least(span.low, 0), 0), 0) order by given.place),
        array_agg(l2_normalize(subvector(v.embedding, 1, model.factors)) order by given.place),
        array_agg(0::double precision order by given.place)
    into relevance, vectors, nearest
    from unnest(pool, scores[: most_pooled]) with ordinality as given (movie_id, score, place)
    cross join (select min(s) as low, max(s) as high from unnest(scores[: most_pooled]) s) span
    join recsys.movie_vectors v
        on v.model_id = model.model_id and v.movie_id = given.movie_id;
    for i in 1 .. least(n, most_chosen, coalesce(cardinality(pool), 0)) loop
        select c.place into best
        from unnest(relevance, nearest) with ordinality as c (relevance, nearest, place)
        where c.nearest is not null
        order by (1 - diversity) * c.relevance - diversity * c.nearest desc, c.place
        limit 1;
        return next best;
        nearest := array(
            select case when c.nearest is null or c.place = best then null
                when i = 1 then -(c.vector <#> vectors[best])
                else greatest(c.nearest, -(c.vector <#> vectors[best])) end
            from unnest(nearest, vectors) with ordinality as c (nearest, vector, place)
            order by c.place);
    end loop;
    return query
    select given.place
    from generate_series(1, cardinality(movie_ids)) as given (place)
    where given.place > most_pooled or nearest[given.place] is not null
    order by given.place
    limit greatest(n - most_chosen, 0);
end
$$;

comment on function recsys_internal.diversify is
    'Places in a pool of the n films that are relevant and yet unlike each other, in the order of '
    'choice.';
