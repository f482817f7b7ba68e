create view recsys_bi.long_tail as
with films as (
    select m.movie_id, m.title, m.year, coalesce(r.rating_count, 0) as rating_count
    from recsys.movies m
    left join (
        select movie_id, count(*) as rating_count
        from recsys.ratings
        group by movie_id
    ) r on r.movie_id = m.movie_id
),
ranked as (
    select f.movie_id, f.title, f.year, f.rating_count,
        row_number() over popularity as rank,
        sum(f.rating_count) over popularity as cumulative_count,
        nullif(sum(f.rating_count) over (), 0) as total, count(*) over () as films
    from films f
    window popularity as (order by f.rating_count desc, f.movie_id)
)
select r.rank, r.movie_id, r.title, r.year, r.rating_count,
    (r.rating_count / r.total)::double precision as rating_share,
    (r.cumulative_count / r.total)::double precision as cumulative_share,
    r.rank / r.films::double precision as movie_share,
    case
        when r.rating_count = 0 then 'unrated'
        when r.cumulative_count - r.rating_count < 0.8 * r.total then 'head'
        else 'tail'
    end as part
from ranked r;

comment on view recsys_bi.long_tail is
    'One row per film, the one with most ratings first: how few films have most of the ratings.';
comment on column recsys_bi.long_tail.rank is '1 is the film with most ratings.';
comment on column recsys_bi.long_tail.movie_id is 'Id of the film.';
comment on column recsys_bi.long_tail.title is 'Title of the film.';
comment on column recsys_bi.long_tail.year is 'Its year of release.';
comment on column recsys_bi.long_tail.rating_count is 'Number of its ratings.';
comment on column recsys_bi.long_tail.rating_share is 'Their share of all ratings.';
comment on column recsys_bi.long_tail.cumulative_share is
    'Share of all ratings that this film and those before it have.';
comment on column recsys_bi.long_tail.movie_share is
    'Share of all films that this film and those before it are.';
comment on column recsys_bi.long_tail.part is
    'head (the films that together have the first 80 % of all ratings), tail, or unrated.';
