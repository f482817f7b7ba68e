create view recsys_bi.movie_genres as
select mg.movie_id, g.name as genre, false as predicted, null::real as probability
from recsys.movie_genres mg
join recsys.genres g on g.genre_id = mg.genre_id
union all
select p.movie_id, p.genre, true, p.probability
from recsys.movie_genres_predicted p;

comment on view recsys_bi.movie_genres is
    'One row per film and genre: as listed, or predicted from its texts where it lists none.';
comment on column recsys_bi.movie_genres.movie_id is 'Id of the film.';
comment on column recsys_bi.movie_genres.genre is 'Name of the genre.';
comment on column recsys_bi.movie_genres.predicted is
    'True where the genre was predicted (`recsys genres predict`), false where the film lists it.';
comment on column recsys_bi.movie_genres.probability is
    'How probable a predicted genre was, 0 to 1; null for a listed one.';
