"""What a user rated is read once for an answer.

Revision ID: 0021
Revises: 0020
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

UPGRADE = """
create type recsys_internal.rated as (
    movie_ids bigint[], stars real[], rated_at timestamptz[]
);
comment on type recsys_internal.rated is
    'What a user rated, with how many stars and when, in no order.';
drop function if exists recsys_internal.find_taste, recsys_internal.find_rater,
    recsys_internal.solve_rater, recsys_internal.find_ordering, recsys_internal.recommend_among;
"""

DOWNGRADE = """
drop function if exists recsys_internal.find_taste, recsys_internal.find_rater,
    recsys_internal.solve_rater, recsys_internal.find_ordering, recsys_internal.recommend_among,
    recsys_internal.find_rated;
drop type recsys_internal.rated;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
