"""Scores and reasons of a list from one reading of what the user rated.

Revision ID: 0016
Revises: 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

DROP = """
do $$
declare
    doomed regprocedure;
begin
    -- They are installed anew with the schema that they belong to.
    for doomed in
        select p.oid::regprocedure from pg_proc p
        where p.pronamespace = 'recsys_internal'::regnamespace
          and p.proname in ('find_ordering', 'even_ordering', 'order_scores', 'rerank',
            'find_reasons', 'group_reasons')
    loop
        execute format('drop function %s', doomed);
    end loop;
end
$$;
drop type recsys_internal.ordering;
"""

UPGRADE = """
create type recsys_internal.ordering as (
    weights real[], film_ids bigint[], shares double precision[], likes boolean[]
);
comment on type recsys_internal.ordering is
    'What a user weighs in the order of candidates: the weights of its inputs; the films they '
    'rated, how much each counts in their sum and its recent part, weighted; and whether they like '
    'it.';
"""

DOWNGRADE = """
create type recsys_internal.ordering as (
    weights real[], leaning vector, film_ids bigint[], shares double precision[], likes boolean[]
);
comment on type recsys_internal.ordering is
    'What a user weighs in the order of candidates: the weights of its inputs; the sum of what '
    'they rated and its recent part, weighted; the films they rated, how much each counts in that, '
    'and whether they like it.';
"""


def upgrade() -> None:
    op.execute(DROP)
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DROP)
    op.execute(DOWNGRADE)
