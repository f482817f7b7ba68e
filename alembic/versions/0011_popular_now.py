"""Popular now: likes that count less with age, for each film, and the half-life of a model.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Its result changed. It is installed with the rest of `sql/`.
POPULAR_MOVIES = """
    drop function if exists recsys_internal.popular_movies(
        bigint, bigint[], recsys_internal.filters);
"""


def upgrade() -> None:
    # No model has a half-life yet, so that all likes count alike.
    op.execute(f"""
        {POPULAR_MOVIES}
        alter table recsys.movies add column popularity double precision not null default 0;
        update recsys.movies set popularity = liked_count where liked_count > 0;
        comment on column recsys.movies.popularity is
            'Its likes as of the last refresh, a like counting half as much with each half-life '
            'of the active model that it is older than the newest one; without a half-life, '
            'liked_count.';
        comment on column recsys.movies.liked_count is
            'Number of ratings of 4 stars or more at the last load or training.';
        drop index recsys.ix_movies_popularity;
        create index ix_movies_popularity
            on recsys.movies (popularity desc, liked_count desc, movie_id);
        alter table recsys.models add column half_life interval;
        comment on column recsys.models.half_life is
            'Age at which a like counts half in movies.popularity; null: all likes count alike.';
    """)


def downgrade() -> None:
    op.execute(f"""
        {POPULAR_MOVIES}
        drop function if exists recsys.popular(
            integer, text[], text[], integer, integer, integer, bigint[], interval, boolean);
        drop function if exists recsys.refresh_popularity();
        drop function if exists recsys_internal.decayed_likes(interval, bigint[]);
        drop function if exists recsys_internal.check_half_life(interval);
        drop index recsys.ix_movies_popularity;
        create index ix_movies_popularity on recsys.movies (liked_count desc, movie_id);
        alter table recsys.movies drop column popularity;
        alter table recsys.models drop column half_life;
        comment on column recsys.movies.liked_count is
            'Number of ratings of 4 stars or more at the last load or training: its popularity.';
    """)
