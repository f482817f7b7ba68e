create view recsys_bi.movie_details as
select m.movie_id, m.title, m.year,
    (select t.text from recsys.movie_texts t
    where t.movie_id = m.movie_id and t.kind = 'overview') as overview,
    (select t.text from recsys.movie_texts t
    where t.movie_id = m.movie_id and t.kind = 'plot') as plot,
    (select t.text from recsys.movie_texts t
    where t.movie_id = m.movie_id and t.kind = 'tagline') as tagline,
    (select string_agg(p.name, ', ' order by mp.position nulls last, p.name)
    from recsys.movie_people mp
    join recsys.people p on p.person_id = mp.person_id
    where mp.movie_id = m.movie_id and mp.role = 'director') as directors,
    (select string_agg(p.name, ', ' order by mp.position nulls last, p.name)
    from recsys.movie_people mp
    join recsys.people p on p.person_id = mp.person_id
    where mp.movie_id = m.movie_id and mp.role = 'actor') as actors,
    (select string_agg(w.keyword, ', ' order by w.keyword)
    from recsys.movie_keywords w where w.movie_id = m.movie_id) as keywords,
    (select string_agg(g.tag, ', ' order by g.users desc, g.tag)
    from (
        select lower(t.tag) as tag, count(distinct t.user_id) as users
        from recsys.tags t
        where t.movie_id = m.movie_id
        group by lower(t.tag)
    ) g) as tags
from recsys.movies m;

comment on view recsys_bi.movie_details is
    'One row per film, with its texts, people, keywords and tags: apart from recsys_bi.movies, since '
    'they take long to read of all films.';
comment on column recsys_bi.movie_details.movie_id is 'Id of the film.';
comment on column recsys_bi.movie_details.title is 'Title without the year.';
comment on column recsys_bi.movie_details.year is 'Year of release.';
comment on column recsys_bi.movie_details.overview is 'What it is about; null where it has none.';
comment on column recsys_bi.movie_details.plot is 'Its plot; null where it has none.';
comment on column recsys_bi.movie_details.tagline is 'Its tagline; null where it has none.';
comment on column recsys_bi.movie_details.directors is
    'Names with commas, in the order of the billing; null where none is known.';
comment on column recsys_bi.movie_details.actors is 'The same of its actors.';
comment on column recsys_bi.movie_details.keywords is 'Keywords of its catalogue, with commas.';
comment on column recsys_bi.movie_details.tags is
    'Tags in small letters, with commas, those of most users first.';
