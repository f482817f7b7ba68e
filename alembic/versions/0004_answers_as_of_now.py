"""Answers as of now: what folding a user in needs, answers for everybody, and their types.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = """
alter table recsys.models add column solve_diagonal vector;
alter table recsys.models add column solve_ridge double precision;
alter table recsys.models add column liked_from real;
alter table recsys.models add column prior vector;
alter table recsys.models add column norms real[];
comment on column recsys.models.solve_diagonal is
    'With solve_ridge, the equation of a user''s vector w from the n films e (stored vectors, '
    'without their last coordinate) that they like: (diag(solve_diagonal + n * solve_ridge) + '
    'sum of e e'') * item_norm * w = sum of e. Null: vectors stay as they were written.';
comment on column recsys.models.solve_ridge is 'See solve_diagonal.';
comment on column recsys.models.liked_from is 'Stars from which a rated film counts as liked.';
comment on column recsys.models.prior is
    'What everybody likes: added to the vector of a live user who likes one or two films.';
comment on column recsys.models.norms is
    'movie_vectors.norm of the 1st, 2nd, 4th, 8th ... longest film vector.';

alter table recsys.user_vectors add column liked_count bigint;
alter table recsys.user_vectors add column liked_digest bigint;
comment on column recsys.user_vectors.liked_count is
    'Number of liked films that the vector was made from; null: it stays whatever is rated.';
comment on column recsys.user_vectors.liked_digest is
    'bit_xor of hashint8extended(movie_id, 0) over those films. A vector whose count or digest '
    'is not that of the ratings is out of date.';

create table recsys.recommendations (
    user_id bigint not null,
    rank integer not null,
    movie_id bigint not null,
    score double precision not null,
    source text not null,
    model_id bigint,
    made_at timestamptz not null,
    constraint pk_recommendations primary key (user_id, rank)
);
comment on table recsys.recommendations is
    'One row per user and rank: what recsys.recommend gave when `recsys recommend --all` ran.';
comment on column recsys.recommendations.user_id is 'The user.';
comment on column recsys.recommendations.rank is 'Place in the user''s list, from 1.';
comment on column recsys.recommendations.movie_id is 'The film.';
comment on column recsys.recommendations.score is
    'Higher is better; comparable among rows of one source.';
comment on column recsys.recommendations.source is
    'Where the row came from, such as personal or popular.';
comment on column recsys.recommendations.model_id is 'The model; null where none was needed.';
comment on column recsys.recommendations.made_at is 'When the lists were made.';

create type recsys.scored_movie as (
    movie_id bigint, score double precision, predicted_rating real, source text
);
comment on type recsys.scored_movie is 'A film and what a user would think of it.';
create type recsys.explanation as (
    rank integer, because_movie_id bigint, because_title text, rating real,
    contribution double precision
);
comment on type recsys.explanation is 'A rated film and what it adds to another film''s score.';
create type recsys_internal.filters as (
    genre_ids bigint[], excluded_genre_ids bigint[], year_from integer, year_to integer,
    min_ratings integer, active boolean
);
comment on type recsys_internal.filters is
    'The filters of one call, checked; active where there is one at all.';
create type recsys_internal.taste as (
    embedding vector, ranking vector, source text, film_ids bigint[], films vector[]
);
comment on type recsys_internal.taste is
    'A user as of now: the vector, the vector to rank by (the same, or with the prior), whether '
    'it is trained or live, and the liked films that the model knows with their vectors.';
"""

# Their arguments change.
OLD_FUNCTIONS = """
drop function if exists recsys.recommend(
    bigint, integer, text[], text[], integer, integer, integer, bigint[], boolean, bigint);
drop function if exists recsys_internal.filtered_movies(
    bigint[], bigint[], integer, integer, integer, bigint[]);
drop function if exists recsys_internal.check_movie(bigint);
"""

DOWNGRADE = """
do $$
declare
    doomed regprocedure;
begin
    -- All functions are installed anew with the schema that they belong to.
    for doomed in
        select p.oid::regprocedure from pg_proc p
        where p.pronamespace in ('recsys'::regnamespace, 'recsys_internal'::regnamespace)
          and p.proname not in ('plain_title', 'main_title')
    loop
        execute format('drop function %s', doomed);
    end loop;
end
$$;
do $$
declare
    doomed regclass;
begin
    for doomed in
        select i.indexrelid from pg_index i
        join pg_class c on c.oid = i.indexrelid
        join pg_am a on a.oid = c.relam
        where i.indrelid = 'recsys.movie_vectors'::regclass and a.amname = 'hnsw'
    loop
        execute format('drop index %s', doomed);
    end loop;
end
$$;
drop type recsys_internal.taste, recsys_internal.filters, recsys.explanation, recsys.scored_movie;
drop table recsys.recommendations;
alter table recsys.user_vectors drop column liked_digest;
alter table recsys.user_vectors drop column liked_count;
alter table recsys.models drop column norms;
alter table recsys.models drop column prior;
alter table recsys.models drop column liked_from;
alter table recsys.models drop column solve_ridge;
alter table recsys.models drop column solve_diagonal;
"""


def _run(statements: str) -> None:
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})


def upgrade() -> None:
    _run(OLD_FUNCTIONS)
    _run(TABLES)


def downgrade() -> None:
    _run(DOWNGRADE)
