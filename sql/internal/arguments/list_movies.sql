-- Where a genre is asked for, its own index lists its films; each is then looked up for the rest.
create or replace function recsys_internal.list_movies(
    filters recsys_internal.filters,
    most integer default null
)
returns bigint[]
language plpgsql stable
as $$
declare
    listed bigint[];
begin
    if filters.only_movies is not null then
        return array(
            select distinct given.movie_id
            from unnest(filters.only_movies) as given (movie_id)
            where (
                select true
                from recsys_internal.filtered_movies(
                    filters.genre_ids, filters.excluded_genre_ids, filters.year_from,
                    filters.year_to, filters.min_ratings, filters.predicted,
                    filters.include_adult) f
                where f.movie_id = given.movie_id limit 1)
            limit most);
    elsif filters.genre_ids is null then
        return array(
            select f.movie_id
            from recsys_internal.filtered_movies(
                null, filters.excluded_genre_ids, filters.year_from, filters.year_to,
                filters.min_ratings, filters.predicted, filters.include_adult) f
            limit most);
    end if;
    listed := array(
        select g.movie_id
        from recsys.movie_genres g
        where g.genre_id = any (filters.genre_ids)
          and (filters.only_genres or (
            select true
            from recsys_internal.filtered_movies(
                null, filters.excluded_genre_ids, filters.year_from, filters.year_to,
                filters.min_ratings, filters.predicted, filters.include_adult) f
            where f.movie_id = g.movie_id limit 1))
        limit most);
    if filters.predicted then
        listed := listed || array(
            select p.movie_id
            from recsys.movie_genres_predicted p
            join recsys.genres g on g.name = p.genre
            where g.genre_id = any (filters.genre_ids)
              and (filters.only_genres or (
                select true
                from recsys_internal.filtered_movies(
                    null, filters.excluded_genre_ids, filters.year_from, filters.year_to,
                    filters.min_ratings, true, filters.include_adult) f
                where f.movie_id = p.movie_id limit 1))
            limit most - cardinality(listed));
    end if;
    return listed;
end
$$;

comment on function recsys_internal.list_movies is
    'Ids of the films that pass the filters, or as many of them as are asked for; a film of '
    'several of the genres may come several times.';

create or replace function recsys_internal.list_some_movies(
    filters recsys_internal.filters,
    most integer
)
returns bigint[]
language plpgsql stable
as $$
declare
    listed bigint[] := recsys_internal.list_movies(
        filters, case when filters.only_movies is null then most + 1 end);
begin
    return case when cardinality(listed) <= most or filters.only_movies is not null
        then listed end;
end
$$;

comment on function recsys_internal.list_some_movies is
    'What list_movies gives; null if there are more than so many, unless only listed films pass.';
