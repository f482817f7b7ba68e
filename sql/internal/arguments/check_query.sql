create or replace function recsys_internal.check_query(
    query text,
    encoder recsys.text_encoders,
    embedding vector
)
returns void
language plpgsql immutable
as $$
declare
    -- pgvector multiplies in single precision: beyond these, products of two such vectors are not
    -- finite, or lose their digits.
    shortest constant double precision := 1e-15;
    longest constant double precision := 1e15;
begin
    perform recsys_internal.check_text('query', query);
    if query is null or query !~ '\S' then
        raise exception 'the plot to search for is empty' using errcode = '22023';
    elsif embedding is null and encoder.name <> 'terms' then
        raise exception 'embedding is null: give the vector of the query by encoder %',
            quote_literal(encoder.name)
            using errcode = '22023', hint = '`recsys search TEXT --encoder NAME` makes it.';
    elsif vector_dims(embedding) <> encoder.dimensions then
        raise exception 'embedding has % numbers, but encoder % has %', vector_dims(embedding),
            quote_literal(encoder.name), encoder.dimensions using errcode = '22023';
    elsif not vector_norm(embedding) between shortest and longest then
        raise exception 'embedding is % long: its length must be between % and %',
            vector_norm(embedding), shortest, longest using errcode = '22023';
    end if;
end
$$;

comment on function recsys_internal.check_query is
    'Refuses an empty or too long query, and a vector of it that does not fit the encoder, or is '
    'too short or too long to compare.';
