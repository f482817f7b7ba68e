create or replace function recsys.explain(
    user_id bigint,
    movie_id bigint,
    k integer default 3,
    model_id bigint default null
)
returns setof recsys.explanation
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
#variable_conflict use_column
declare
    model recsys.models := recsys_internal.find_model(explain.model_id);
    rated recsys_internal.rated := recsys_internal.find_rated(explain.user_id);
    taste recsys_internal.taste := recsys_internal.find_taste(
        explain.user_id, model, rated, with_films => true);
    chosen recsys.orders := recsys_internal.find_order(model.model_id);
    ordering recsys_internal.ordering := recsys_internal.find_ordering(
        model, chosen, rated, recsys_internal.find_marks(explain.user_id));
    scored record;
    weight double precision;  -- of retrieval's score
    film vector := (
        select v.embedding from recsys.movie_vectors v
        where v.model_id = model.model_id and v.movie_id = explain.movie_id
    );
    solved vector;
begin
    perform recsys_internal.check_k(k);
    perform recsys_internal.check_movies(array[explain.movie_id]);
    if taste.films is null or film is null or chosen.name = 'popular' then
        return query
        select 1, null::bigint, 'What is popular now', null::real, m.popularity
        from recsys.movies m
        where m.movie_id = explain.movie_id
          and (chosen.name = 'popular' or taste.ranking is null or film is null);
        return;
    end if;
    select * into scored
    from recsys_internal.order_scores(chosen, ordering, array[explain.movie_id], '{0}', 0);
    weight := coalesce(scored.of_retrieval, 1);
    solved := recsys_internal.solve_user(
        recsys_internal.user_diagonal(model, cardinality(taste.films)), taste.films, film, null, 1e-6);
    return query
    select (row_number() over (order by c.contribution desc, c.movie_id))::integer, c.movie_id,
        coalesce(m.title, c.what), r.rating, c.contribution
    from (
        select p.movie_id, null as what, sum(p.contribution) as contribution
        from (
            select u.film_id as movie_id, weight * -(u.e <#> solved) as contribution
            from unnest(taste.film_ids, taste.films) as u (film_id, e)
            union all
            select f.movie_id, s.share * -(o.outward::vector <#> (case when s.likes
                then f.liked::vector else array_fill(0, array[chosen.directions])::vector
                end || f.rated::vector))
            from unnest(ordering.film_ids, ordering.shares, ordering.likes)
                as s (movie_id, share, likes)
            join recsys.order_films f
                on f.model_id = chosen.model_id and f.movie_id = s.movie_id
            join recsys.order_films o
                on o.model_id = chosen.model_id and o.movie_id = explain.movie_id
                and o.age <> 'NaN'
        ) p
        group by p.movie_id
        union all
        select null, 'What everybody likes',
            weight * -((taste.ranking - taste.embedding) <#> film) * model.item_norm
        where taste.ranking <> taste.embedding
        union all
        select null, part.what, part.contribution
        from (values
            ('What is popular now', scored.popular), ('How long it has been rated', scored.age)
        ) part (what, contribution)
        where part.contribution is not null
    ) c
    left join recsys.movies m on m.movie_id = c.movie_id
    left join unnest(rated.movie_ids, rated.stars) as r (movie_id, rating) on r.movie_id = c.movie_id
    order by 1
    limit k;
end
$$;

comment on column recsys.explanation.rank is 'Place in the list; 1 adds most.';
comment on column recsys.explanation.because_movie_id is
    'The rated or watched film; null for what is not the user''s.';
comment on column recsys.explanation.because_title is 'Its title, or what else it is.';
comment on column recsys.explanation.rating is 'Stars that the user gave it; null if only watched.';
comment on column recsys.explanation.contribution is 'What it adds to the score.';

comment on function recsys.explain is
    'What adds most to the user''s score of a film, k rows: films that they rated (for retrieval: '
    'Hu, Koren, Volinsky 2008, section 5), and what is popular. Over all rows, the contributions '
    'add up to the score that recsys.recommend puts candidates in order by; the films after them go '
    'on below, by retrieval. Empty where the user''s vector is '
    'imported, and nothing is known of what it was made from.';
