-- The roles and their rights: installed last, and again by every upgrade. Roles belong to the whole
-- server: they are made if the installing role may make them, and no downgrade drops them.
-- They can log in, but have no password until an administrator gives them one.
do $$
declare
    -- What the functions read. Not users: profiles are for applications alone.
    readable text := (
        select string_agg(format('recsys.%I', name), ', ')
        from unnest(array[
            'movies', 'movie_texts', 'movie_keywords', 'people', 'movie_people', 'genres',
            'movie_genres', 'movie_genres_predicted', 'ratings', 'tags', 'models', 'movie_vectors',
            'user_vectors', 'content_features', 'text_encoders', 'text_terms', 'movie_terms',
            'movie_text_vectors', 'genre_units', 'rankers', 'ranker_units', 'ranker_films',
            'ranker_terms', 'ranker_users', 'orders', 'order_units', 'order_films',
            'genre_norms', 'feedback', 'impressions', 'experiments', 'experiment_variants',
            'user_keys', 'movie_keys']) name);
    -- Only our own: another role's view in the schema would stop a grant on all. Null if another
    -- role runs an upgrade that has nothing to do.
    views text := (
        select string_agg(c.oid::regclass::text, ', ')
        from pg_class c
        where c.relnamespace = 'recsys_bi'::regnamespace and c.relkind = 'v'
          and pg_has_role(c.relowner, 'usage'));
    role text;
begin
    foreach role in array array['recsys_reader', 'recsys_app'] loop
        if to_regrole(role) is null then
            begin
                execute format('create role %I login', role);
            exception
                when duplicate_object or unique_violation then null;  -- another made it meanwhile
                when insufficient_privilege then continue;
            end;
        end if;
        execute format('grant usage on schema recsys, recsys_internal, recsys_bi to %I', role);
        execute format('grant select on %s to %I', concat_ws(', ', readable, views), role);
        execute format(
            'grant execute on all functions in schema recsys, recsys_internal to %I', role);
    end loop;
    if to_regrole('recsys_app') is not null then
        grant select on recsys.users to recsys_app;
        grant insert, update, delete on recsys.ratings, recsys.users, recsys.tags, recsys.feedback,
            recsys.impressions to recsys_app;
        grant update (withdrawn_at) on recsys.movies to recsys_app;
    end if;
end
$$;
