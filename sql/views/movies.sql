create view recsys_bi.movies as
select m.movie_id, m.title, m.year, m.year / 10 * 10 as decade,
    coalesce(g.names, '{}') as genres, array_to_string(coalesce(g.names, '{}'), ', ') as genre_list,
    m.imdb_id, m.tmdb_id, m.rating_count, m.rating_mean, m.liked_count,
    m.popularity, m.adult, m.withdrawn_at, m.poster_path, k.key as movie_key
from recsys.movies m
left join recsys.movie_keys k on k.movie_id = m.movie_id
left join (
    select mg.movie_id, array_agg(g.name order by g.name) as names
    from recsys.movie_genres mg
    join recsys.genres g on g.genre_id = mg.genre_id
    group by mg.movie_id
) g on g.movie_id = m.movie_id;

comment on view recsys_bi.movies is 'One row per film, with its genres and counts.';
comment on column recsys_bi.movies.movie_id is 'Id of the film.';
comment on column recsys_bi.movies.title is 'Title without the year.';
comment on column recsys_bi.movies.year is 'Year of release.';
comment on column recsys_bi.movies.decade is 'First year of its decade: 1990 for 1994.';
comment on column recsys_bi.movies.genres is 'Names of its genres in order, as an array.';
comment on column recsys_bi.movies.genre_list is
    'The same as one text, with commas; empty where it lists none.';
comment on column recsys_bi.movies.imdb_id is 'Id in IMDb, such as tt0114709.';
comment on column recsys_bi.movies.tmdb_id is 'Id in TMDB.';
comment on column recsys_bi.movies.rating_count is
    'Number of ratings at the last load or training.';
comment on column recsys_bi.movies.rating_mean is 'Mean rating in stars at that time.';
comment on column recsys_bi.movies.liked_count is
    'Number of ratings of 4 stars or more at that time.';
comment on column recsys_bi.movies.popularity is
    'Those, one counting less the older it is: see recsys_bi.trending_movies.';
comment on column recsys_bi.movies.adult is 'Whether it is for adults alone.';
comment on column recsys_bi.movies.withdrawn_at is
    'When it was, or will be, withdrawn from the answers; null: it is on offer.';
comment on column recsys_bi.movies.poster_path is 'Path or URL of a poster, as its source has it.';
comment on column recsys_bi.movies.movie_key is
    'Id of the film in its source, where that is no number; else null.';
