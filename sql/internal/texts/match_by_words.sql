-- The index lists the films that have one of the query's rarer words. These tell most of how the
-- likeness of words varies over the catalogue, an even sample of all films tells the rest; and how
-- that of vectors varies, follows from how these do.
create or replace function recsys_internal.match_by_words(
    terms sparsevec,
    lexicon recsys.text_encoders,
    embedding vector,
    n bigint,
    barred bigint[],
    filters recsys_internal.filters,
    dense_weight real,
    keyword_weight real,
    title_weight real
)
returns table (movie_id bigint, score double precision)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    -- Measured (benchmarks/speed/plots.py). What is far down the list has but common words.
    listed_most constant bigint := case when filters.active then 9000 else 6000 end + 60 * n;
    sampled constant integer := 250;
    compared constant bigint := 50 + 2 * n;  -- the best by words, whose vectors are read, too
    few_allowed constant integer := 1000;  -- so few films that each is read
    places constant integer[] := recsys_internal.telling_places(
        lexicon.encoder_id, terms, listed_most);
    allowed bigint[] := case when filters.active
        then recsys_internal.list_movies(filters, few_allowed + 1) end;
    direction constant vector := l2_normalize(embedding);
    dense_mean constant double precision := -(lexicon.mean <#> direction);
    -- The vectors are about those of a decomposition, whose numbers vary independently.
    dense_spread constant double precision := (
        select nullif(sqrt(sum(d.part * d.part * d.variance)), 0)
        from unnest(direction::real[], lexicon.variance::real[]) d (part, variance));
begin
    if cardinality(allowed) > few_allowed then
        allowed := null;
    end if;
    return query
    with listed as materialized (
        select w.movie_id, w.lexical, w.named
        from recsys_internal.word_likenesses(
            lexicon.encoder_id, terms, keyword_weight, title_weight) w
        where recsys_internal.term_places(w.plot, w.title, w.keywords) && places
          and num_nonnulls(w.plot, w.keywords, nullif(title_weight, 0)) > 0
    ),
    spread as materialized (
        select m.mean, nullif(sqrt(greatest(m.square - m.mean * m.mean, 0)), 0) as spread
        from (
            select count(*) / greatest(
                    (lexicon.parameters ->> 'texts')::double precision, count(*), 1) as share,
                coalesce(avg(l.lexical), 0) as mean,
                coalesce(avg(l.lexical * l.lexical), 0) as square
            from listed l
        ) l
        cross join (
            select coalesce(avg(w.lexical), 0) as mean,
                coalesce(avg(w.lexical * w.lexical), 0) as square
            from (
                select *
                from recsys_internal.word_likenesses(
                    lexicon.encoder_id, terms, keyword_weight, title_weight) w
                order by hashint8(w.movie_id)
                limit sampled
            ) w
            where num_nonnulls(w.plot, w.keywords, nullif(title_weight, 0)) > 0
              and w.movie_id not in (select l.movie_id from listed l)
        ) o
        cross join lateral (
            select l.share * l.mean + (1 - l.share) * o.mean as mean,
                l.share * l.square + (1 - l.share) * o.square as square) m
    ),
    chosen as materialized (
        (select b.*
        from (
            select l.*
            from listed l
            order by l.lexical + l.named desc, l.movie_id
            -- The sorting stops where only barred films can fall out.
            limit case when not filters.active then compared + cardinality(barred) end
        ) b
        where allowed is null
          and b.movie_id not in (select unnest(barred))
          and (not filters.active or (
            select true
            from recsys_internal.filtered_movies(
                filters.genre_ids, filters.excluded_genre_ids, filters.year_from,
                filters.year_to, filters.min_ratings, filters.predicted,
                filters.include_adult) f
            where f.movie_id = b.movie_id limit 1))
        limit compared)
        union all
        select w.movie_id, w.lexical, w.named
        from (select distinct unnest(allowed) except select unnest(barred)) a (movie_id)
        cross join lateral (
            select *
            from recsys_internal.word_likenesses(
                lexicon.encoder_id, terms, keyword_weight, title_weight) w
            where w.movie_id = a.movie_id
              and num_nonnulls(w.plot, w.keywords, nullif(title_weight, 0)) > 0
            limit 1) w
    )
    select c.movie_id, coalesce((c.lexical - s.mean) / s.spread, 0)
        + c.named / coalesce(s.spread, 1)
        + dense_weight * coalesce((-(v.embedding <#> direction) - dense_mean) / dense_spread, 0)
    from chosen c
    cross join spread s
    left join lateral (
        select * from recsys.movie_text_vectors v
        where v.encoder_id = lexicon.encoder_id and v.movie_id = c.movie_id limit 1) v on true
    order by 2 desc, 1
    limit n;
end
$$;

comment on function recsys_internal.match_by_words is
    'match_texts without reading all films: those that share one of the query''s rarer words, '
    'perhaps fewer than asked for; or all that pass the filters, if these are few.';
