create or replace function recsys.merge_movies(keep_movie_id bigint, drop_movie_id bigint)
returns recsys.merged_movie
language plpgsql
as $$
declare
    merged recsys.merged_movie;
    dropped recsys.movies;
    moved bigint;
    counts record;
begin
    -- In turn with loads, which would meet a film that is gone.
    lock table recsys.load_runs in share update exclusive mode;
    if keep_movie_id = drop_movie_id then
        raise exception 'film % cannot be merged with itself', keep_movie_id
            using errcode = '22023';
    end if;
    -- Waits for ratings and tags that others are inserting, and keeps new ones out: theirs fail
    -- on the foreign key once this is committed. In the order of ids, so that two merges of the
    -- same films take turns; the second finds a film gone.
    perform from recsys.movies where movie_id in (keep_movie_id, drop_movie_id)
    order by movie_id for update;
    perform recsys_internal.check_movies(array[keep_movie_id, drop_movie_id]);
    select * into dropped from recsys.movies where movie_id = drop_movie_id;
    -- Deleted and inserted in one statement: a row that was changed meanwhile moves as changed.
    with old as (
        delete from recsys.ratings where movie_id = drop_movie_id
        returning user_id, rating, rated_at
    ), taken as (
        insert into recsys.ratings as r (user_id, movie_id, rating, rated_at)
        select old.user_id, keep_movie_id, old.rating, old.rated_at from old
        on conflict (user_id, movie_id) do update
        set rating = excluded.rating, rated_at = excluded.rated_at
        where excluded.rated_at > r.rated_at
        returning 1
    )
    select (select count(*) from old), (select count(*) from taken)
    into moved, merged.ratings;
    with old as (
        delete from recsys.feedback where movie_id = drop_movie_id returning user_id, kind, at
    )
    insert into recsys.feedback (user_id, movie_id, kind, at)
    select old.user_id, keep_movie_id, old.kind, old.at from old
    on conflict (user_id, movie_id, kind) do nothing;
    with old as (
        delete from recsys.impressions where movie_id = drop_movie_id
        returning user_id, shown_at, rank, model_id, experiment, variant, propensity
    )
    insert into recsys.impressions (
        user_id, shown_at, movie_id, rank, model_id, experiment, variant, propensity)
    select old.user_id, old.shown_at, keep_movie_id, old.rank, old.model_id, old.experiment,
        old.variant, old.propensity
    from old
    on conflict (user_id, shown_at, movie_id) do nothing;  -- both were on one list
    update recsys.movie_keys k
    set movie_id = keep_movie_id
    where k.movie_id = drop_movie_id and not exists (
        select from recsys.movie_keys other where other.movie_id = keep_movie_id);
    merged.movie_id := keep_movie_id;
    merged.ratings_given_up := moved - merged.ratings;
    select d.* into merged.tags, merged.genres, merged.texts, merged.people, merged.keywords
    from recsys_internal.move_movie_details(keep_movie_id, drop_movie_id) d;
    update recsys.recommendations r
    set movie_id = keep_movie_id
    where r.movie_id = drop_movie_id and not exists (
        select from recsys.recommendations o
        where o.user_id = r.user_id and o.movie_id = keep_movie_id);
    delete from recsys.recommendations where movie_id = drop_movie_id;
    delete from recsys.movies where movie_id = drop_movie_id;
    select count(*) as n, avg(r.rating)::real as mean,
        count(*) filter (where r.rating >= 4) as liked
    into counts
    from recsys.ratings r where r.movie_id = keep_movie_id;
    update recsys.movies m
    set year = coalesce(m.year, dropped.year), imdb_id = coalesce(m.imdb_id, dropped.imdb_id),
        tmdb_id = coalesce(m.tmdb_id, dropped.tmdb_id),
        poster_path = coalesce(m.poster_path, dropped.poster_path),
        adult = m.adult or dropped.adult,
        rating_count = counts.n, rating_mean = counts.mean, liked_count = counts.liked,
        popularity = coalesce((
            select d.popularity
            from recsys_internal.decayed_likes(
                (recsys_internal.find_model(null)).half_life, array[keep_movie_id]) d), 0)
    where m.movie_id = keep_movie_id;
    return merged;
end
$$;

comment on column recsys.merged_movie.movie_id is 'The film that was kept.';
comment on column recsys.merged_movie.ratings is 'Ratings that it took over.';
comment on column recsys.merged_movie.ratings_given_up is
    'Ratings left behind: of users whose rating of the kept film is as new.';
comment on column recsys.merged_movie.tags is 'Tags that it took over.';
comment on column recsys.merged_movie.genres is 'Genres that it took over.';
comment on column recsys.merged_movie.texts is 'Texts that it took over.';
comment on column recsys.merged_movie.people is 'People, by role, that it took over.';
comment on column recsys.merged_movie.keywords is 'Keywords that it took over.';

comment on function recsys.merge_movies is
    'Moves all that is known of the second film to the first and deletes the second. Where a '
    'user rated both, the newer rating stays. The next training learns from the whole.';
