"""Titles in a plain form, indexed, so that a search forgives typos without reading them all.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# The two functions are here and not in sql/ because stored titles and an index are made of what
# they return: with a changed body those would stay as they are and searches would miss films.
# Changing one is a migration that drops the column and makes it anew. All names are qualified,
# since a restore runs with an empty search_path; unaccent with its dictionary named depends on
# nothing else that a session can set, so the function may call itself immutable.
ARTICLES = "the|an?|l[aeo]s?|[ei]l|de[rt]|die|das|eine?|un[aeo]?|gli"
FUNCTIONS = rf"""
create function recsys_internal.plain_title(title text)
returns text
language sql immutable strict parallel safe
as $$
    with parts as (
        -- "Postman, The (Postino, Il)" is two titles; an article goes to the end of its own.
        select split.number, pg_catalog.regexp_replace(
            pg_catalog.regexp_replace(
                split.part,
                '^\W*({ARTICLES})\s+(.*\w.*)$|^\W*(l)[''\u2019](.*\w.*)$', '\2\4,\1\3'),
            ',\s*({ARTICLES}|l)[''\u2019]?\W*$', E'\x01\\1') as part
        from pg_catalog.regexp_split_to_table(
            pg_catalog.regexp_replace(
                pg_catalog.lower(public.unaccent('public.unaccent',
                    pg_catalog.replace(plain_title.title, '&', ' and '))),
                '\(a\.k\.a\.?\s', '(', 'g'),
            '\(') with ordinality as split (part, number)
    ),
    plain as (
        -- Apostrophes and combining accents vanish, other punctuation parts words.
        select number, pg_catalog.btrim(pg_catalog.regexp_replace(
            pg_catalog.regexp_replace(
                pg_catalog.regexp_replace(part, '[''\u2019\u0300-\u036f]', '', 'g'),
                '[!-/:-@\[-`{{-~\s\u2000-\u206f\u3000-\u303f]+', ' ', 'g'),
            '\s*\x01', ',')) as part
        from parts
    )
    select pg_catalog."left"(coalesce(
        nullif(pg_catalog.string_agg(part, '|' order by number) filter (where part <> ''), ''),
        pg_catalog.lower(pg_catalog.btrim(plain_title.title))), 255)
    from plain
$$;
comment on function recsys_internal.plain_title is
    'A title as it is compared: no accents, capitals or punctuation, its article behind a comma, '
    'a second title in parentheses behind a bar; 255 characters, the most that levenshtein takes.';

create function recsys_internal.main_title(plain_title text)
returns text
language sql immutable strict parallel safe
as $$
    select pg_catalog.split_part(pg_catalog.split_part(plain_title, '|', 1), ',', 1)
$$;
comment on function recsys_internal.main_title is
    'Of a plain title, the first of several titles, without its article.';
"""

TABLES = """
alter table recsys.movies add column plain_title text
    generated always as (recsys_internal.plain_title(title)) stored;
comment on column recsys.movies.plain_title is
    'The title as recsys.search_titles compares it; made from the title.';
-- Bringing the counts of films up to date gives each film a new entry here. Without a list of
-- pending entries that takes 1.8 s for 10,000 films, and with a long one searches, which read all
-- of it, take three times as long; with 256 kB it is 0.5 s and a millisecond a search.
create index ix_movies_plain_title on recsys.movies
    using gin (plain_title public.gin_trgm_ops) with (gin_pending_list_limit = 256);
create index ix_movies_main_title_length on recsys.movies
    (pg_catalog.length(recsys_internal.main_title(plain_title)));
"""

TYPES = """
create type recsys.merged_movie as (
    movie_id bigint, ratings bigint, ratings_given_up bigint, tags bigint, genres bigint,
    texts bigint, people bigint, keywords bigint
);
comment on type recsys.merged_movie is
    'What a film took over from another: so many rows of each kind; ratings_given_up were of '
    'users whose rating of the kept film is as new.';
"""

DOWNGRADE = """
drop function if exists recsys.merge_movies;
drop type recsys.merged_movie;
drop index recsys.ix_movies_main_title_length;
drop index recsys.ix_movies_plain_title;
alter table recsys.movies drop column plain_title;
drop function recsys_internal.main_title(text);
drop function recsys_internal.plain_title(text);
"""


def _run(statements: str) -> None:
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})


def upgrade() -> None:
    op.execute("create extension if not exists fuzzystrmatch with schema public")
    _run(FUNCTIONS)
    _run(TABLES)
    _run(TYPES)


def downgrade() -> None:
    _run(DOWNGRADE)
