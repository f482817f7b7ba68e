create or replace function recsys_internal.movie_keywords(movie_id bigint)
returns text
language sql stable
as $$
    select string_agg(k.keyword, E'\n' order by k.keyword)
    from (
        select w.keyword from recsys.movie_keywords w where w.movie_id = movie_keywords.movie_id
        union all
        select t.tag from recsys.tags t where t.movie_id = movie_keywords.movie_id
    ) k
$$;

comment on function recsys_internal.movie_keywords is 'The keywords and tags of a film; null without any.';

create or replace function recsys_internal.words_digest(title text, plot text, keywords text)
returns bigint
language sql immutable parallel safe
as $$
    select hashtextextended(jsonb_build_array(title, plot, keywords)::text, 0)
$$;

comment on function recsys_internal.words_digest is
    'What tells whether movie_terms is up to date with the words of a film.';
