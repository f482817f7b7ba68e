create or replace function recsys_internal.measure_experiments(
    as_of timestamptz default 'infinity',
    name text default null
)
returns table (
    experiment text, variant text, users bigint, impressions bigint, users_clicked bigint,
    clicks bigint, plays bigint, ratings bigint, stars double precision,
    clicks_per_user double precision, control text, compared_users bigint,
    log_lift double precision, variance double precision, alpha double precision
)
language sql stable
-- A view's functions run with the rights of its reader, who may have none on what it counts.
security definer
set search_path = pg_catalog, pg_temp
as $$
with users as materialized (
    select * from recsys_internal.experiment_counts(as_of, name)
),
variants as (
    select u.experiment, u.variant, count(*) as users, sum(u.impressions)::bigint as impressions,
        count(*) filter (where u.clicks > 0) as users_clicked, sum(u.clicks)::bigint as clicks,
        sum(u.plays)::bigint as plays, sum(u.ratings)::bigint as ratings,
        sum(u.stars) / nullif(sum(u.ratings), 0) as stars,
        (sum(u.clicks) / count(*))::double precision as clicks_per_user
    from users u
    group by u.experiment, u.variant
),
pairs as (
    select v.*,
        first_value(v.variant) over every as control,
        0.05::double precision / nullif(count(*) over (partition by v.experiment) - 1, 0) as alpha
    from variants v
    window every as (partition by v.experiment order by v.variant collate "C")
),
-- How much each user moves the logarithm of the ratio. One who was shown both variants moves it
-- once, so that lists that mix them are compared within users.
pulls as (
    select p.experiment, p.variant, u.user_id, sum(
        case u.variant when p.variant then 1 else -1 end
        * (u.clicks - v.clicks_per_user) / nullif(v.clicks, 0)) as pull
    from pairs p
    join users u on u.experiment = p.experiment and u.variant in (p.variant, p.control)
    join variants v on v.experiment = u.experiment and v.variant = u.variant
    where p.variant <> p.control
    group by p.experiment, p.variant, u.user_id
),
variances as (
    select p.experiment, p.variant, count(*) as users, sum(p.pull * p.pull) as variance
    from pulls p
    group by p.experiment, p.variant
)
select p.experiment, p.variant, p.users, p.impressions, p.users_clicked, p.clicks, p.plays,
    p.ratings, p.stars, p.clicks_per_user, p.control, x.users,
    case when p.variant <> p.control and least(p.clicks, c.clicks) >= 50 then
        ln(p.clicks_per_user / c.clicks_per_user) end,
    case when least(p.clicks, c.clicks) >= 50 then x.variance end, p.alpha
from pairs p
join variants c on c.experiment = p.experiment and c.variant = p.control
left join variances x on x.experiment = p.experiment and x.variant = p.variant
$$;

comment on function recsys_internal.measure_experiments is
    'One row per variant of an experiment, or of all, as of a time: what was shown and came of it, and the '
    'logarithm of the ratio of clicks a user to the first variant''s (by name), with its variance '
    'by the delta method; null below 50 clicks. alpha is shared among the comparisons.';
