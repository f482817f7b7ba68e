-- Inlined into its caller's query; the limit keeps it a look-up a film, not a join of all films.
create or replace function recsys_internal.describe_movie(movie_id bigint)
returns table (title text, year integer, genres text[])
language sql stable
as $$
    select m.title, m.year, array(
        select g.name
        from recsys.movie_genres mg
        join recsys.genres g on g.genre_id = mg.genre_id
        where mg.movie_id = m.movie_id
        order by g.name)
    from recsys.movies m
    where m.movie_id = describe_movie.movie_id
    limit 1
$$;

comment on function recsys_internal.describe_movie is
    'What an answer says of a film: title, year and the names of its genres, in order.';
