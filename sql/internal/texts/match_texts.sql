-- Cosines of terms are near 0 for nearly all films, those of dense vectors are not, and how much
-- either varies depends on the query: so both are standardized over the catalogue, whatever passes
-- the filters, before they are added up.
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
    lexicon constant bigint := (recsys_internal.known_encoder('terms')).encoder_id;
    -- Measured (benchmarks/quality/plot_search.py): the catalogue's own vectors say little that its terms
    -- do not.
    dense_weight constant real := case encoder.name when 'terms' then 0.3 else 1 end;
    allowed constant bigint[] := case when filters.active
        then recsys_internal.list_movies(filters) end;
begin
    perform recsys_internal.check_choice('distance', distance, '{cosine,dot,euclidean}');
    return query
    with matches as materialized (
        select t.movie_id, coalesce(-(t.plot <#> terms), 0)
            + keyword_weight * coalesce(-(t.keywords <#> terms), 0) as lexical,
            case when title_weight <> 0 then title_weight * coalesce(-(t.title <#> terms), 0)
                else 0 end
            + case when genre_weight <> 0 and genre_ids <> '{}' then genre_weight * (
                select count(*) from recsys.movie_genres g
                where g.movie_id = t.movie_id and g.genre_id = any (genre_ids))
                / cardinality(genre_ids) else 0 end as named,
            case distance
                when 'cosine' then -(v.embedding <=> match_texts.embedding)
                when 'dot' then -(v.embedding <#> match_texts.embedding)
                else -(v.embedding <-> match_texts.embedding)
            end as dense
        from recsys.movie_terms t
        left join recsys.movie_text_vectors v
            on v.encoder_id = encoder.encoder_id and v.movie_id = t.movie_id
        where t.encoder_id = lexicon
          and num_nonnulls(t.plot, t.keywords, v.embedding, nullif(title_weight, 0)) > 0
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

comment on function recsys_internal.match_texts is
    'The n films whose texts are most like a query, by the standardized sum of two likenesses: '
    'of terms, and of an encoder''s vectors.';
