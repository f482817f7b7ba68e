create or replace function recsys_internal.refresh_movie_counts()
returns void
language sql
as $$
    -- One update for all of it: each writes the indexes of the films again.
    update recsys.movies m
    set rating_count = c.rating_count, rating_mean = c.rating_mean, liked_count = c.liked_count,
        popularity = c.popularity
    from (
        select f.movie_id, coalesce(r.rating_count, 0) as rating_count, r.rating_mean,
            coalesce(r.liked_count, 0) as liked_count, coalesce(r.popularity, 0) as popularity
        from recsys.movies f
        left join recsys_internal.count_ratings(
            (recsys_internal.find_model(null)).half_life) r on r.movie_id = f.movie_id
    ) c
    where c.movie_id = m.movie_id
      and ((m.rating_count, m.rating_mean, m.liked_count)
          is distinct from (c.rating_count, c.rating_mean, c.liked_count)
        -- Workers add up in any order, so that the last digits of an unchanged sum differ.
        or abs(m.popularity - c.popularity) > 1e-9 * c.popularity)
$$;

comment on function recsys_internal.refresh_movie_counts is
    'Brings the rating counts of all films up to date, and their popularity.';
