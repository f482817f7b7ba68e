create or replace function recsys_internal.ranker_features(
    ranker recsys.rankers,
    movie_id bigint
)
returns vector
language sql stable
as $$
    select sum(recsys_internal.scaled(t.features, part.share))
    from (
        select 'base', 1::double precision
        union all
        select y.term, y.share
        from recsys.movies m
        cross join lateral (values
            ('year', m.year - ranker.mean_year), ('year_squared', (m.year - ranker.mean_year) ^ 2)
        ) y (term, share)
        where m.movie_id = ranker_features.movie_id and m.year is not null
        union all
        select 'genre:' || g.name, 1 / sqrt(count(*) over ())
        from recsys.movie_genres mg
        join recsys.genres g on g.genre_id = mg.genre_id
        where mg.movie_id = ranker_features.movie_id
    ) part (term, share)
    join recsys.ranker_terms t on t.model_id = (ranker).model_id and t.term = part.term
$$;

comment on function recsys_internal.ranker_features is
    'Features of a film that the ranker did not learn from, by its genres and year.';
