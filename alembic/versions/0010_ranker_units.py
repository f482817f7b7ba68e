"""The units in which a ranker counts users' facts stand with it; some comments in plain words.

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
        comment on table recsys.users is
            'One row per profile. Profiles are optional: all who have ratings are users.';
        comment on table recsys.rankers is
            'One row per model with a ranker: what it knows apart from its units. With a user''s '
            'vector m, followed by 1, and a film''s features f, the stars are mean + (m, 1) . f + '
            'what the last unit gives.';
        comment on column recsys.rankers.rating_variance is
            'Variance of the ratings of a user with few of them.';
        comment on column recsys.rankers.weight is
            'What a star more than the film gets on average counts, times the best candidate''s '
            'score; chosen on ratings held out for it.';
        comment on table recsys.content_features is
            'One row per model and feature of a film''s content. The vector of a film that no user '
            'likes is the sum of the vectors of its features, of intercept, and of what comes of '
            'its text.';
        comment on column recsys.movies.rating_mean is
            'Mean rating in stars at the last load or training; null without ratings.';
    """)


def downgrade() -> None:
    op.execute("alter table recsys.rankers drop column typical_ratings, drop column time_unit")
