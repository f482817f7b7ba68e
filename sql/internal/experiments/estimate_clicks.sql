create or replace function recsys_internal.estimate_clicks(
    model_id bigint,
    since timestamptz default '-infinity',
    user_limit integer default null,
    largest_weight double precision default 100
)
returns table (
    users bigint, places bigint, logged_rate double precision, click_rate double precision,
    rate_low double precision, rate_high double precision, effective_places double precision,
    coverage double precision
)
language sql stable
as $$
with logged as materialized (
    select i.user_id, min(i.shown_at) as first_at, max(i.rank) as k
    from recsys.impressions i
    where i.propensity is not null and i.shown_at >= since
    group by i.user_id
    order by recsys_internal.chance('estimate', i.user_id), i.user_id
    limit user_limit
),
-- What the model would show now, to a user who had not yet reacted to what was logged.
lists as materialized (
    select l.user_id, r.rank, r.movie_id
    from logged l
    cross join lateral recsys.recommend(
        l.user_id, l.k, include_rated => true, model_id => estimate_clicks.model_id,
        exclude_movies => array(
            select r.movie_id from recsys.ratings r
            where r.user_id = l.user_id and r.rated_at < l.first_at
            union all
            select f.movie_id from recsys.feedback f
            where f.user_id = l.user_id and f.at < l.first_at
              and f.kind in ('seen', 'liked', 'played', 'hidden'))) r
),
places as materialized (
    select i.user_id, (c.user_id is not null)::integer as clicked,
        case when r.movie_id is null then 0
            else least(1 / i.propensity::double precision, largest_weight) end as weight
    from logged l
    join recsys.impressions i on i.user_id = l.user_id
    left join recsys.feedback c on c.user_id = i.user_id and c.movie_id = i.movie_id
        and c.kind = 'clicked' and c.at >= i.shown_at and c.at < i.shown_at + interval '7 days'
    left join lists r
        on r.user_id = i.user_id and r.rank = i.rank and r.movie_id = i.movie_id
    where i.propensity is not null and i.shown_at >= since
),
totals as (
    select count(*) as places, avg(p.clicked)::double precision as logged_rate,
        sum(p.weight) as weight, sum(p.weight * p.weight) as squares,
        sum(p.weight * p.clicked) / nullif(sum(p.weight), 0) as rate
    from places p
),
spread as (
    select count(*) as users, 1.96 * sqrt(sum(u.pull * u.pull)) as half
    from (
        select p.user_id, sum(p.weight * (p.clicked - t.rate)) / nullif(t.weight, 0) as pull
        from places p
        cross join totals t
        group by p.user_id, t.weight
    ) u
)
select s.users, t.places, t.logged_rate, t.rate, greatest(t.rate - s.half, 0),
    least(t.rate + s.half, 1), t.weight * t.weight / nullif(t.squares, 0), t.weight / t.places
from totals t
cross join spread s
where t.places > 0
$$;

comment on function recsys_internal.estimate_clicks is
    'How many clicks a place of a list a model would get, from lists of others that were logged '
    'with propensities: each click counts one over the propensity where the model would show the '
    'same film at the same place. Clipped and self-normalised inverse propensity scoring '
    '(Swaminathan and Joachims 2015); effective_places is Kish''s sample size, coverage is 1 where '
    'all that the model would show could have been shown. No row without propensities.';
