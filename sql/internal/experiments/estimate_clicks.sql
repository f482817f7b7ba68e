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
language plpgsql stable
set plan_cache_mode = force_custom_plan  -- as of stored_users
as $$
#variable_conflict use_column
declare
    asked bigint[];  -- users
    first_times timestamptz[];
    lengths integer[];
    user_ids bigint[];  -- of each place
    ranks integer[];
    films bigint[];
    propensities real[];
    clicks boolean[];
begin
    select array_agg(l.user_id), array_agg(l.first_at), array_agg(l.k)
    into asked, first_times, lengths
    from (
        select i.user_id, min(i.shown_at) as first_at, max(i.rank) as k
        from recsys.impressions i
        where i.propensity is not null and i.shown_at >= since
        group by i.user_id
    ) l;
    select array_agg(l.user_id), array_agg(l.first_at), array_agg(l.k)
    into asked, first_times, lengths
    from (
        select *
        from unnest(asked, first_times, lengths) as l (user_id, first_at, k)
        order by recsys_internal.chance('estimate', l.user_id), l.user_id
        limit user_limit
    ) l;
    select array_agg(i.user_id), array_agg(i.rank), array_agg(i.movie_id),
        array_agg(i.propensity), array_agg(c.user_id is not null)
    into user_ids, ranks, films, propensities, clicks
    from recsys.impressions i
    left join recsys.feedback c on c.user_id = i.user_id and c.movie_id = i.movie_id
        and c.kind = 'clicked' and c.at >= i.shown_at and c.at < i.shown_at + interval '7 days'
    where i.user_id = any (asked) and i.propensity is not null and i.shown_at >= since;
    return query
    -- What the model would show now, to a user who had not yet reacted to what was logged.
    with lists as materialized (
        select l.user_id, r.rank, r.movie_id
        from unnest(asked, first_times, lengths) as l (user_id, first_at, k)
        cross join lateral recsys.recommend(
            l.user_id, l.k, include_rated => true, model_id => estimate_clicks.model_id,
            exclude_movies => recsys_internal.known_before(l.user_id, l.first_at)) r
    ),
    places as materialized (
        select p.user_id, p.clicked::integer as clicked,
            case when r.movie_id is null then 0
                else least(1 / p.propensity::double precision, largest_weight) end as weight
        from unnest(user_ids, ranks, films, propensities, clicks)
            as p (user_id, rank, movie_id, propensity, clicked)
        left join lists r
            on r.user_id = p.user_id and r.rank = p.rank and r.movie_id = p.movie_id
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
    where t.places > 0;
end
$$;

comment on function recsys_internal.estimate_clicks is
    'How many clicks a place of a list a model would get, from lists of others that were logged '
    'with propensities: each click counts one over the propensity where the model would show the '
    'same film at the same place. Clipped and self-normalised inverse propensity scoring '
    '(Swaminathan and Joachims 2015); effective_places is Kish''s sample size, coverage is 1 where '
    'all that the model would show could have been shown. No row without propensities.';

create or replace function recsys_internal.known_before(user_id bigint, before timestamptz)
returns bigint[]
language plpgsql stable
as $$
declare
    rated bigint[];
    marked bigint[];
begin
    select array_agg(r.movie_id) into rated
    from recsys.ratings r
    where r.user_id = known_before.user_id and r.rated_at < before;
    select array_agg(f.movie_id) into marked
    from recsys.feedback f
    where f.user_id = known_before.user_id and f.at < before
      and f.kind in ('seen', 'liked', 'played', 'hidden');
    return rated || marked;
end
$$;

comment on function recsys_internal.known_before is
    'The films that a user had rated, watched or hidden before a time; null if none.';
