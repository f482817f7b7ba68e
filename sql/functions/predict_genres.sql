create or replace function recsys.predict_genres(plot text, threshold real default null)
returns setof recsys.predicted_genre
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
    encoder_id bigint;
    encoded vector;
begin
    perform recsys_internal.check_threshold(threshold), recsys_internal.check_text('plot', plot);
    if plot is null or plot !~ '\S' then
        raise exception 'plot is %: there is nothing to predict genres from',
            coalesce(quote_literal(left(plot, 20)), 'null') using errcode = '22023';
    end if;
    encoder_id := recsys_internal.find_genre_encoder('terms');
    encoded := (recsys_internal.encode_text(encoder_id, plot)).embedding;
    if encoded is null then
        raise exception 'no word of the plot is known: %', quote_literal(left(plot, 100))
            using errcode = '22023', hint = 'Words count that several films'' texts have.';
    end if;
    return query select * from recsys_internal.likely_genres(encoder_id, encoded, threshold);
end
$$;

comment on column recsys.predicted_genre.genre is 'Name of the genre.';
comment on column recsys.predicted_genre.probability is 'How probable it is, 0 to 1.';

comment on function recsys.predict_genres is
    'The genres of a plot, best first: each from its own threshold on, and the most probable one '
    'in any case; or all those at least as probable as the threshold given.';
