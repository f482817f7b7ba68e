create or replace function recsys_internal.refresh_movie_counts()
returns void
language sql
as $$
    -- Ratings are counted first and joined then: joining millions costs twice as much.
    update recsys.movies m
    set rating_count = c.rating_count, rating_mean = c.rating_mean, liked_count = c.liked_count
    from (
        select f.movie_id, coalesce(r.rating_count, 0) as rating_count, r.rating_mean,
            coalesce(r.liked_count, 0) as liked_count
        from recsys.movies f
        left join (
            select movie_id, count(*) as rating_count, avg(rating)::real as rating_mean,
                count(*) filter (where rating >= 4) as liked_count
            from recsys.ratings
            group by movie_id
        ) r on r.movie_id = f.movie_id
    ) c
    where c.movie_id = m.movie_id
      and (m.rating_count, m.rating_mean, m.liked_count)
          is distinct from (c.rating_count, c.rating_mean, c.liked_count)
$$;

comment on function recsys_internal.refresh_movie_counts is
    'Brings the rating counts of all films up to date; recsys.refresh_popularity() comes after it.';
