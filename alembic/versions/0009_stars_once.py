"""The stars of a list are predicted once: the stages hand them on.

Functions whose arguments or results changed. They are installed with the rest of `sql/`.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

CHANGED = """
drop function if exists recsys_internal.rerank(
    recsys.rankers, recsys_internal.rater, bigint[], double precision[]);
drop function if exists recsys_internal.diversify(
    recsys.models, bigint[], double precision[], integer, real);
drop function if exists recsys_internal.complete_recommendations(
    recsys.models, text, bigint[], double precision[], {} bigint[], integer, bigint[],
    recsys_internal.filters, recsys.rankers, recsys_internal.rater[], boolean);
"""


def upgrade() -> None:
    op.execute(CHANGED.format(""))


def downgrade() -> None:
    op.execute(CHANGED.format("real[],"))
