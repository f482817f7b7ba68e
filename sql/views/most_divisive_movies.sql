create view recsys_bi.most_divisive_movies as
select row_number() over (order by b.bayesian_stddev desc, b.movie_id) as rank,
    b.movie_id, b.title, b.year, b.rating_count, b.rating_mean, b.rating_stddev,
    b.bayesian_stddev, b.prior_stddev, b.prior_stddev_count, b.liked_share, b.disliked_share
from recsys_bi.bayesian_ratings b;

comment on view recsys_bi.most_divisive_movies is
    'One row per rated film, the one that divides opinion most first: by the Bayesian standard '
    'deviation of its ratings.';
comment on column recsys_bi.most_divisive_movies.rank is '1 is the most divisive.';
comment on column recsys_bi.most_divisive_movies.movie_id is 'Id of the film.';
comment on column recsys_bi.most_divisive_movies.title is 'Title of the film.';
comment on column recsys_bi.most_divisive_movies.year is 'Its year of release.';
comment on column recsys_bi.most_divisive_movies.rating_count is 'Number of its ratings, n.';
comment on column recsys_bi.most_divisive_movies.rating_mean is 'Their mean in stars.';
comment on column recsys_bi.most_divisive_movies.rating_stddev is
    'Their standard deviation in stars; null for one rating.';
comment on column recsys_bi.most_divisive_movies.bayesian_stddev is
    'Root of ((n - 1) * rating_stddev^2 + prior_stddev_count * prior_stddev^2) / (n - 1 + '
    'prior_stddev_count).';
comment on column recsys_bi.most_divisive_movies.prior_stddev is
    'Standard deviation within films, of all films together.';
comment on column recsys_bi.most_divisive_movies.prior_stddev_count is
    'How many ratings that prior counts for: see recsys_bi.bayesian_ratings.';
comment on column recsys_bi.most_divisive_movies.liked_share is
    'Share of its ratings of 4 stars or more.';
comment on column recsys_bi.most_divisive_movies.disliked_share is
    'Share of its ratings of 2 stars or fewer.';
