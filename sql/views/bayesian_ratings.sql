-- Credibility theory: the mean of a film with n ratings is (n * mean + k * prior mean) / (n + k),
-- where k is the variance within films over the variance between films, by the unbiased
-- estimators of Buehlmann and Straub (1970). Variances are shrunk likewise: the prior is a scaled
-- inverse chi-squared distribution whose degrees of freedom are fitted to how much the films'
-- variances differ beyond what so few ratings make them differ.
create view recsys_bi.bayesian_ratings as
with films as materialized (
    select r.movie_id, count(*)::double precision as n, avg(r.rating) as mean,
        coalesce(var_samp(r.rating), 0) as variance,
        count(*) filter (where r.rating >= 4) as liked_count,
        count(*) filter (where r.rating <= 2) as disliked_count
    from recsys.ratings r
    group by r.movie_id
),
totals as (
    select count(*) as films, sum(n) as n, sum(n * n) as squares, sum(n * mean) / sum(n) as mean,
        sum((n - 1) * variance) / nullif(sum(n - 1), 0) as within,
        count(*) filter (where n > 1) / nullif(sum(n - 1), 0) as films_per_degree
    from films
),
spreads as (
    select t.films, t.n, t.squares, t.mean, t.within, t.films_per_degree,
        sum(f.n * (f.mean - t.mean) ^ 2) as between_sum,
        sum((f.n - 1) * (f.variance - t.within) ^ 2) / nullif(sum(f.n - 1), 0) as variance_spread
    from films f
    cross join totals t
    group by t.films, t.n, t.squares, t.mean, t.within, t.films_per_degree
),
prior as (
    select s.mean, s.within,
        -- Null where films do not differ by more than chance: then all are the prior's.
        s.within / nullif(greatest(
            (s.between_sum - (s.films - 1) * s.within) / nullif(s.n - s.squares / s.n, 0), 0), 0)
            as mean_count,
        4 + 2 * s.within ^ 2 / nullif(greatest(
            s.variance_spread - 2 * s.within ^ 2 * s.films_per_degree, 0), 0) as variance_count
    from spreads s
)
select m.movie_id, m.title, m.year, f.n::bigint as rating_count, f.mean as rating_mean,
    coalesce((f.n * f.mean + p.mean_count * p.mean) / (f.n + p.mean_count), p.mean)
        as bayesian_mean,
    p.mean as prior_mean, p.mean_count as prior_count,
    case when f.n > 1 then sqrt(f.variance) end as rating_stddev,
    sqrt(coalesce(
        ((f.n - 1) * f.variance + p.variance_count * p.within) / (f.n - 1 + p.variance_count),
        p.within)) as bayesian_stddev,
    sqrt(p.within) as prior_stddev, p.variance_count as prior_stddev_count,
    f.liked_count / f.n as liked_share, f.disliked_count / f.n as disliked_share
from films f
cross join prior p
join recsys.movies m on m.movie_id = f.movie_id;

comment on view recsys_bi.bayesian_ratings is
    'One row per rated film: mean and spread of its ratings, and the same shrunk towards the '
    'average film''s as far as its ratings are few.';
comment on column recsys_bi.bayesian_ratings.movie_id is 'Id of the film.';
comment on column recsys_bi.bayesian_ratings.title is 'Title of the film.';
comment on column recsys_bi.bayesian_ratings.year is 'Its year of release.';
comment on column recsys_bi.bayesian_ratings.rating_count is 'Number of its ratings, n.';
comment on column recsys_bi.bayesian_ratings.rating_mean is 'Their mean in stars.';
comment on column recsys_bi.bayesian_ratings.bayesian_mean is
    '(n * rating_mean + prior_count * prior_mean) / (n + prior_count): what to expect of '
    'further ratings.';
comment on column recsys_bi.bayesian_ratings.prior_mean is
    'Mean of all ratings, which a film without ratings is taken to have.';
comment on column recsys_bi.bayesian_ratings.prior_count is
    'How many ratings that prior counts for: variance within films over variance between films, '
    'both estimated from all ratings. Null where films do not differ.';
comment on column recsys_bi.bayesian_ratings.rating_stddev is
    'Standard deviation of its ratings in stars; null for one rating.';
comment on column recsys_bi.bayesian_ratings.bayesian_stddev is
    'Root of ((n - 1) * rating_stddev^2 + prior_stddev_count * prior_stddev^2) / (n - 1 + '
    'prior_stddev_count).';
comment on column recsys_bi.bayesian_ratings.prior_stddev is
    'Standard deviation within films, of all films together.';
comment on column recsys_bi.bayesian_ratings.prior_stddev_count is
    'How many ratings that prior counts for: the more, the less the films'' variances differ '
    'beyond chance. Null where they do not.';
comment on column recsys_bi.bayesian_ratings.liked_share is
    'Share of its ratings of 4 stars or more.';
comment on column recsys_bi.bayesian_ratings.disliked_share is
    'Share of its ratings of 2 stars or fewer.';
