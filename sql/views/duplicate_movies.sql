-- Levenshtein is asked only of titles of one year and about one length, and gives up after three
-- edits, or one in five letters: more of them make most short titles alike. Films without a year
-- are left out: nothing says that they are of one.
create view recsys_bi.duplicate_movies as
with titles as materialized (
    select m.movie_id, m.title, m.year, m.rating_count, m.plain_title,
        pg_catalog.lower(pg_catalog."left"(m.title, 255)) as written,
        pg_catalog.length(pg_catalog."left"(m.title, 255)) as letters,
        -- What is left of a title when it is a part of a series.
        pg_catalog.regexp_replace(m.plain_title, '\m(\d+|[ivx]+|one|two|three|four)\M', '', 'g')
            as series
    from recsys.movies m
    where m.year is not null
),
pairs as (
    select p.movie_id, p.other_movie_id, min(p.edits) as edits
    from (
        select one.movie_id, other.movie_id as other_movie_id,
            public.levenshtein_less_equal(one.written, other.written, bound.edits) as edits,
            bound.edits as most
        from pg_catalog.generate_series(-3, 3) as difference
        cross join titles one
        join titles other
            on other.year = one.year and other.letters = one.letters + difference
        cross join lateral (
            select least(3, greatest(one.letters, other.letters) / 5) as edits
        ) bound
        where (one.rating_count, other.movie_id) > (other.rating_count, one.movie_id)
        union all
        -- "Matrix, The" and "The Matrix" are one title in two forms.
        select one.movie_id, other.movie_id, 0, 0
        from titles one
        join titles other on other.year = one.year and other.plain_title = one.plain_title
        where (one.rating_count, other.movie_id) > (other.rating_count, one.movie_id)
    ) p
    where p.edits <= p.most
    group by p.movie_id, p.other_movie_id
)
select one.movie_id, one.title, one.year, one.rating_count,
    other.movie_id as other_movie_id, other.title as other_title,
    other.rating_count as other_rating_count,
    p.edits,
    (1 - p.edits / pg_catalog.float8(greatest(one.letters, other.letters)))
        * case when one.series = other.series and one.plain_title <> other.plain_title
            then 0.5 else 1 end as likeness
from pairs p
join titles one on one.movie_id = p.movie_id
join titles other on other.movie_id = p.other_movie_id;

comment on view recsys_bi.duplicate_movies is
    'One row per pair of films of one year whose titles differ by at most three edits and at most '
    'one edit in five letters, capitals aside, or only in accents, punctuation and the place of an '
    'article: perhaps one film twice.';
comment on column recsys_bi.duplicate_movies.movie_id is 'Id of the film with more ratings.';
comment on column recsys_bi.duplicate_movies.title is 'Its title.';
comment on column recsys_bi.duplicate_movies.year is 'Year of release of both.';
comment on column recsys_bi.duplicate_movies.rating_count is
    'Its number of ratings at the last load or training.';
comment on column recsys_bi.duplicate_movies.other_movie_id is 'Id of the other film.';
comment on column recsys_bi.duplicate_movies.other_title is 'The other film''s title.';
comment on column recsys_bi.duplicate_movies.other_rating_count is
    'The other film''s number of ratings at that time.';
comment on column recsys_bi.duplicate_movies.edits is
    'Letters to insert, remove or replace; 0 where only accents, punctuation or the place of an '
    'article differ.';
comment on column recsys_bi.duplicate_movies.likeness is
    'Share of the longer title that needs no edit, 0 to 1; half of it where only the number of a '
    'part differs.';
