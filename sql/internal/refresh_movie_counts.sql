create or replace function recsys_internal.refresh_movie_counts()
returns void
language sql
as $$
    update recsys.movies m
    set rating_count = c.rating_count, rating_mean = c.rating_mean, liked_count = c.liked_count
    from (
        select f.movie_id, count(r.rating) as rating_count, avg(r.rating)::real as rating_mean,
            count(r.rating) filter (where r.rating >= 4) as liked_count
        from recsys.movies f
        left join recsys.ratings r on r.movie_id = f.movie_id
        group by f.movie_id
    ) c
    where c.movie_id = m.movie_id
      and (m.rating_count, m.rating_mean, m.liked_count)
          is distinct from (c.rating_count, c.rating_mean, c.liked_count)
$$;

comment on function recsys_internal.refresh_movie_counts is
    'Brings the rating counts and the popularity of all films up to date.';
