-- Inlined into its caller's query: asked for some films, it is a look-up in each table.
create or replace function recsys_internal.content_facts()
returns table (movie_id bigint, feature text)
language sql stable
as $$
    select g.movie_id, 'genre:' || n.name
    from recsys.movie_genres g
    join recsys.genres n on n.genre_id = g.genre_id
    union all
    select m.movie_id, 'years:' || m.year - m.year % 5
    from recsys.movies m
    where m.year is not null
    union all
    select k.movie_id, 'keyword:' || k.keyword
    from recsys.movie_keywords k
    union all
    select p.movie_id, p.role || ':' || p.person_id
    from recsys.movie_people p
    where p.role = 'director' or p.role = 'actor' and p.position <= 5
    union all
    select distinct t.movie_id, 'tag:' || lower(t.tag)
    from recsys.tags t
$$;

comment on function recsys_internal.content_facts is
    'What is known of films apart from their texts, a row a film and fact: genres, the five years '
    'that they are from, keywords, directors and leading actors, tags.';
