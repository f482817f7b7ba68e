-- The same is learned from: see recsys/learning/standing.py. Facts come in whole steps, so that one
-- rating more moves no weight, only what it adds itself. Ratings are summed by how recent they
-- are, and the sums weighted then: to scale each vector would take longer than to add it.
create or replace function recsys_internal.find_ordering(
    user_id bigint,
    model recsys.models,
    chosen recsys.orders
)
returns recsys_internal.ordering
language plpgsql stable
as $$
#variable_conflict use_column
declare
    few_likes constant integer := 4;
    oldest_halving constant integer := 20;
    day constant double precision := 86400;
    half constant double precision := 0.5;  -- as a numeric, its power takes long
    nothing vector;
    ordering recsys_internal.ordering;
    rated record;
begin
    if chosen.model_id is null then
        return null;
    end if;
    nothing := array_fill(0, array[chosen.directions])::vector;
    select count(*) filter (where r.rating >= model.liked_from) as likes,
        least(greatest(min(r.rated_at), chosen.oldest_rated_at), chosen.newest_rated_at) as first,
        least(greatest(max(r.rated_at), chosen.oldest_rated_at), chosen.newest_rated_at) as last
    into rated
    from recsys.ratings r
    where r.user_id = find_ordering.user_id;
    if rated.likes < few_likes and chosen.highest_facts[1] <= chosen.lowest_facts[1] then
        return null;  -- it has learned nothing of users with so few
    end if;
    select sum(recsys_internal.scaled(
        u.outputs, greatest(u.bias - (u.by_fact <#> facts.vector), 0)))::real[]
    into ordering.weights
    from recsys.order_units u
    cross join (
        select array_agg(least(greatest(f.fact, b.lowest), b.highest) order by f.place)::vector
        from unnest(array[
            case when rated.likes < few_likes then 1 else 0 end,
            floor(ln(1 + coalesce(date_part('epoch', chosen.newest_rated_at - rated.last), 0) / day)
                / ln(2)),
            floor(ln(1 + coalesce(date_part('epoch', rated.last - rated.first), 0) / day) / ln(2))
        ]) with ordinality f (fact, place)
        join unnest(chosen.lowest_facts, chosen.highest_facts)
            with ordinality b (lowest, highest, place) on b.place = f.place
    ) facts (vector)
    where u.model_id = chosen.model_id;
    ordering.weights := array(
        select greatest(weight, least)
        from unnest(ordering.weights, chosen.least_weights)
            with ordinality w (weight, least, place)
        order by place);
    with film as materialized (
        select f.movie_id, f.liked, f.rated, r.rating >= model.liked_from as likes,
            floor(date_part('epoch', rated.last - least(greatest(
                r.rated_at, chosen.oldest_rated_at), chosen.newest_rated_at))
                / chosen.recent_unit)::integer as halvings
        from recsys.ratings r
        join recsys.order_films f on f.model_id = chosen.model_id and f.movie_id = r.movie_id
        where r.user_id = find_ordering.user_id
    ),
    level as (
        select f.halvings, coalesce(sum(f.liked::vector) filter (where f.likes), nothing)
            || sum(f.rated::vector) as total
        from film f
        group by f.halvings
    )
    select (
        select sum(recsys_internal.scaled(l.total, ordering.weights[2] + ordering.weights[3]
            * case when l.halvings > oldest_halving then 0 else half ^ l.halvings end))
        from level l
    ), array_agg(f.movie_id order by f.movie_id),
        array_agg(ordering.weights[2] + ordering.weights[3]
            * case when f.halvings > oldest_halving then 0 else half ^ f.halvings end
            order by f.movie_id),
        array_agg(f.likes order by f.movie_id)
    into ordering.leaning, ordering.film_ids, ordering.shares, ordering.likes
    from film f;
    ordering.leaning := coalesce(ordering.leaning, nothing || nothing);
    return ordering;
end
$$;

comment on function recsys_internal.find_ordering is
    'What a user weighs in the order of candidates, as of this statement; null without an order, or '
    'where it has learned nothing of such users: then retrieval''s order stays.';
