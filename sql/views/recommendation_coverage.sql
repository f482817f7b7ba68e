create view recsys_bi.recommendation_coverage as
with films as (
    select m.movie_id, m.year / 10 * 10 as decade, m.rating_count,
        coalesce(r.recommendation_count, 0) as recommendation_count
    from recsys.movies m
    left join (
        select movie_id, count(*) as recommendation_count
        from recsys.recommendations
        group by movie_id
    ) r on r.movie_id = m.movie_id
),
totals as (
    select sum(rating_count) as rating_count, sum(recommendation_count) as recommendation_count
    from films
),
slices as (
    select g.name as genre, f.decade, count(*) as movie_count,
        count(*) filter (where f.recommendation_count > 0) as recommended_movie_count,
        sum(f.recommendation_count) as recommendation_count, sum(f.rating_count) as rating_count
    from films f
    join recsys.movie_genres mg on mg.movie_id = f.movie_id
    join recsys.genres g on g.genre_id = mg.genre_id
    group by g.name, f.decade
)
select s.genre, s.decade, s.movie_count, s.recommended_movie_count,
    s.recommended_movie_count / s.movie_count::double precision as coverage,
    s.recommendation_count::bigint as recommendation_count,
    (s.recommendation_count / nullif(t.recommendation_count, 0))::double precision
        as recommendation_share,
    (s.rating_count / nullif(t.rating_count, 0))::double precision as rating_share
from slices s
cross join totals t;

comment on view recsys_bi.recommendation_coverage is
    'One row per genre and decade that has films: how much of it `recsys recommend --all` '
    'recommends to any user. A film of several genres counts in each.';
comment on column recsys_bi.recommendation_coverage.genre is 'Name of the genre, as films list it.';
comment on column recsys_bi.recommendation_coverage.decade is
    'First year of the decade of release; null for films without a year.';
comment on column recsys_bi.recommendation_coverage.movie_count is 'Number of films.';
comment on column recsys_bi.recommendation_coverage.recommended_movie_count is
    'Those that are in some user''s list.';
comment on column recsys_bi.recommendation_coverage.coverage is 'Their share of the films, 0 to 1.';
comment on column recsys_bi.recommendation_coverage.recommendation_count is
    'Number of places in all lists that these films take.';
comment on column recsys_bi.recommendation_coverage.recommendation_share is
    'Their share of all places; null before any list was made.';
comment on column recsys_bi.recommendation_coverage.rating_share is
    'Share of all ratings that these films have, at the last load or training: where '
    'recommendation_share is higher, they are recommended more than they are watched.';
