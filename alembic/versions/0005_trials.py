"""Trials: the trainings that parameters were chosen by.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Its arguments change.
OLD_FUNCTION = "drop function if exists recsys_internal.index_model(bigint)"
TABLES = """
create table recsys.trials (
    trial_id bigint generated always as identity,
    started_at timestamptz not null,
    parameters jsonb not null,
    metric text not null,
    value double precision,
    duration interval not null,
    model_id bigint,
    constraint pk_trials primary key (trial_id),
    constraint fk_trials_model_id_models foreign key (model_id)
        references recsys.models (model_id) on delete set null
);
create index ix_trials_model_id on recsys.trials (model_id);
comment on table recsys.trials is
    'One row per training that was tried on a part of the ratings to choose parameters.';
comment on column recsys.trials.trial_id is 'The trial.';
comment on column recsys.trials.started_at is
    'When `recsys train` began: the same for all trials of one choice.';
comment on column recsys.trials.parameters is 'Parameters that were tried.';
comment on column recsys.trials.metric is 'What was measured, such as ndcg@10.';
comment on column recsys.trials.value is
    'Mean over the users, on positives that the trial did not learn from; null where it was '
    'stopped early.';
comment on column recsys.trials.duration is 'How long the trial took.';
comment on column recsys.trials.model_id is
    'The model that was trained with the best parameters; null if there is none (any more).';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(OLD_FUNCTION)
    op.get_bind().exec_driver_sql(TABLES, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(
        "drop function if exists recsys_internal.index_model(bigint, boolean)"
    )
    op.get_bind().exec_driver_sql("drop table recsys.trials")
