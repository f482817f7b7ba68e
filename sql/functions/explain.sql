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
    taste recsys_internal.taste := recsys_internal.find_taste(explain.user_id, model);
    film vector := (
        select v.embedding from recsys.movie_vectors v
        where v.model_id = model.model_id and v.movie_id = explain.movie_id
    );
    solved vector;
begin
    perform recsys_internal.check_k(k);
    perform recsys_internal.check_movies(array[explain.movie_id]);
    if taste.films is null or film is null then
        return;
    end if;
    solved := recsys_internal.solve_user(
        recsys_internal.user_diagonal(model, cardinality(taste.films)), taste.films, film, null, 1e-6);
    return query
    select (row_number() over (order by c.contribution desc, c.movie_id))::integer, c.movie_id,
        coalesce(m.title, 'What everybody likes'), r.rating, c.contribution
    from (
        select u.film_id as movie_id, -(u.e <#> solved) as contribution
        from unnest(taste.film_ids, taste.films) as u (film_id, e)
        union all
        select null, -((taste.ranking - taste.embedding) <#> film) * model.item_norm
        where taste.ranking <> taste.embedding
    ) c
    left join recsys.movies m on m.movie_id = c.movie_id
    left join recsys.ratings r on r.movie_id = c.movie_id and r.user_id = explain.user_id
    order by 1
    limit k;
end
$$;

comment on column recsys.explanation.rank is 'Place in the list; 1 adds most.';
comment on column recsys.explanation.because_movie_id is
    'The liked film; null for what everybody likes.';
comment on column recsys.explanation.because_title is 'Its title.';
comment on column recsys.explanation.rating is 'Stars that the user gave it.';
comment on column recsys.explanation.contribution is 'What it adds to the score.';

comment on function recsys.explain is
    'The k liked films that add most to the user''s score of a film: over all of them, the '
    'contributions add up to the score (Hu, Koren, Volinsky 2008, section 5). A live user of one '
    'or two films has a row for what everybody likes, too. Empty where the score is not personal.';
