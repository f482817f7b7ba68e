-- Inlined: what the caller asks of the rows decides which are read.
create or replace function recsys_internal.word_likenesses(
    encoder_id bigint,
    terms sparsevec,
    keyword_weight real,
    title_weight real
)
returns table (
    movie_id bigint,
    lexical double precision,
    named double precision,
    plot sparsevec,
    title sparsevec,
    keywords sparsevec
)
language sql stable parallel safe
as $$
    select t.movie_id, coalesce(-(t.plot <#> terms), 0)
            + keyword_weight * coalesce(-(t.keywords <#> terms), 0),
        case when title_weight <> 0 then title_weight * coalesce(-(t.title <#> terms), 0)
            else 0 end,
        t.plot, t.title, t.keywords
    from recsys.movie_terms t
    where t.encoder_id = word_likenesses.encoder_id
$$;

comment on function recsys_internal.word_likenesses is
    'How alike each film''s words are to a query''s: the cosine of its texts, plus the weighted one '
    'of its keywords; and the weighted one of its title.';
