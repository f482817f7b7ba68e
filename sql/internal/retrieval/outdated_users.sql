-- What find_taste asks of one user, in one query for all.
create or replace function recsys_internal.outdated_users(model recsys.models, user_ids bigint[])
returns bigint[]
language plpgsql stable
set plan_cache_mode = force_custom_plan  -- as of stored_users
as $$
declare
    outdated bigint[];
begin
    select array_agg(v.user_id) into outdated
    from recsys.user_vectors v
    left join (
        select r.user_id, count(*) as liked,
            bit_xor(recsys_internal.like_hash(r.movie_id)) as digest
        from recsys.ratings r
        where r.user_id = any (user_ids) and r.rating >= model.liked_from
        group by r.user_id
    ) now on now.user_id = v.user_id
    where v.model_id = model.model_id and v.user_id = any (user_ids)
      and v.liked_count is not null
      and ((v.liked_count, v.liked_digest) = (now.liked, now.digest)) is not true;
    return coalesce(outdated, '{}');
end
$$;

comment on function recsys_internal.outdated_users is
    'Those of some users whose liked films are no longer those that their stored vector was made '
    'from.';
