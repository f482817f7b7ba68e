create or replace function recsys_internal.match_all_texts(
    terms sparsevec,
    lexicon_id bigint,
    encoder recsys.text_encoders,
    embedding vector,
    distance text,
    n bigint,
    barred bigint[],
    filters recsys_internal.filters,
    dense_weight real,
    keyword_weight real,
    title_weight real,
    genre_weight real,
    genre_ids bigint[]
)
returns table (movie_id bigint, score double precision)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    allowed constant bigint[] := case when filters.active
        then recsys_internal.list_movies(filters) end;
begin
    return query
    with matches as materialized (
        select w.movie_id, w.lexical, w.named
            + case when genre_weight <> 0 and genre_ids <> '{}' then genre_weight * (
                select count(*) from recsys.movie_genres g
                where g.movie_id = w.movie_id and g.genre_id = any (genre_ids))
                / cardinality(genre_ids) else 0 end as named,
            case distance
                when 'cosine' then -(v.embedding <=> match_all_texts.embedding)
                when 'dot' then -(v.embedding <#> match_all_texts.embedding)
                else -(v.embedding <-> match_all_texts.embedding)
            end as dense
        from recsys_internal.word_likenesses(
            lexicon_id, terms, keyword_weight, title_weight) w
        left join recsys.movie_text_vectors v
            on v.encoder_id = encoder.encoder_id and v.movie_id = w.movie_id
        where num_nonnulls(w.plot, w.keywords, v.embedding, nullif(title_weight, 0)) > 0
    ),
    spread as (
        select avg(lexical) as lexical_mean, nullif(stddev_pop(lexical), 0) as lexical_spread,
            avg(dense) as dense_mean, nullif(stddev_pop(dense), 0) as dense_spread
        from matches
    )
    select m.movie_id, coalesce((m.lexical - s.lexical_mean) / s.lexical_spread, 0)
        + m.named / coalesce(s.lexical_spread, 1)
        + dense_weight * coalesce((m.dense - s.dense_mean) / s.dense_spread, 0) as score
    from matches m
    cross join spread s
    where m.movie_id not in (select b from unnest(barred) b)
      and (allowed is null or m.movie_id in (select a from unnest(allowed) a))
    order by score desc, m.movie_id
    limit n;
end
$$;

comment on function recsys_internal.match_all_texts is 'match_texts by reading all films.';
