create or replace function recsys.recommend_group(
    user_ids bigint[],
    k integer default 10,
    strategy text default 'mean',
    genres text[] default null,
    exclude_genres text[] default null,
    year_from integer default null,
    year_to integer default null,
    min_ratings integer default null,
    exclude_movies bigint[] default null,
    model_id bigint default null,
    include_predicted_genres boolean default false,
    include_adult boolean default false
)
returns setof recsys.recommendation
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
#variable_conflict use_column
declare
    model recsys.models := recsys_internal.find_model(recommend_group.model_id);
    filters recsys_internal.filters := recsys_internal.find_filters(
        genres, exclude_genres, year_from, year_to, min_ratings, include_predicted_genres,
        include_adult);
    members recsys_internal.taste[];
    together recsys_internal.taste;
    ranker recsys.rankers := recsys_internal.find_ranker(model.model_id);
    raters recsys_internal.rater[];
    member bigint;
    marks recsys_internal.marks;
    rated recsys_internal.rated;
    taste recsys_internal.taste;
    barred bigint[] := recsys_internal.present(exclude_movies) || filters.hidden;
    most_barred integer := 10000;
    ids bigint[];
    scores double precision[];
begin
    perform recsys_internal.check_k(k);
    if coalesce(cardinality(user_ids), 0) = 0 then
        raise exception 'user_ids is %: name at least one user',
            coalesce(quote_literal(user_ids), 'null') using errcode = '22023';
    elsif strategy is null or strategy not in ('mean', 'least_misery') then
        raise exception 'unknown strategy: %', coalesce(quote_literal(strategy), 'null')
            using errcode = '22023', hint = 'The strategies are mean and least_misery.';
    end if;
    for member in select distinct u from unnest(user_ids) u order by u loop
        rated := recsys_internal.find_rated(member);
        taste := recsys_internal.find_taste(member, model, rated);
        if taste.ranking is not null then
            members := members || taste;
        end if;
        if rated.movie_ids is not null then
            raters := raters || recsys_internal.find_rater(member, ranker, rated);
        end if;
        marks := recsys_internal.find_marks(member);
        barred := barred || rated.movie_ids || marks.watched || marks.away;
        if cardinality(barred) > most_barred then  -- many members have the same films
            barred := array(select distinct b from unnest(barred) b);
            most_barred := 2 * cardinality(barred);
        end if;
    end loop;
    select avg(m.ranking), case when bool_or(m.source = 'live') then 'live' else 'personal' end
    into together.ranking, together.source
    from unnest(members) m;  -- those with a vector
    if raters is null then
        raters := array[recsys_internal.find_rater(null, ranker, null)];
    end if;
    if strategy = 'mean' then
        select array_agg(n.movie_id order by n.place), array_agg(
            (1 - n.distance) * vector_norm(together.ranking) * model.item_norm order by n.place)
        into ids, scores
        from recsys_internal.nearest_movies(
            model, together.ranking, 'score', k, barred, filters)
            with ordinality as n (movie_id, distance, place);
    else
        select array_agg(l.movie_id order by l.place), array_agg(l.score order by l.place)
        into ids, scores
        from recsys_internal.least_misery(model, members, together.ranking, k, barred, filters)
            with ordinality as l (movie_id, score, place);
    end if;
    return query select * from recsys_internal.complete_recommendations(
        model, together.source, ids, scores,
        recsys_internal.stars_of(ranker, raters, ids, strategy = 'least_misery'),
        recsys_internal.group_reasons(model, members, ids), k, barred, filters, ranker, raters,
        strategy = 'least_misery');
end
$$;

comment on function recsys.recommend_group is
    'The k best films for several users together that none of them has rated, seen or '
    'hidden: by the mean of their scores, or, with least_misery, by the lowest score. because_title is a film that the '
    'member with the highest score liked before; predicted_rating is the mean of the members'' '
    'predicted stars, or the lowest. Members without known likes do not count in the order.';
