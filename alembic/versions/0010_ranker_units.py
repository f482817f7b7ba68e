"""The units in which a ranker counts users' facts stand with it, not in the functions.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The defaults are for the rankers that are there: they have learned with these.
    op.execute("""
        alter table recsys.rankers
            add column typical_ratings double precision not null default 5,
            add column time_unit double precision not null default 157788000;
        alter table recsys.rankers
            alter column typical_ratings drop default,
            alter column time_unit drop default;
        comment on column recsys.rankers.typical_ratings is
            'So many ratings of a typical user are added to each user''s own: the fewer there are, '
            'the more variance and share of half stars are the typical ones.';
        comment on column recsys.rankers.time_unit is
            'Seconds that count as one in the mean time of a user''s ratings.';
    """)


def downgrade() -> None:
    op.execute("alter table recsys.rankers drop column typical_ratings, drop column time_unit")
