"""Films that answers leave out: adult ones, and those that were withdrawn.

Revision ID: 0017
Revises: 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

UPGRADE = """
alter table recsys.movies add column adult boolean not null default false;
comment on column recsys.movies.adult is
    'Whether it is for adults alone: answers leave it out unless include_adult asks for it.';
alter table recsys.movies add column withdrawn_at timestamptz;
comment on column recsys.movies.withdrawn_at is
    'When it was, or will be, withdrawn: answers leave it out from then on; null: it is on offer.';
create index ix_movies_hidden on recsys.movies (movie_id) include (adult, withdrawn_at)
    where adult or withdrawn_at is not null;

alter type recsys_internal.filters add attribute include_adult boolean,
    add attribute only_genres boolean, add attribute hidden bigint[];

-- They take another argument now.
drop function if exists recsys.recommend, recsys.similar_movies, recsys.more_like, recsys.popular,
    recsys.recommend_group, recsys.search_plots, recsys.search_titles,
    recsys_internal.find_filters, recsys_internal.filtered_movies,
    recsys_internal.title_candidates;
"""

DOWNGRADE = """
drop function if exists recsys.recommend, recsys.similar_movies, recsys.more_like, recsys.popular,
    recsys.recommend_group, recsys.search_plots, recsys.search_titles,
    recsys.withdraw_movie, recsys.restore_movie,
    recsys_internal.find_filters, recsys_internal.filtered_movies,
    recsys_internal.title_candidates, recsys_internal.offered_movies,
    recsys_internal.hidden_movies;
alter type recsys_internal.filters drop attribute include_adult, drop attribute only_genres,
    drop attribute hidden;
drop index recsys.ix_movies_hidden;
alter table recsys.movies drop column withdrawn_at, drop column adult;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
