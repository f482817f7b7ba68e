create or replace function recsys_internal.telling_places(
    encoder_id bigint,
    terms sparsevec,
    films bigint
)
returns integer[]
language sql stable
as $$
    select array_agg(s.place)
    from (
        select r.place, sum(r.films) over (order by r.films, r.place) as total,
            row_number() over (order by r.films, r.place) as number
        from (
            -- The weight of a term tells how many films have it; an unknown one is rare.
            select w.place, coalesce(
                (1 + (e.parameters ->> 'texts')::integer) / exp(max(t.weight) - 1) - 1, 0) as films
            from unnest(recsys_internal.term_places(terms, null, null)) w (place)
            cross join (
                select * from recsys.text_encoders e
                where e.encoder_id = telling_places.encoder_id) e
            left join recsys.text_terms t
                on t.encoder_id = telling_places.encoder_id and t.place = w.place
            group by w.place, e.parameters
        ) r
    ) s
    where s.number <= 2 or s.total <= telling_places.films
$$;

comment on function recsys_internal.telling_places is
    'The places of a query''s rarest terms: as many as together so many films have, but one at '
    'least.';
