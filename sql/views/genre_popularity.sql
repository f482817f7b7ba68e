create view recsys_bi.genre_popularity as
select p.month, p.genre, p.rating_count, p.liked_count, p.rating_mean, p.rating_share
from recsys_internal.bi_genre_popularity p;

comment on view recsys_bi.genre_popularity is
    'One row per genre and month in which its films were rated, as of recsys_bi.freshness. A '
    'film of several genres counts in each.';
comment on column recsys_bi.genre_popularity.month is 'First day of the month, in UTC.';
comment on column recsys_bi.genre_popularity.genre is 'Name of the genre, as films list it.';
comment on column recsys_bi.genre_popularity.rating_count is
    'Number of ratings of its films in that month.';
comment on column recsys_bi.genre_popularity.liked_count is 'Those of 4 stars or more.';
comment on column recsys_bi.genre_popularity.rating_mean is 'Their mean in stars.';
comment on column recsys_bi.genre_popularity.rating_share is
    'Their share of all ratings of that month; the shares of all genres add up to more than 1.';
