-- The same is learned from: see recsys/learning/standing.py. Facts come in whole steps, so that one
-- rating more moves no weight, only what it adds itself.
create or replace function recsys_internal.find_ordering(
    model recsys.models,
    chosen recsys.orders,
    rated recsys_internal.rated,
    marks recsys_internal.marks  -- what was watched counts as rated, with the stars unknown
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
    ordering recsys_internal.ordering;
    standing record;
    times timestamptz[];
begin
    if chosen.model_id is null then
        return null;
    end if;
    ordering.film_ids := rated.movie_ids;
    ordering.likes := array(
        select r.stars >= model.liked_from
        from unnest(rated.stars) with ordinality as r (stars, place) order by r.place);
    times := rated.rated_at;
    if marks.watched is not null then  -- of films that are rated, too, the rating counts
        select ordering.film_ids || array_agg(w.movie_id), ordering.likes || array_agg(w.likes),
            times || array_agg(w.watched_at)
        into ordering.film_ids, ordering.likes, times
        from unnest(marks.watched, marks.likes, marks.watched_at)
            as w (movie_id, likes, watched_at)
        where w.movie_id not in (select f from unnest(ordering.film_ids) f);
    end if;
    select count(*) filter (where r.likes) as likes,
        least(greatest(min(r.rated_at), chosen.oldest_rated_at), chosen.newest_rated_at) as first,
        least(greatest(max(r.rated_at), chosen.oldest_rated_at), chosen.newest_rated_at) as last
    into standing
    from unnest(ordering.likes, times) as r (likes, rated_at);
    if standing.likes < few_likes and chosen.highest_facts[1] <= chosen.lowest_facts[1] then
        return null;  -- it has learned nothing of users with so few
    end if;
    select sum(recsys_internal.scaled(
        u.outputs, greatest(u.bias - (u.by_fact <#> facts.vector), 0)))::real[]
    into ordering.weights
    from recsys.order_units u
    cross join (
        select array_agg(least(greatest(f.fact, b.lowest), b.highest) order by f.place)::vector
        from unnest(array[
            case when standing.likes < few_likes then 1 else 0 end,
            floor(ln(1 + coalesce(date_part('epoch', chosen.newest_rated_at - standing.last), 0) / day)
                / ln(2)),
            floor(ln(1 + coalesce(date_part('epoch', standing.last - standing.first), 0) / day) / ln(2))
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
    ordering.shares := array(
        select ordering.weights[2] + ordering.weights[3]
            * case when r.halvings > oldest_halving then 0 else half ^ r.halvings end
        from (
            select t.place, floor(date_part('epoch', standing.last - least(greatest(
                t.rated_at, chosen.oldest_rated_at), chosen.newest_rated_at))
                / chosen.recent_unit)::integer as halvings
            from unnest(times) with ordinality as t (rated_at, place)
        ) r
        order by r.place);
    return ordering;
end
$$;

comment on function recsys_internal.find_ordering is
    'What a user weighs in the order of candidates, as of this statement; null without an order, or '
    'where it has learned nothing of such users: then retrieval''s order stays.';
