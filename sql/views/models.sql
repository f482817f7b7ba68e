-- The active model is found as in recsys_internal.find_model, which would run with the rights of
-- the reader of the view.
create view recsys_bi.models as
with active as (
    select model_id
    from recsys.models
    where activated_at is not null
    order by activated_at desc, model_id desc
    limit 1
)
select m.model_id, m.algorithm, a.model_id is not null as active, m.factors,
    (m.parameters ->> 'regularization')::double precision as regularization,
    (m.parameters ->> 'alpha')::double precision as alpha,
    (m.data ->> 'ratings')::bigint as rating_count, m.user_count, m.movie_count,
    r.model_id is not null as ranker, o.name as list_order,
    extract(epoch from m.half_life)::double precision / 86400 as half_life_days,
    extract(epoch from m.duration)::double precision as duration_s, m.created_at, m.activated_at
from recsys.models m
left join active a on a.model_id = m.model_id
left join recsys.rankers r on r.model_id = m.model_id
left join recsys.orders o on o.model_id = m.model_id;

comment on view recsys_bi.models is 'One row per model, trained or imported.';
comment on column recsys_bi.models.model_id is 'Id of the model; later ones are higher.';
comment on column recsys_bi.models.algorithm is 'How it was made.';
comment on column recsys_bi.models.active is 'True for the one that answers.';
comment on column recsys_bi.models.factors is 'Length of its vectors.';
comment on column recsys_bi.models.regularization is
    'Weight of the vectors'' squared lengths; null where it has none.';
comment on column recsys_bi.models.alpha is
    'Weight of every pair, liked or not; null where it has none.';
comment on column recsys_bi.models.rating_count is
    'Number of ratings that it has learned from; null for an imported one.';
comment on column recsys_bi.models.user_count is 'Number of users with a vector.';
comment on column recsys_bi.models.movie_count is 'Number of films with a vector.';
comment on column recsys_bi.models.ranker is 'True where it has a ranker, which predicts stars.';
comment on column recsys_bi.models.list_order is
    'What puts its lists in order: learned, plain, popular or retrieval; null: retrieval.';
comment on column recsys_bi.models.half_life_days is
    'Days in which a like comes to count half in the popularity of films; null: all count alike.';
comment on column recsys_bi.models.duration_s is 'Seconds that the training took.';
comment on column recsys_bi.models.created_at is 'When it was made.';
comment on column recsys_bi.models.activated_at is 'When it was last activated; null if never.';
