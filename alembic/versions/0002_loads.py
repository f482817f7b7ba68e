"""What loads bring besides films and ratings: profiles, keywords, billing, id spaces.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UPGRADE = """
alter table recsys.users add column gender text;
alter table recsys.users add column age integer;
alter table recsys.users add column occupation text;
alter table recsys.users add column postal_code text;
alter table recsys.users add constraint ck_users_age check (age between 0 and 150);
comment on column recsys.users.gender is 'As the source writes it, such as F or M.';
comment on column recsys.users.age is
    'Age in years; where the source gives a range, its lower end.';
comment on column recsys.users.occupation is 'Occupation, in the source''s words.';
comment on column recsys.users.postal_code is 'Postal code.';

alter table recsys.movie_people add column position integer;
comment on column recsys.movie_people.position is
    'Place in the billing, 1 for the first; null where the source gives none.';

create table recsys.movie_keywords (
    movie_id bigint not null,
    keyword text not null,
    constraint pk_movie_keywords primary key (movie_id, keyword),
    constraint fk_movie_keywords_movie_id_movies foreign key (movie_id)
        references recsys.movies (movie_id) on delete cascade,
    constraint ck_movie_keywords_keyword check (btrim(keyword) <> '')
);
comment on table recsys.movie_keywords is 'One row per film and keyword that its catalogue gives.';
comment on column recsys.movie_keywords.movie_id is 'The film.';
comment on column recsys.movie_keywords.keyword is 'The keyword.';
create index ix_movie_keywords_keyword on recsys.movie_keywords (keyword, movie_id);

alter table recsys.load_runs add column id_space text;
comment on column recsys.load_runs.id_space is
    'Whose numbers the film ids are, such as movielens, tmdb or imdb; null where the source '
    'takes the films'' ids as it finds them.';
update recsys.load_runs set id_space = format where status = 'done';

comment on column recsys.load_rejects.raw is
    'The row as it stands in the file, odd bytes escaped; its first 1,000 characters.';
"""

DOWNGRADE = """
comment on column recsys.load_rejects.raw is
    'The fields of the row, joined by commas; the first 1,000 characters.';
alter table recsys.load_runs drop column id_space;
drop table recsys.movie_keywords;
alter table recsys.movie_people drop column position;
alter table recsys.users drop constraint ck_users_age;
alter table recsys.users drop column postal_code;
alter table recsys.users drop column occupation;
alter table recsys.users drop column age;
alter table recsys.users drop column gender;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UPGRADE, execution_options={"no_parameters": True})


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWNGRADE, execution_options={"no_parameters": True})
