"""What users say of films apart from stars; ids of users and films that are no numbers.

Revision ID: 0018
Revises: 0017
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

UPGRADE = """
create table recsys.feedback (
    user_id bigint not null,
    movie_id bigint not null,
    kind text not null,
    at timestamptz not null default now(),
    constraint pk_feedback primary key (user_id, movie_id, kind),
    constraint fk_feedback_movie_id_movies foreign key (movie_id)
        references recsys.movies (movie_id),
    constraint ck_feedback_kind check (kind in ('seen', 'liked', 'watchlist'))
);
create index ix_feedback_movie_id on recsys.feedback (movie_id);
comment on table recsys.feedback is
    'One row per user, film and kind of what they said or did about it, apart from ratings.';
comment on column recsys.feedback.user_id is 'Who; needs no row in users.';
comment on column recsys.feedback.movie_id is 'The film.';
comment on column recsys.feedback.kind is
    'seen: watched, without stars; liked: watched and liked, without stars; watchlist: to be '
    'watched. Seen and liked films are left out of the user''s lists, as rated ones are.';
comment on column recsys.feedback.at is 'When.';

create table recsys.user_keys (
    user_id bigint not null,
    key text not null,
    constraint pk_user_keys primary key (user_id),
    constraint uq_user_keys_key unique (key)
);
comment on table recsys.user_keys is
    'One row per user whose id in the source is no number.';
comment on column recsys.user_keys.user_id is 'The number that the user got here.';
comment on column recsys.user_keys.key is 'Id of the user in the source.';

create table recsys.movie_keys (
    movie_id bigint not null,
    key text not null,
    constraint pk_movie_keys primary key (movie_id),
    constraint uq_movie_keys_key unique (key),
    constraint fk_movie_keys_movie_id_movies foreign key (movie_id)
        references recsys.movies (movie_id) on delete cascade
);
comment on table recsys.movie_keys is
    'One row per film whose id in the source is no number.';
comment on column recsys.movie_keys.movie_id is 'The number that the film got here.';
comment on column recsys.movie_keys.key is 'Id of the film in the source.';
"""

DOWNGRADE = """
drop table recsys.movie_keys;
drop table recsys.user_keys;
drop table recsys.feedback;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
