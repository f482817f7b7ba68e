create or replace function recsys_internal.encode_text(encoder_id bigint, text text)
returns recsys_internal.encoded_text
language sql stable
as $$
    with weighed as (
        select s.place, s.frequency * coalesce(t.weight, e.unseen) as weight, t.embedding
        from recsys_internal.text_stems(encode_text.text) s
        cross join (
            -- A term that no text had when the weights were learned is as rare as can be.
            select ln(1 + (e.parameters ->> 'texts')::integer) + 1 as unseen
            from recsys.text_encoders e
            where e.encoder_id = encode_text.encoder_id
        ) e
        left join recsys.text_terms t
            on t.encoder_id = encode_text.encoder_id and t.term = s.term
    )
    select
        (select l2_normalize(recsys_internal.sparse(array_agg(w.place), array_agg(w.weight)))
        from weighed w),
        (select l2_normalize(sum(recsys_internal.scaled(w.embedding, w.weight)))
        from weighed w
        where w.embedding is not null)
$$;

comment on function recsys_internal.encode_text is
    'A text as the encoder named terms sees it: TF-IDF weights, and the weighted sum of the '
    'vectors of its terms (latent semantic analysis, Deerwester et al. 1990).';
