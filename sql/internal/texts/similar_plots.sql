create or replace function recsys_internal.similar_plots(
    film_id bigint,
    encoder recsys.text_encoders,
    distance text,
    n integer,
    barred bigint[],
    filters recsys_internal.filters
)
returns table (movie_id bigint, score double precision)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    terms sparsevec;
    embedding vector;
begin
    select t.plot into terms
    from recsys.movie_terms t
    where t.encoder_id = (recsys_internal.known_encoder('terms')).encoder_id
      and t.movie_id = film_id;
    select v.embedding into embedding
    from recsys.movie_text_vectors v
    where v.encoder_id = encoder.encoder_id and v.movie_id = film_id;
    if num_nonnulls(terms, embedding) > 0 then
        return query select * from recsys_internal.match_texts(
            terms, encoder, embedding, distance, n, barred, filters, 0);
    end if;
end
$$;

comment on function recsys_internal.similar_plots is
    'The n films whose plots are most like a film''s; none if it has no text.';
