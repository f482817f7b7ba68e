create or replace function recsys.popular(
    k integer default 10,
    genres text[] default null,
    exclude_genres text[] default null,
    year_from integer default null,
    year_to integer default null,
    min_ratings integer default null,
    exclude_movies bigint[] default null,
    half_life interval default null,  -- counts all likes anew, in this statement
    include_predicted_genres boolean default false,
    include_adult boolean default false
)
returns setof recsys.similar_movie
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
#variable_conflict use_column
declare
    filters recsys_internal.filters := recsys_internal.find_filters(
        genres, exclude_genres, year_from, year_to, min_ratings, include_predicted_genres,
        include_adult);
    barred bigint[] := recsys_internal.present(exclude_movies) || filters.hidden;
    ids bigint[];
    scores double precision[];
begin
    perform recsys_internal.check_k(k), recsys_internal.check_half_life(half_life);
    if half_life is not null then
        select array_agg(p.movie_id order by p.place), array_agg(p.score order by p.place)
        into ids, scores
        from (
            select m.movie_id, coalesce(d.popularity, 0) as score, row_number() over best as place
            from recsys.movies m
            left join recsys_internal.decayed_likes(half_life) d on d.movie_id = m.movie_id
            where m.movie_id not in (select b from unnest(barred) b)
              and (not filters.active or (
                select true from recsys_internal.filtered_movies(
                    filters.genre_ids, filters.excluded_genre_ids, filters.year_from,
                    filters.year_to, filters.min_ratings, filters.predicted,
                    filters.include_adult) f
                where f.movie_id = m.movie_id limit 1))
            window best as (
                order by coalesce(d.popularity, 0) desc, m.liked_count desc, m.movie_id)
            order by place
            limit k
        ) p;
    end if;
    return query select * from recsys_internal.complete_similar(
        null, ids, scores, array_fill('popular'::text, array[coalesce(cardinality(ids), 0)]),
        k, barred, filters);
end
$$;

comment on function recsys.popular is
    'The k films that most people like now. The score is the number of likes, one counting half as '
    'much with each half-life that it is older than the newest. The half-life is the active '
    'model''s, and the counts are those of the last load, training or recsys.refresh_popularity(); '
    'or it is given, and all likes count as of this statement.';
