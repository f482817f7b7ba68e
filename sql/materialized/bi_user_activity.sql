create materialized view recsys_internal.bi_user_activity as
select r.user_id, count(*) as rating_count, count(*) filter (where r.rating >= 4) as liked_count,
    avg(r.rating) as rating_mean, stddev_samp(r.rating) as rating_stddev,
    min(r.rated_at) as first_rated_at, max(r.rated_at) as last_rated_at,
    count(distinct date_trunc('day', r.rated_at at time zone 'UTC')) as active_days
from recsys.ratings r
group by r.user_id;

create unique index uq_bi_user_activity on recsys_internal.bi_user_activity (user_id);

comment on materialized view recsys_internal.bi_user_activity is
    'One row per user: what recsys_bi.user_activity shows.';
