create or replace function recsys_internal.match_texts(
    terms sparsevec,
    encoder recsys.text_encoders,
    embedding vector,
    distance text,
    n bigint,
    barred bigint[],
    filters recsys_internal.filters,
    keyword_weight real,
    title_weight real default 0,
    genre_weight real default 0,
    genre_ids bigint[] default '{}'
)
returns table (movie_id bigint, score double precision)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    few_texts constant integer := 3000;  -- reading so few takes 6 ms
    lexicon constant recsys.text_encoders := recsys_internal.known_encoder('terms');
    -- Measured (benchmarks/quality/plot_search.py): the catalogue's own vectors say little that its
    -- terms do not.
    dense_weight constant real := case encoder.name when 'terms' then 0.3 else 1 end;
    ids bigint[];
    scores double precision[];
begin
    perform recsys_internal.check_choice('distance', distance, '{cosine,dot,euclidean}');
    -- Other vectors, and the names of genres, also speak for films that share no word; titles and
    -- keywords that weigh much, for films that share a common one.
    if encoder.name = 'terms' and distance <> 'euclidean'
            and (genre_weight = 0 or genre_ids = '{}')
            and greatest(keyword_weight, title_weight) <= 0.5
            and (lexicon.parameters ->> 'texts')::integer > few_texts then
        select array_agg(m.movie_id order by m.place), array_agg(m.score order by m.place)
        into ids, scores
        from recsys_internal.match_by_words(
            terms, lexicon, embedding, n, barred, filters, dense_weight,
            keyword_weight, title_weight) with ordinality as m (movie_id, score, place);
    end if;
    if cardinality(ids) = n then
        return query select * from unnest(ids, scores);
    else
        return query select * from recsys_internal.match_all_texts(
            terms, lexicon.encoder_id, encoder, embedding, distance, n, barred, filters,
            dense_weight, keyword_weight, title_weight, genre_weight, genre_ids);
    end if;
end
$$;

comment on function recsys_internal.match_texts is
    'The n films whose texts are most like a query, by the standardized sum of two likenesses: '
    'of terms, and of an encoder''s vectors.';
