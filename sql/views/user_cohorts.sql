create view recsys_bi.user_cohorts as
select c.cohort_month, c.months_since, c.user_count, c.active_user_count, c.retention,
    c.rating_count
from recsys_internal.bi_user_cohorts c;

comment on view recsys_bi.user_cohorts is
    'One row per cohort (the users whose first rating fell into one month) and later month in '
    'which any of them rated, as of recsys_bi.freshness.';
comment on column recsys_bi.user_cohorts.cohort_month is
    'First day of the month of the first rating, in UTC.';
comment on column recsys_bi.user_cohorts.months_since is
    'Months from then on; 0 is that month itself.';
comment on column recsys_bi.user_cohorts.user_count is 'Number of users of the cohort.';
comment on column recsys_bi.user_cohorts.active_user_count is
    'Those who rated in that later month.';
comment on column recsys_bi.user_cohorts.retention is 'Their share of the cohort, 0 to 1.';
comment on column recsys_bi.user_cohorts.rating_count is 'Number of their ratings in that month.';
