create view recsys_bi.recommendations as
select r.user_id, r.rank, r.movie_id, m.title, m.year, m.genre_list, r.score, r.source, r.model_id,
    r.made_at
from recsys.recommendations r
left join recsys_bi.movies m on m.movie_id = r.movie_id;

comment on view recsys_bi.recommendations is
    'One row per user and rank of the lists that `recsys recommend --all` made.';
comment on column recsys_bi.recommendations.user_id is 'Id of the user.';
comment on column recsys_bi.recommendations.rank is
    'Place of the film in the user''s list; 1 is the best.';
comment on column recsys_bi.recommendations.movie_id is 'Id of the film.';
comment on column recsys_bi.recommendations.title is
    'Title of the film; null where it is gone by now.';
comment on column recsys_bi.recommendations.year is 'Its year of release.';
comment on column recsys_bi.recommendations.genre_list is 'Names of its genres, with commas.';
comment on column recsys_bi.recommendations.score is
    'Higher is better; comparable among rows of one source and user alone.';
comment on column recsys_bi.recommendations.source is
    'Where the row came from: personal, live, content or popular.';
comment on column recsys_bi.recommendations.model_id is
    'Id of the model that answered; null before any was active.';
comment on column recsys_bi.recommendations.made_at is 'When the list was made.';
