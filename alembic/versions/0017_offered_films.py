"""Films that answers leave out, adult or withdrawn; titles in their natural form.

Revision ID: 0017
Revises: 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# The functions are here, and not in sql/, as in 0003: stored titles are made of what they return.
# Articles that a plain title puts behind its first words wherever it begins with them.
ARTICLES = "the|an?|l[aeo]s?|[ei]l|de[rt]|die|das|eine?|un[aeo]?|gli"
# Behind a comma, at the end, more words are articles: "I, Robot" does not begin with one.
BEHIND = rf"{ARTICLES}|i|os?|as|uma?|den?|des|het|een|en|ett"
ENDS = r"[^\w()]*(?:[()]|$)"
# A name, in parentheses or not, whose end is no article already: else moving one to the front would
# leave another to be moved.
NAME = (
    r"((?:^|[()])\s*(?:a\.k\.a\.?\s+)?)([^()]*[^()\s,])"
    rf"(?<!,\s*(?:{BEHIND}|l[''\u2019])\W*),\s*"
)
# Most titles have no comma before so short a last word, which is soon seen. Both functions have it:
# a dump would not know that one calls the other, and could not be restored.
NATURAL_FORM = rf"""
    case when TITLE ~ ',\s*[[:alpha:]]{{1,4}}[''\u2019]?{ENDS}' then
        pg_catalog.regexp_replace(
            pg_catalog.regexp_replace(
                TITLE, '{NAME}({BEHIND})(?={ENDS})', '\1\3 \2', 'gi'),
            '{NAME}(l[''\u2019])(?={ENDS})', '\1\3\2', 'gi')
    else TITLE end"""
NATURAL = f"""
create function recsys_internal.natural_title(title text)
returns text
language sql immutable strict parallel safe
as $$
    select {NATURAL_FORM.replace("TITLE", "natural_title.title")}
$$;
comment on function recsys_internal.natural_title is
    'A title as people write it: "Postman, The (Postino, Il)" is "The Postman (Il Postino)".';
"""

PLAIN = rf"""
create or replace function recsys_internal.plain_title(title text)
returns text
language sql immutable strict parallel safe
as $$
    with parts as (
        -- "The Postman (Il Postino)" is two titles; an article goes to the end of its own.
        select split.number, pg_catalog.regexp_replace(
            split.part, '^\W*({ARTICLES})\s+(.*\w.*)$|^\W*(l)[''\u2019](.*\w.*)$',
            E'\\2\\4\x01\\1\\3') as part
        from pg_catalog.regexp_split_to_table(
            pg_catalog.regexp_replace(
                pg_catalog.lower(public.unaccent('public.unaccent', pg_catalog.replace(
                    {NATURAL_FORM.replace("TITLE", "plain_title.title")}, '&', ' and '))),
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
"""

FORMER_PLAIN = rf"""
create or replace function recsys_internal.plain_title(title text)
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
"""

# Titles change, and what is stored of each is made by the changed function; both without a trigger
# a film, and without its indexes.
TITLES = """
alter table recsys.movies drop column plain_title;
alter table recsys.movies add column source_title text;
comment on column recsys.movies.source_title is
    'The title as its source writes it, where that is another form.';
comment on column recsys.movies.title is
    'Title without the year, with its article in front: The Godfather.';
select set_config('recsys.bulk', 'on', true);
update recsys.movies set title = recsys_internal.natural_title(title), source_title = title
where title <> recsys_internal.natural_title(title);
select set_config('recsys.bulk', '', true);
"""

SOURCE_TITLES = """
alter table recsys.movies drop column plain_title;
select set_config('recsys.bulk', 'on', true);
update recsys.movies set title = source_title where source_title is not null;
select set_config('recsys.bulk', '', true);
alter table recsys.movies drop column source_title;
comment on column recsys.movies.title is 'Title without the year, as the source writes it.';
"""

PLAIN_TITLES = """
alter table recsys.movies add column plain_title text
    generated always as (recsys_internal.plain_title(title)) stored;
comment on column recsys.movies.plain_title is
    'The title as recsys.search_titles compares it; made from the title.';
create index ix_movies_plain_title on recsys.movies
    using gin (plain_title public.gin_trgm_ops) with (gin_pending_list_limit = 256);
create index ix_movies_main_title_length on recsys.movies
    (pg_catalog.length(recsys_internal.main_title(plain_title)));
"""

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


def _run(*statements: str) -> None:
    for statement in statements:
        op.get_bind().exec_driver_sql(statement, execution_options={"no_parameters": True})


def upgrade() -> None:
    _run(UPGRADE, NATURAL, PLAIN, TITLES, PLAIN_TITLES)


def downgrade() -> None:
    _run(SOURCE_TITLES, FORMER_PLAIN, PLAIN_TITLES)
    _run("drop function recsys_internal.natural_title(text)", DOWNGRADE)
