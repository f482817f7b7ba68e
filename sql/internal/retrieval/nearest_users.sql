-- Reads all stored vectors. Of the best, n + 100 are made anew where the likes have changed; the n
-- after them fill the list up where these fall, and count as they are stored. So the answer is
-- exact for all users whose stored vector is up to date. It misses users without one, and those
-- whose likes have changed so much that they were not among the n + 100: to know them, every call
-- would read all ratings.
create or replace function recsys_internal.nearest_users(
    model recsys.models,
    query vector,
    measure text,  -- score, of a film's vector; or likeness, to a user's
    n integer,
    film_id bigint default null,  -- those who know it are left out
    barred bigint default null  -- a user who is left out
)
returns table (user_id bigint, match double precision)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    pool constant integer := least(n + 100::bigint, 2147483647);
    reserve constant integer := least(pool + n::bigint, 2147483647);  -- with those that fill it up
    -- Of a film that two in three know, one reading is enough.
    read bigint := case when film_id is null then 1 else 3 end * reserve::bigint;
    found bigint;
    ids bigint[];
    matches double precision[];
    knowing bigint[];
    outdated bigint[];
begin
    if query is null then
        return;
    end if;
    loop
        select array_agg(s.user_id order by s.place), array_agg(s.match order by s.place), count(*)
        into ids, matches, found
        from recsys_internal.stored_users(model.model_id, query, measure, read, barred)
            with ordinality as s (user_id, match, place);
        exit when film_id is null;
        -- Ratings have no index by film: those of the best users are looked up.
        knowing := recsys_internal.users_who_know(film_id, ids);
        exit when found < read or found - cardinality(knowing) >= reserve;
        read := 4 * read;
    end loop;
    if knowing <> '{}' then
        select array_agg(u.user_id order by u.place), array_agg(u.match order by u.place)
        into ids, matches
        from unnest(ids, matches) with ordinality as u (user_id, match, place)
        where u.user_id not in (select k from unnest(knowing) k);
    end if;
    ids := ids[: reserve];
    matches := matches[: reserve];
    outdated := recsys_internal.outdated_users(model, ids[: pool]);
    return query
    select p.user_id, p.match
    from unnest(ids, matches) as p (user_id, match)
    where p.user_id not in (select o from unnest(outdated) o)
    union all
    select o.user_id, recsys_internal.user_match(
        measure, case measure when 'score' then t.ranking else t.embedding end, query)
    from unnest(outdated) as o (user_id)
    cross join lateral recsys_internal.find_taste(
        o.user_id, model, recsys_internal.find_rated(o.user_id)) t
    where t.embedding is not null
    order by 2 desc, 1
    limit n;
end
$$;

comment on function recsys_internal.nearest_users is
    'The n users whose vectors, as of now, fit a vector best; read from those stored.';

-- Of many users at once, a plan is made for the values at hand: over several nodes there is no
-- other, and to make it is little beside what is read.
create or replace function recsys_internal.stored_users(
    model_id bigint,
    query vector,
    measure text,
    n bigint,
    barred bigint
)
returns table (user_id bigint, match double precision)
language plpgsql stable
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
begin
    return query
    select v.user_id, recsys_internal.user_match(measure, v.embedding, query) as match
    from recsys.user_vectors v
    where v.model_id = stored_users.model_id and v.user_id is distinct from barred
    order by 2 desc, 1
    limit n;
end
$$;

comment on function recsys_internal.stored_users is
    'The n users whose stored vectors fit a vector best, the best first.';

create or replace function recsys_internal.users_who_know(film_id bigint, user_ids bigint[])
returns bigint[]
language plpgsql stable
set plan_cache_mode = force_custom_plan
as $$
declare
    found bigint[];
begin
    select array_agg(known.user_id) into found
    from (
        select r.user_id
        from recsys.ratings r
        where r.user_id = any (user_ids) and r.movie_id = film_id
        union all
        select f.user_id
        from recsys.feedback f
        where f.user_id = any (user_ids) and f.movie_id = film_id
          and (recsys_internal.watched(f.kind) or recsys_internal.away(f.kind, f.at))
    ) known;
    return coalesce(found, '{}');
end
$$;

comment on function recsys_internal.users_who_know is
    'Those of some users who have rated, watched or hidden a film; some come twice.';
