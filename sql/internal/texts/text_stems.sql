-- One definition for films' texts and for queries, in learning and in asking. Longer texts are cut:
-- PostgreSQL refuses texts with more than a megabyte of distinct words.
create or replace function recsys_internal.text_stems(text text)
returns table (term text, place integer, frequency double precision)
language sql immutable parallel safe
as $$
    -- A sparse vector holds 16,000 numbers.
    select u.lexeme, recsys_internal.term_place(u.lexeme), 1 + ln(cardinality(u.positions))
    from unnest(to_tsvector('pg_catalog.english', left(text_stems.text, 100000))) u
    order by cardinality(u.positions) desc, u.lexeme
    limit 16000
$$;

comment on function recsys_internal.text_stems is
    'The stems of a text without stop words, the place of each in sparse vectors, and 1 + ln(how '
    'often it occurs).';

create or replace function recsys_internal.term_place(term text)
returns integer
language sql immutable parallel safe
as $$
    select (hashtextextended(term, 0) & 536870911)::integer + 1
$$;

comment on function recsys_internal.term_place is
    'Where a term stands in sparse vectors, the same whether or not it was ever learned: a number '
    'from 1 to 2^29, so that two terms hardly ever share one.';
