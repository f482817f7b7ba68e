create view recsys_bi.experiment_results as
with measured as (
    select m.*, recsys_internal.always_valid_margin(m.variance, m.alpha) as margin
    from recsys_internal.measure_experiments() m
),
-- How many times as many users would leave the lift's sign in no doubt, if it stays as it is.
needed as (
    select m.experiment, m.variant, min(power(1.1::double precision, n)) as times
    from measured m
    cross join generate_series(1, 48) n
    where abs(m.log_lift) > recsys_internal.always_valid_margin(
        m.variance / power(1.1::double precision, n), m.alpha)
    group by m.experiment, m.variant
)
select m.experiment, m.variant, e.started_at, e.ended_at, v.model_id, m.users, m.impressions,
    m.users_clicked, m.clicks, m.plays, m.ratings, m.stars as rating_mean, m.clicks_per_user,
    exp(m.log_lift) - 1 as lift, exp(m.log_lift - m.margin) - 1 as lift_low,
    exp(m.log_lift + m.margin) - 1 as lift_high,
    case
        when m.variant = m.control then 'the others are compared with it'
        when m.log_lift is null then 'not yet enough: each variant needs 50 clicks'
        when m.log_lift > m.margin then format('better than %s', m.control)
        when m.log_lift < -m.margin then format('worse than %s', m.control)
        when n.times is null then
            'not yet enough: no difference that 100 times as many users would show'
        else format('not yet enough: about %s more users', to_char(
            round(((n.times - 1) * m.compared_users)::numeric,
                1 - floor(log(greatest((n.times - 1) * m.compared_users, 1)))::integer),
            'FM999,999,999,999'))
    end as verdict
from measured m
left join recsys.experiments e on e.name = m.experiment
left join recsys.experiment_variants v on v.experiment = m.experiment and v.variant = m.variant
left join needed n on n.experiment = m.experiment and n.variant = m.variant;

comment on view recsys_bi.experiment_results is
    'One row per experiment and variant that users were shown: what came of it. Users are compared '
    'as they were assigned, with all that they clicked; the interval holds at all looks at once, '
    'so look as often as you like and stop when you like.';
comment on column recsys_bi.experiment_results.experiment is 'Name of the experiment.';
comment on column recsys_bi.experiment_results.variant is 'Name of the variant.';
comment on column recsys_bi.experiment_results.started_at is
    'When the experiment started; null for one that was deleted.';
comment on column recsys_bi.experiment_results.ended_at is 'When it ended or will end; null: open.';
comment on column recsys_bi.experiment_results.model_id is
    'The variant''s model; null: whichever is active.';
comment on column recsys_bi.experiment_results.users is 'Users who were shown a list of it.';
comment on column recsys_bi.experiment_results.impressions is 'Films that they were shown.';
comment on column recsys_bi.experiment_results.users_clicked is
    'Users who opened one of those films within 7 days of an impression.';
comment on column recsys_bi.experiment_results.clicks is
    'Films that they opened within 7 days of an impression; a film counts once a user.';
comment on column recsys_bi.experiment_results.plays is 'Films that they played by then.';
comment on column recsys_bi.experiment_results.ratings is 'Films that they rated by then.';
comment on column recsys_bi.experiment_results.rating_mean is
    'Mean of those ratings in stars; null without any.';
comment on column recsys_bi.experiment_results.clicks_per_user is
    'Clicks over users: what variants are compared by.';
comment on column recsys_bi.experiment_results.lift is
    'How many more clicks a user than the first variant by name, as a share; null for that one, '
    'and below 50 clicks.';
comment on column recsys_bi.experiment_results.lift_low is
    'Lower end of its 95 % interval, which holds on all days at once.';
comment on column recsys_bi.experiment_results.lift_high is 'Upper end of that interval.';
comment on column recsys_bi.experiment_results.verdict is
    'Better or worse than the first variant, or about how many more users it takes to tell.';
