create view recsys_bi.user_activity as
select u.user_id, u.rating_count, u.liked_count, u.rating_mean, u.rating_stddev,
    u.first_rated_at, u.last_rated_at,
    date_trunc('month', u.first_rated_at at time zone 'UTC')::date as cohort_month,
    u.active_days
from recsys_internal.bi_user_activity u;

comment on view recsys_bi.user_activity is
    'One row per user who has rated, as of recsys_bi.freshness.';
comment on column recsys_bi.user_activity.user_id is 'Id of the user.';
comment on column recsys_bi.user_activity.rating_count is 'Number of ratings.';
comment on column recsys_bi.user_activity.liked_count is 'Those of 4 stars or more.';
comment on column recsys_bi.user_activity.rating_mean is 'Their mean in stars.';
comment on column recsys_bi.user_activity.rating_stddev is
    'Their standard deviation in stars; null for one rating.';
comment on column recsys_bi.user_activity.first_rated_at is 'When the user rated first.';
comment on column recsys_bi.user_activity.last_rated_at is 'When the user rated last.';
comment on column recsys_bi.user_activity.cohort_month is
    'First day of the month of the first rating, in UTC.';
comment on column recsys_bi.user_activity.active_days is
    'Number of days, in UTC, on which the user rated.';
