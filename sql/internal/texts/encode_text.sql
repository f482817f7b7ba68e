create or replace function recsys_internal.encode_text(encoder_id bigint, text text)
returns recsys_internal.encoded_text
language sql stable
as $$
    with weighed as materialized (
        select * from recsys_internal.weighed_stems(encode_text.encoder_id, encode_text.text)
    )
    select
        (select l2_normalize(recsys_internal.sparse(
            array_agg(w.place order by w.place, w.weight),
            array_agg(w.weight order by w.place, w.weight)))
        from weighed w),
        (select l2_normalize(sum(recsys_internal.scaled(w.embedding, w.weight)))
        from weighed w
        where w.embedding is not null)
$$;

comment on function recsys_internal.encode_text is
    'A text as the encoder named terms sees it: TF-IDF weights, and the weighted sum of the '
    'vectors of its terms (latent semantic analysis, Deerwester et al. 1990).';

create or replace function recsys_internal.weigh_text(encoder_id bigint, text text)
returns sparsevec
language sql stable
as $$
    select l2_normalize(recsys_internal.sparse(
        array_agg(w.place order by w.place, w.weight),
        array_agg(w.weight order by w.place, w.weight)))
    from recsys_internal.weighed_stems(weigh_text.encoder_id, weigh_text.text) w
$$;

comment on function recsys_internal.weigh_text is 'The TF-IDF weights alone.';

create or replace function recsys_internal.weighed_stems(encoder_id bigint, text text)
returns table (place integer, weight double precision, embedding vector)
language sql stable
as $$
    select s.place, s.frequency * coalesce(t.weight, e.unseen), t.embedding
    from recsys_internal.text_stems(weighed_stems.text) s
    cross join (
        -- A term that no text had when the weights were learned is as rare as can be.
        select ln(1 + (e.parameters ->> 'texts')::integer) + 1 as unseen
        from recsys.text_encoders e
        where e.encoder_id = weighed_stems.encoder_id
    ) e
    left join recsys.text_terms t
        on t.encoder_id = weighed_stems.encoder_id and t.term = s.term
$$;

comment on function recsys_internal.weighed_stems is
    'The stems of a text with their TF-IDF weights and their vectors.';
