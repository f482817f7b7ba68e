create or replace function recsys_internal.experiment_counts(
    as_of timestamptz,
    name text default null
)
returns table (
    experiment text, variant text, user_id bigint, impressions bigint, clicks bigint, plays bigint,
    ratings bigint, stars double precision
)
language plpgsql stable
set plan_cache_mode = force_custom_plan  -- as of stored_users
as $$
#variable_conflict use_column
begin
    return query
    with films as (
        select i.experiment, i.variant, i.user_id, i.movie_id, count(*) as impressions,
            bool_or(c.at >= i.shown_at and c.at < least(i.shown_at + interval '7 days', as_of))
                as clicked,
            bool_or(p.at >= i.shown_at and p.at < least(i.shown_at + interval '7 days', as_of))
                as played,
            max(r.rating) filter (
                where r.rated_at >= i.shown_at
                  and r.rated_at < least(i.shown_at + interval '7 days', as_of)) as rating
        from recsys.impressions i
        left join recsys.feedback c
            on c.user_id = i.user_id and c.movie_id = i.movie_id and c.kind = 'clicked'
        left join recsys.feedback p
            on p.user_id = i.user_id and p.movie_id = i.movie_id and p.kind = 'played'
        left join recsys.ratings r on r.user_id = i.user_id and r.movie_id = i.movie_id
        where i.experiment = coalesce(name, i.experiment) and i.variant is not null and i.shown_at < as_of
        group by i.user_id, i.movie_id, i.experiment, i.variant
    )
    select f.experiment, f.variant, f.user_id, sum(f.impressions)::bigint,
        count(*) filter (where f.clicked), count(*) filter (where f.played), count(f.rating),
        sum(f.rating::double precision)
    from films f
    group by f.user_id, f.experiment, f.variant;
end
$$;

comment on function recsys_internal.experiment_counts is
    'What each user was shown in each variant of an experiment, or of all, before a time, and did about it by then: films that '
    'they opened, played and rated within 7 days of an impression; the sum of those stars.';
