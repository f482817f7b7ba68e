create view recsys_bi.freshness as
select f.refreshed_at, f.rating_count, f.newest_rated_at
from recsys_internal.bi_freshness f;

comment on view recsys_bi.freshness is
    'One row: of which ratings genre_popularity, user_activity and user_cohorts tell, which '
    '`recsys bi refresh` brings up to date; all other views are as of now.';
comment on column recsys_bi.freshness.refreshed_at is 'When they were brought up to date.';
comment on column recsys_bi.freshness.rating_count is 'Number of ratings at that time.';
comment on column recsys_bi.freshness.newest_rated_at is 'Time of the newest rating at that time.';
