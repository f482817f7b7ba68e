create or replace function recsys.recommend(
    user_id bigint,
    k integer default 10,
    genres text[] default null,
    exclude_genres text[] default null,
    year_from integer default null,
    year_to integer default null,
    min_ratings integer default null,
    exclude_movies bigint[] default null,
    include_rated boolean default false,
    diversity real default 0,
    rerank boolean default true,  -- by the order of a model that has one
    model_id bigint default null,
    include_predicted_genres boolean default false,
    include_adult boolean default false,
    not_shown_since interval default null,
    fresh real default 0,  -- how far films that were shown lately step back
    watchlist_first boolean default false,
    experiment text default null  -- whose variant for the user says how to answer
)
returns setof recsys.recommendation
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
#variable_conflict use_column
declare
    variant constant recsys.experiment_variants := case when experiment is not null then
        recsys_internal.find_variant(recommend.user_id, recommend.experiment) end;
    model recsys.models := recsys_internal.find_model(
        coalesce(variant.model_id, recommend.model_id));
    filters recsys_internal.filters := recsys_internal.find_filters(
        genres, exclude_genres, year_from, year_to, min_ratings, include_predicted_genres,
        include_adult);
    rated recsys_internal.rated := recsys_internal.find_rated(recommend.user_id);
    marks recsys_internal.marks := recsys_internal.find_marks(recommend.user_id);
    barred bigint[] := recsys_internal.present(exclude_movies) || filters.hidden || marks.away;
    seen bigint[];
    shown recsys_internal.shown;
    first integer := 0;
begin
    perform recsys_internal.check_k(k), recsys_internal.check_diversity(diversity),
        recsys_internal.check_fresh(fresh, not_shown_since);
    diversity := coalesce(variant.diversity, diversity);
    rerank := coalesce(variant.rerank, rerank);
    if not coalesce(include_rated, false) then
        barred := barred || rated.movie_ids || marks.watched;
    end if;
    if not_shown_since is not null then
        select array_agg(distinct i.movie_id) into seen
        from recsys.impressions i
        where i.user_id = recommend.user_id
          -- no longer than times go back
          and i.shown_at > statement_timestamp() - least(not_shown_since, '2000 years');
        barred := barred || seen;
    end if;
    if fresh > 0 then
        shown := recsys_internal.find_shown(recommend.user_id, fresh);
    end if;
    if watchlist_first and marks.watchlist is not null then
        return query select * from recsys_internal.recommend_among(
            recommend.user_id, k, model, recsys_internal.limited_to(filters, marks.watchlist),
            barred, rated, marks, diversity, rerank, shown, variant.variant);
        get diagnostics first = row_count;
        barred := barred || marks.watchlist;
    end if;
    if first < k then
        return query select first + r.rank, r.movie_id, r.title, r.year, r.genres, r.score,
            r.predicted_rating, r.source, r.because_movie_id, r.because_title, r.model_id,
            r.variant
        from recsys_internal.recommend_among(
            recommend.user_id, k - first, model, filters, barred, rated, marks, diversity, rerank,
            shown, variant.variant) r;
    end if;
end
$$;

comment on column recsys.recommendation.rank is 'Place in the list; 1 is the best.';
comment on column recsys.recommendation.movie_id is 'Id of the film.';
comment on column recsys.recommendation.title is 'Title of the film.';
comment on column recsys.recommendation.year is 'Its year of release.';
comment on column recsys.recommendation.genres is 'Names of its genres.';
comment on column recsys.recommendation.score is
    'Higher is better; comparable among rows of one source and user alone.';
comment on column recsys.recommendation.predicted_rating is
    'Stars that the user would give it; null without a ranker.';
comment on column recsys.recommendation.source is
    'Where the row came from: personal, live, content or popular.';
comment on column recsys.recommendation.because_movie_id is
    'The liked film that adds most to the score; null where none adds anything.';
comment on column recsys.recommendation.because_title is 'Its title.';
comment on column recsys.recommendation.model_id is
    'Id of the model that answered; null for popular films.';
comment on column recsys.recommendation.variant is
    'The variant of the experiment that chose the film; null outside of experiments.';

comment on function recsys.recommend is
    'The k best films for a user that they have neither rated nor seen: personal ones by the '
    'model''s score, then popular ones, which a user without known likes gets alone. Ratings count '
    'from the next statement on; because_title is the liked film that adds most to the score. With '
    'rerank, the best of retrieval and films that are popular now are put in order by what the '
    'model has learned; diversity (0 to 1) makes the films less alike. Films that '
    'the user hid never come. not_shown_since leaves out films that were shown to them since then; '
    'fresh (0 to 1) lets films that were shown lately step back; watchlist_first puts their '
    'watchlist in front.';
