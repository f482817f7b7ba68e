create or replace function recsys_internal.popular_movies(
    n bigint,
    barred bigint[],
    filters recsys_internal.filters
)
returns table (movie_id bigint, popularity double precision)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    most_listed constant integer := 2000;
    few_listed constant integer := 300;  -- each looked up in less time than the index is read
    -- Then a look at the film itself can be spared.
    only_genres constant boolean := filters.only_genres and not filters.predicted;
    allowed bigint[];
    ids bigint[];
    popularities double precision[];
begin
    if filters.active then
        allowed := recsys_internal.list_some_movies(filters, most_listed);
    end if;
    if cardinality(allowed) > few_listed then
        select array_agg(p.movie_id), array_agg(p.popularity)
        into ids, popularities
        from (
            select f.movie_id, f.popularity
            from (
                select m.movie_id, m.popularity, m.liked_count
                from recsys.movies m
                order by m.popularity desc, m.liked_count desc, m.movie_id
                limit 4000  -- a constant would be unknown to the plan, which sorted all films
            ) f
            -- With "is true" a hash of the list is looked into, in place of a join with it.
            where (f.movie_id in (select a from unnest(allowed) a)) is true
              and f.movie_id not in (select b from unnest(barred) b)
            order by f.popularity desc, f.liked_count desc, f.movie_id
            limit n
        ) p;
        if cardinality(ids) = n then
            return query select * from unnest(ids, popularities);
            return;
        end if;
    end if;
    if allowed is not null then
        return query
        select m.movie_id, m.popularity
        from recsys.movies m
        where m.movie_id = any (allowed)
          and m.movie_id not in (select b from unnest(barred) b)
        order by m.popularity desc, m.liked_count desc, m.movie_id
        limit n;
        return;
    end if;
    return query
    select m.movie_id, m.popularity
    from recsys.movies m
    where m.movie_id not in (select b from unnest(barred) b)
      and (not filters.active or case when only_genres then (
            select true from recsys.movie_genres g
            where g.genre_id = any (filters.genre_ids) and g.movie_id = m.movie_id limit 1)
        else (
            select true from recsys_internal.filtered_movies(
                filters.genre_ids, filters.excluded_genre_ids, filters.year_from,
                filters.year_to, filters.min_ratings, filters.predicted,
                filters.include_adult) f
            where f.movie_id = m.movie_id limit 1)
        end)
    order by m.popularity desc, m.liked_count desc, m.movie_id
    limit n;
end
$$;

comment on function recsys_internal.popular_movies is
    'The films that most people like now, among those that pass the filters and are not barred.';
