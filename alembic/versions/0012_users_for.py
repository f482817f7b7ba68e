"""Users as answers: the type of their rows.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create type recsys.ranked_user as (rank integer, user_id bigint, score double precision);
        comment on type recsys.ranked_user is 'A user and how well they fit what was asked.';
    """)


def downgrade() -> None:
    op.execute("""
        drop function if exists recsys.users_for, recsys.similar_users,
            recsys_internal.nearest_users, recsys_internal.outdated_users,
            recsys_internal.user_match;
        drop type recsys.ranked_user;
    """)
