create or replace function recsys_internal.movie_text(movie_id bigint)
returns text
language sql stable
as $$
    select string_agg(
        t.text, E'\n\n' order by array_position(array['overview', 'plot', 'tagline'], t.kind))
    from recsys.movie_texts t
    where t.movie_id = movie_text.movie_id
$$;

comment on function recsys_internal.movie_text is
    'What encoders read of a film: its overview, plot and tagline, one after the other; null '
    'without any.';
