"""Materialized views, which are made and replaced with the rest of `sql/`.

Older versions know nothing of them, so that a downgrade must drop them.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

DOWNGRADE = r"""
do $$
declare
    name text;
begin
    for name in
        select matviewname from pg_matviews
        where schemaname = 'recsys_internal' and matviewname like 'bi\_%'
    loop
        execute format('drop materialized view recsys_internal.%I', name);
    end loop;
end
$$
"""


def upgrade() -> None:
    """Nothing: `sql/` is installed after the migrations."""


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWNGRADE, execution_options={"no_parameters": True})
