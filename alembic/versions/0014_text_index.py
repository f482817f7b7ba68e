"""Films by their words, indexed, so that a search reads those that share a telling word alone.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# The function is here and not in sql/ because an index is made of what it returns: a changed body
# needs a migration that makes the index anew. Names are qualified, since a restore runs with an
# empty search_path.
UPGRADE = """
create function recsys_internal.term_places(
    plot public.sparsevec, title public.sparsevec, keywords public.sparsevec)
returns integer[]
language sql immutable parallel safe
as $$
    select pg_catalog.array_agg(pg_catalog.split_part(entry, ':', 1)::integer)
    from pg_catalog.unnest(array[plot, title, keywords]) as words
    cross join pg_catalog.string_to_table(
        pg_catalog.substr(pg_catalog.split_part(words::text, '}', 1), 2), ',') as entry
    where entry operator(pg_catalog.<>) ''
$$;
comment on function recsys_internal.term_places is
    'The places of the terms of up to three sparse vectors; null without any.';

-- Without a list of pending entries, which every search would read.
create index ix_movie_terms_places on recsys.movie_terms
    using gin (recsys_internal.term_places(plot, title, keywords)) with (fastupdate = off);
create index ix_movie_terms_hash on recsys.movie_terms (encoder_id, hashint8(movie_id));

alter table recsys.text_terms add column place integer;
update recsys.text_terms set place = (hashtextextended(term, 0) & 536870911)::integer + 1;
alter table recsys.text_terms alter column place set not null;
create index ix_text_terms_place on recsys.text_terms (encoder_id, place);
comment on column recsys.text_terms.place is
    'Its place in sparse vectors: recsys_internal.term_place.';

alter table recsys.text_encoders
    add column mean vector,
    add column variance vector;
update recsys.text_encoders e
set mean = learned.mean, variance = learned.variance
from (
    select p.encoder_id, array_agg(p.mean order by p.place)::vector as mean,
        array_agg(p.variance order by p.place)::vector as variance
    from (
        select v.encoder_id, u.place, avg(u.part)::real as mean, var_pop(u.part)::real as variance
        from recsys.movie_text_vectors v
        cross join unnest(v.embedding::real[]) with ordinality as u (part, place)
        group by v.encoder_id, u.place
    ) p
    group by p.encoder_id
) learned
where learned.encoder_id = e.encoder_id and e.name = 'terms';
comment on column recsys.text_encoders.mean is
    'Of terms: the mean of the films'' vectors when they were learned.';
comment on column recsys.text_encoders.variance is
    'Of terms: the variance of each number of these vectors.';
"""

DOWNGRADE = """
drop function if exists recsys_internal.match_by_words, recsys_internal.match_all_texts,
    recsys_internal.telling_places, recsys_internal.word_likenesses,
    recsys_internal.title_pieces, recsys_internal.title_thirds;
alter table recsys.text_encoders drop column mean, drop column variance;
alter table recsys.text_terms drop column place;
drop index recsys.ix_movie_terms_places, recsys.ix_movie_terms_hash;
drop function recsys_internal.term_places(
    public.sparsevec, public.sparsevec, public.sparsevec);
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
