"""What people do with a list: more kinds of feedback, what they were shown, experiments.

Revision ID: 0019
Revises: 0018
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

UPGRADE = """
alter table recsys.feedback drop constraint ck_feedback_kind;
alter table recsys.feedback add constraint ck_feedback_kind check (
    kind in ('seen', 'liked', 'watchlist', 'hidden', 'not_now', 'clicked', 'played'));
comment on column recsys.feedback.kind is
    'seen, played: watched, without stars; liked: watched and liked, without stars; watchlist: to '
    'be watched; hidden: never to be shown again; not_now: not for 30 days; clicked: opened. All '
    'but watchlist and clicked leave the film out of the user''s lists.';
comment on column recsys.feedback.at is 'When; renewed when the same is written again.';

-- No index by film: a merge of films, which is rare, reads the table, as it reads the ratings.
create table recsys.impressions (
    user_id bigint not null,
    shown_at timestamptz not null default now(),
    movie_id bigint not null,
    rank integer not null,
    model_id bigint,
    experiment text,
    variant text,
    propensity real,
    constraint pk_impressions primary key (user_id, shown_at, movie_id),
    constraint fk_impressions_movie_id_movies foreign key (movie_id)
        references recsys.movies (movie_id),
    constraint ck_impressions_rank check (rank > 0),
    constraint ck_impressions_propensity check (propensity > 0 and propensity <= 1)
);
comment on table recsys.impressions is
    'One row per user, time and film that an application showed them.';
comment on column recsys.impressions.user_id is 'Who; needs no row in users.';
comment on column recsys.impressions.shown_at is 'When it was shown.';
comment on column recsys.impressions.movie_id is 'The film.';
comment on column recsys.impressions.rank is 'Its place in the list, from 1.';
comment on column recsys.impressions.model_id is
    'The model that answered, which may be dropped since; null for popular films.';
comment on column recsys.impressions.experiment is 'The experiment that chose the list, if any.';
comment on column recsys.impressions.variant is 'The variant of the experiment.';
comment on column recsys.impressions.propensity is
    'How likely it was, when the list was made, that the film got this place: above 0, up to 1.';

create table recsys.experiments (
    name text not null,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    comment text,
    constraint pk_experiments primary key (name),
    constraint ck_experiments_ended_at check (ended_at >= started_at)
);
comment on table recsys.experiments is
    'One row per experiment: users get lists of different variants, and the outcomes are compared.';
comment on column recsys.experiments.name is 'Its name.';
comment on column recsys.experiments.started_at is 'From when on variants are served.';
comment on column recsys.experiments.ended_at is 'When it ended, or will end; null: not yet.';
comment on column recsys.experiments.comment is 'What it is about.';

create table recsys.experiment_variants (
    experiment text not null,
    variant text not null,
    share real not null,
    model_id bigint,
    rerank boolean,
    diversity real,
    constraint pk_experiment_variants primary key (experiment, variant),
    constraint fk_experiment_variants_experiment_experiments foreign key (experiment)
        references recsys.experiments (name) on delete cascade,
    constraint ck_experiment_variants_share check (share > 0),
    constraint ck_experiment_variants_diversity check (diversity between 0 and 1)
);
comment on table recsys.experiment_variants is
    'One row per variant of an experiment: how recsys.recommend answers its users.';
comment on column recsys.experiment_variants.experiment is 'Name of the experiment.';
comment on column recsys.experiment_variants.variant is 'Name of the variant.';
comment on column recsys.experiment_variants.share is
    'Its share of the users, relative to the other variants'' shares.';
comment on column recsys.experiment_variants.model_id is
    'The model that answers; null: the active one at the time of asking.';
comment on column recsys.experiment_variants.rerank is
    'Whether the model''s order puts films in order; null: as by default.';
comment on column recsys.experiment_variants.diversity is
    'How unlike each other the films are, 0 to 1; null: as by default.';

create type recsys_internal.marks as (
    hidden bigint[], away bigint[], watchlist bigint[], watched bigint[],
    watched_at timestamptz[], likes boolean[]
);
comment on type recsys_internal.marks is
    'Feedback as of now: films hidden; those that stay away however they are asked for; the '
    'watchlist; films watched without a rating, when, and whether they were liked.';
create type recsys_internal.shown as (movie_ids bigint[], steps double precision[]);
comment on type recsys_internal.shown is
    'Films that a user was shown lately, and by how many places each steps back.';
alter type recsys_internal.filters add attribute only_movies bigint[];

-- They take another argument now.
drop function if exists recsys.recommend, recsys_internal.find_ordering,
    recsys_internal.complete_recommendations;
"""

DOWNGRADE = """
drop function if exists recsys.recommend, recsys.watchlist, recsys_internal.find_ordering,
    recsys_internal.complete_recommendations, recsys_internal.recommend_among,
    recsys_internal.find_marks, recsys_internal.find_shown, recsys_internal.step_back,
    recsys_internal.reach, recsys_internal.limited_to, recsys_internal.check_fresh,
    recsys_internal.watched, recsys_internal.away;
alter type recsys_internal.filters drop attribute only_movies;
drop type recsys_internal.shown, recsys_internal.marks;
drop table recsys.experiment_variants;
drop table recsys.experiments;
drop table recsys.impressions;
delete from recsys.feedback where kind not in ('seen', 'liked', 'watchlist');
alter table recsys.feedback drop constraint ck_feedback_kind;
alter table recsys.feedback add constraint ck_feedback_kind check (
    kind in ('seen', 'liked', 'watchlist'));
comment on column recsys.feedback.kind is
    'seen: watched, without stars; liked: watched and liked, without stars; watchlist: to be '
    'watched. Seen and liked films are left out of the user''s lists, as rated ones are.';
comment on column recsys.feedback.at is 'When.';
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
