"""Lists say which variant of an experiment they are.

Revision ID: 0020
Revises: 0019
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

UPGRADE = """
alter type recsys.recommendation add attribute variant text;
-- They take another argument now.
drop function if exists recsys.recommend, recsys_internal.recommend_among,
    recsys_internal.complete_recommendations;
"""

DOWNGRADE = """
drop function if exists recsys.interleave, recsys.log_shown, recsys.variant_of, recsys.recommend,
    recsys_internal.recommend_among, recsys_internal.complete_recommendations,
    recsys_internal.estimate_clicks, recsys_internal.known_before,
    recsys_internal.measure_experiments,
    recsys_internal.experiment_counts, recsys_internal.always_valid_margin,
    recsys_internal.find_variant, recsys_internal.running_variants, recsys_internal.chance;
alter type recsys.recommendation drop attribute variant;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
