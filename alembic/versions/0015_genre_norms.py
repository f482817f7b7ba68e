"""Each genre's films, longest vector first; a user without the vectors of the liked films.

Revision ID: 0015
Revises: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

UPGRADE = """
create table recsys.genre_norms (
    model_id bigint not null,
    movie_id bigint not null,
    genre_id bigint not null,
    norm real not null,
    constraint pk_genre_norms primary key (model_id, movie_id, genre_id),
    constraint fk_genre_norms_model_id_models foreign key (model_id)
        references recsys.models (model_id) on delete cascade
);
insert into recsys.genre_norms (model_id, movie_id, genre_id, norm)
select v.model_id, v.movie_id, g.genre_id, v.norm
from recsys.movie_vectors v
join recsys.movie_genres g on g.movie_id = v.movie_id
order by v.model_id, g.genre_id, v.norm desc, v.movie_id;
create index ix_genre_norms_norm on recsys.genre_norms (model_id, genre_id, norm desc)
    include (movie_id);
comment on table recsys.genre_norms is
    'One row per model, genre and film of it with a vector: a genre''s films, longest vector '
    'first, are read from here.';
comment on column recsys.genre_norms.model_id is 'The model.';
comment on column recsys.genre_norms.movie_id is 'The film.';
comment on column recsys.genre_norms.genre_id is 'The genre.';
comment on column recsys.genre_norms.norm is 'movie_vectors.norm of the film.';

-- It takes another argument now.
drop function if exists recsys_internal.find_taste(bigint, recsys.models);
-- They give and take other columns and arguments.
drop function if exists recsys_internal.nearest_by_norm(
    recsys.models, vector, integer, bigint[], recsys_internal.filters, bigint[], real,
    double precision, bigint);
drop function if exists recsys_internal.plan_retrieval(
    recsys.models, text, integer, bigint[], recsys_internal.filters);
"""

DOWNGRADE = """
drop function if exists recsys_internal.find_taste(bigint, recsys.models, boolean);
drop function if exists recsys_internal.nearest_by_norm(
    recsys.models, vector, integer, bigint[], recsys_internal.filters, real, real,
    double precision);
drop function if exists recsys_internal.plan_retrieval(
    recsys.models, text, integer, bigint[], recsys_internal.filters);
drop function if exists recsys_internal.list_some_movies(recsys_internal.filters, integer);
drop function if exists recsys_internal.nearest_of(recsys.models, vector, integer, bigint[]);
drop function if exists recsys_internal.nearest_of_genre(
    recsys.models, vector, integer, bigint[], bigint, integer);
drop function if exists recsys_internal.refresh_genre_norms(bigint, bigint);
drop table recsys.genre_norms;
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
