create view recsys_bi.model_metrics as
with learned as (
    select m.model_id, m.created_at, 'retrieval' as method, x.key, x.value
    from recsys.models m
    cross join lateral jsonb_each(m.metrics) x
    union all
    select r.model_id, m.created_at, 'recommend', x.key, x.value
    from recsys.rankers r
    join recsys.models m on m.model_id = r.model_id
    cross join lateral jsonb_each(r.metrics) x
    union all
    select o.model_id, m.created_at, case x.key when o.name then 'recommend' else x.key end,
        'ndcg@10', x.value
    from recsys.orders o
    join recsys.models m on m.model_id = o.model_id
    cross join lateral jsonb_each(o.metrics -> 'ndcg@10') x
)
select l.model_id, l.created_at as measured_at, 'training' as protocol, l.method,
    regexp_replace(l.key, '@.*', '') as metric, substring(l.key from '@([0-9]+)')::integer as k,
    (l.value #>> '{}')::double precision as value,
    null::double precision as ci_low, null::double precision as ci_high
from learned l
where jsonb_typeof(l.value) = 'number'
union all
select e.model_id, e.evaluated_at, e.protocol, e.method, e.metric, e.k, e.value, e.ci_low, e.ci_high
from recsys.evaluations e;

comment on view recsys_bi.model_metrics is
    'One row per figure that was measured of a model: by its training, on ratings held out for '
    'it, or by `recsys evaluate`.';
comment on column recsys_bi.model_metrics.model_id is
    'Id of the model; null where an evaluation went by no model''s parameters.';
comment on column recsys_bi.model_metrics.measured_at is 'When it was measured.';
comment on column recsys_bi.model_metrics.protocol is
    'training, or how `recsys evaluate` held ratings out.';
comment on column recsys_bi.model_metrics.method is
    'recommend (what SQL answers), another order of the same candidates (retrieval, plain, popular, '
    'learned), or a baseline.';
comment on column recsys_bi.model_metrics.metric is 'Name of the figure: ndcg, rmse, loss ...';
comment on column recsys_bi.model_metrics.k is
    'Length of the lists; null where it is not about lists.';
comment on column recsys_bi.model_metrics.value is 'The figure.';
comment on column recsys_bi.model_metrics.ci_low is
    'Lower end of its 95 % interval over users; null where none was estimated.';
comment on column recsys_bi.model_metrics.ci_high is 'Upper end of that interval.';
