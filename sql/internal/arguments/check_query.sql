create or replace function recsys_internal.check_query(
    query text,
    encoder recsys.text_encoders,
    embedding vector
)
returns void
language plpgsql immutable
as $$
begin
    if query is null or query !~ '\S' then
        raise exception 'the plot to search for is empty' using errcode = '22023';
    elsif embedding is null and encoder.name <> 'terms' then
        raise exception 'embedding is null: give the vector of the query by encoder %',
            quote_literal(encoder.name)
            using errcode = '22023', hint = '`recsys search TEXT --encoder NAME` makes it.';
    elsif vector_dims(embedding) <> encoder.dimensions then
        raise exception 'embedding has % numbers, but encoder % has %', vector_dims(embedding),
            quote_literal(encoder.name), encoder.dimensions using errcode = '22023';
    elsif vector_norm(embedding) = 0 then
        raise exception 'embedding is zero, and so has no direction' using errcode = '22023';
    end if;
end
$$;

comment on function recsys_internal.check_query is
    'Refuses an empty query, and a vector of it that does not fit the encoder.';
