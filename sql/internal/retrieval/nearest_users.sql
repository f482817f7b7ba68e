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
    film_id bigint default null,  -- whose raters are left out
    barred bigint default null  -- a user who is left out
)
returns table (user_id bigint, match double precision)
language plpgsql stable
as $$
#variable_conflict use_column
declare
    pool constant bigint := least(n + 100::bigint, 2147483647);
    ids bigint[];
    matches double precision[];
    outdated bigint[];
begin
    if query is null then
        return;
    end if;
    -- Ratings have no index by film: each user's is looked up, best first, until enough remain.
    select array_agg(p.user_id order by p.match desc, p.user_id),
        array_agg(p.match order by p.match desc, p.user_id)
    into ids, matches
    from (
        select near.user_id, near.match
        from (
            select v.user_id, recsys_internal.user_match(measure, v.embedding, query) as match
            from recsys.user_vectors v
            where v.model_id = model.model_id and v.user_id is distinct from barred
            order by 2 desc, 1
            limit case when film_id is null then pool + n end
        ) near
        where film_id is null or ((
            select true from recsys.ratings r
            where r.user_id = near.user_id and r.movie_id = film_id limit 1) is null
          and (
            select true from recsys.feedback f
            where f.user_id = near.user_id and f.movie_id = film_id
              and f.kind in ('seen', 'liked') limit 1) is null)
        order by near.match desc, near.user_id
        limit pool + n
    ) p;
    outdated := recsys_internal.outdated_users(model, ids[: pool]);
    return query
    select p.user_id, p.match
    from unnest(ids, matches) as p (user_id, match)
    where p.user_id not in (select o from unnest(outdated) o)
    union all
    select o.user_id, recsys_internal.user_match(
        measure, case measure when 'score' then t.ranking else t.embedding end, query)
    from unnest(outdated) as o (user_id)
    cross join lateral recsys_internal.find_taste(o.user_id, model) t
    where t.embedding is not null
    order by 2 desc, 1
    limit n;
end
$$;

comment on function recsys_internal.nearest_users is
    'The n users whose vectors, as of now, fit a vector best; read from those stored.';
