create view recsys_bi.most_loved_movies as
select row_number() over (order by b.bayesian_mean desc, b.movie_id) as rank,
    b.movie_id, b.title, b.year, b.rating_count, b.rating_mean, b.bayesian_mean,
    b.prior_mean, b.prior_count, b.liked_share
from recsys_bi.bayesian_ratings b;

comment on view recsys_bi.most_loved_movies is
    'One row per rated film, the most loved first: by the Bayesian mean, so that two ratings of '
    '5 stars do not beat two hundred of 4.5.';
comment on column recsys_bi.most_loved_movies.rank is '1 is the most loved.';
comment on column recsys_bi.most_loved_movies.movie_id is 'Id of the film.';
comment on column recsys_bi.most_loved_movies.title is 'Title of the film.';
comment on column recsys_bi.most_loved_movies.year is 'Its year of release.';
comment on column recsys_bi.most_loved_movies.rating_count is 'Number of its ratings, n.';
comment on column recsys_bi.most_loved_movies.rating_mean is 'Their mean in stars.';
comment on column recsys_bi.most_loved_movies.bayesian_mean is
    '(n * rating_mean + prior_count * prior_mean) / (n + prior_count).';
comment on column recsys_bi.most_loved_movies.prior_mean is
    'Mean of all ratings, which a film without ratings is taken to have.';
comment on column recsys_bi.most_loved_movies.prior_count is
    'How many ratings that prior counts for: see recsys_bi.bayesian_ratings.';
comment on column recsys_bi.most_loved_movies.liked_share is
    'Share of its ratings of 4 stars or more.';
