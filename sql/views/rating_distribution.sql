create view recsys_bi.rating_distribution as
with counts as (
    select r.rating, count(*) as rating_count
    from recsys.ratings r
    group by r.rating
)
select c.rating, c.rating_count,
    (c.rating_count / sum(c.rating_count) over ())::double precision as rating_share,
    (sum(c.rating_count) over (order by c.rating) / sum(c.rating_count) over ())::double precision
        as cumulative_share
from counts c;

comment on view recsys_bi.rating_distribution is 'One row per number of stars that was given.';
comment on column recsys_bi.rating_distribution.rating is 'Stars, 0.5 to 5.';
comment on column recsys_bi.rating_distribution.rating_count is
    'Number of ratings of so many stars.';
comment on column recsys_bi.rating_distribution.rating_share is 'Their share of all ratings.';
comment on column recsys_bi.rating_distribution.cumulative_share is
    'Share of all ratings of so many stars or fewer.';
