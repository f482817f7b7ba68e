create view recsys_bi.trending_movies as
select m.movie_id, m.title, m.year, m.popularity, m.liked_count,
    row_number() over (order by m.popularity desc, m.liked_count desc, m.movie_id) as rank_now,
    row_number() over (order by m.liked_count desc, m.movie_id) as rank_ever,
    m.popularity / nullif(sum(m.popularity) over (), 0) as share_now,
    m.liked_count / (sum(m.liked_count) over ())::double precision as share_ever,
    m.popularity / nullif(sum(m.popularity) over (), 0)
        * (sum(m.liked_count) over ())::double precision / m.liked_count as trend
from recsys.movies m
where m.liked_count > 0;

comment on view recsys_bi.trending_movies is
    'One row per film with likes: what is popular now compared with what ever was, as of the last '
    'load, training or recsys.refresh_popularity().';
comment on column recsys_bi.trending_movies.movie_id is 'Id of the film.';
comment on column recsys_bi.trending_movies.title is 'Title of the film.';
comment on column recsys_bi.trending_movies.year is 'Its year of release.';
comment on column recsys_bi.trending_movies.popularity is
    'Its likes, one counting half as much with each half-life that it is older than the newest '
    '(half_life_days in recsys_bi.models).';
comment on column recsys_bi.trending_movies.liked_count is
    'Number of its likes, whatever their age: ratings of 4 stars or more.';
comment on column recsys_bi.trending_movies.rank_now is '1 is the film with most popularity.';
comment on column recsys_bi.trending_movies.rank_ever is '1 is the film with most likes.';
comment on column recsys_bi.trending_movies.share_now is 'Its share of all films'' popularity.';
comment on column recsys_bi.trending_movies.share_ever is 'Its share of all likes.';
comment on column recsys_bi.trending_movies.trend is
    'share_now over share_ever: above 1 it rises, below 1 it falls; 1 for all without a half-life.';
