"""Times that applications write are of the years 1 to 9999 in every time zone.

Others, infinite ones too, get the nearest time that is left, and a WARNING counts them. Where rows
of `recsys.impressions` come to be alike by that, the one that was nearest stays.

Revision ID: 0022
Revises: 0021
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TIMES = (
    ("movies", "withdrawn_at"),
    ("users", "created_at"),
    ("ratings", "rated_at"),
    ("tags", "tagged_at"),
    ("feedback", "at"),
    ("impressions", "shown_at"),
    ("experiments", "started_at"),
    ("experiments", "ended_at"),
)
ALIKE = """
do $$
declare
    deleted bigint;
begin
    delete from recsys.impressions i using recsys.impressions j
    where i.user_id = j.user_id and i.movie_id = j.movie_id
      and i.shown_at not between '0001-01-02Z' and '9999-12-30Z'
      and (i.shown_at > j.shown_at and j.shown_at >= '9999-12-30Z'
        or i.shown_at < j.shown_at and j.shown_at <= '0001-01-02Z');
    get diagnostics deleted = row_count;
    if deleted > 0 then
        raise warning 'recsys.impressions: % rows deleted, of a film that a user was shown twice '
            'outside the years 1 to 9999', deleted;
    end if;
end
$$
"""
# The constraint first: nothing can be written meanwhile that it would refuse in the end.
CONFINE = """
do $$
declare
    moved bigint;
begin
    alter table recsys.{table} add constraint ck_{table}_{column}
        check ({column} between {first} and '9999-12-30Z') not valid;
    update recsys.{table} set {column} =
        case when {column} < '0001-01-02Z' then timestamptz '0001-01-02Z' else '9999-12-30Z' end
    where {column} not between '0001-01-02Z' and '9999-12-30Z';
    get diagnostics moved = row_count;
    if moved > 0 then
        raise warning 'recsys.{table}: {column} was outside the years 1 to 9999 in % rows and is '
            'now the nearest time within', moved;
    end if;
    alter table recsys.{table} validate constraint ck_{table}_{column};
end
$$
"""
# What a model was trained up to, as ratings are compared with it.
TRAINED = """
update recsys.models
set data = jsonb_set(data, '{newest_rating}', case data ->> 'newest_rating'
    when 'infinity' then '"9999-12-30 00:00:00+00"' else '"0001-01-02 00:00:00+00"' end::jsonb)
where data ->> 'newest_rating' in ('infinity', '-infinity')
"""


def upgrade() -> None:
    op.execute(TRAINED)
    op.execute(ALIKE)
    op.execute("alter table recsys.experiments drop constraint ck_experiments_ended_at")
    for table, column in TIMES:
        first = "started_at" if column == "ended_at" else "'0001-01-02Z'"
        op.execute(CONFINE.format(table=table, column=column, first=first))


def downgrade() -> None:
    op.execute("drop function if exists recsys_internal.check_time")
    for table, column in TIMES:
        op.execute(f"alter table recsys.{table} drop constraint ck_{table}_{column}")
    op.execute(
        "alter table recsys.experiments add constraint ck_experiments_ended_at"
        " check (ended_at >= started_at)"
    )
