create materialized view recsys_internal.bi_user_cohorts as
with user_months as materialized (
    select r.user_id, date_trunc('month', r.rated_at at time zone 'UTC')::date as month,
        count(*) as rating_count
    from recsys.ratings r
    group by 1, 2
),
cohorts as materialized (
    select user_id, min(month) as month
    from user_months
    group by user_id
),
sizes as (
    select month, count(*) as user_count
    from cohorts
    group by month
),
months as (
    select c.month as cohort_month,
        ((extract(year from um.month) - extract(year from c.month)) * 12
            + extract(month from um.month) - extract(month from c.month))::integer as months_since,
        count(*) as active_user_count, sum(um.rating_count)::bigint as rating_count
    from user_months um
    join cohorts c on c.user_id = um.user_id
    group by 1, 2
)
select m.cohort_month, m.months_since, s.user_count, m.active_user_count, m.rating_count,
    m.active_user_count / s.user_count::double precision as retention
from months m
join sizes s on s.month = m.cohort_month;

create unique index uq_bi_user_cohorts
    on recsys_internal.bi_user_cohorts (cohort_month, months_since);

comment on materialized view recsys_internal.bi_user_cohorts is
    'One row per cohort and month since: what recsys_bi.user_cohorts shows.';
