-- By film and month first: that leaves fewer rows to join with the genres.
create materialized view recsys_internal.bi_genre_popularity as
with movie_months as materialized (
    select r.movie_id, date_trunc('month', r.rated_at at time zone 'UTC')::date as month,
        count(*) as rating_count, count(*) filter (where r.rating >= 4) as liked_count,
        sum(r.rating::double precision) as rating_sum
    from recsys.ratings r
    group by 1, 2
),
months as (
    select month, sum(rating_count) as rating_count
    from movie_months
    group by month
),
genre_months as (
    select mm.month, mg.genre_id, sum(mm.rating_count) as rating_count,
        sum(mm.liked_count) as liked_count, sum(mm.rating_sum) as rating_sum
    from movie_months mm
    join recsys.movie_genres mg on mg.movie_id = mm.movie_id
    group by mm.month, mg.genre_id
)
select gm.month, g.name as genre, gm.rating_count::bigint as rating_count,
    gm.liked_count::bigint as liked_count,
    gm.rating_sum / gm.rating_count::double precision as rating_mean,
    (gm.rating_count / m.rating_count)::double precision as rating_share
from genre_months gm
join months m on m.month = gm.month
join recsys.genres g on g.genre_id = gm.genre_id;

create unique index uq_bi_genre_popularity
    on recsys_internal.bi_genre_popularity (month, genre);

comment on materialized view recsys_internal.bi_genre_popularity is
    'One row per genre and month: what recsys_bi.genre_popularity shows.';
