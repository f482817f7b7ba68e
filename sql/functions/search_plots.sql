create or replace function recsys.search_plots(
    query text,
    k integer default 10,
    genres text[] default null,
    exclude_genres text[] default null,
    year_from integer default null,
    year_to integer default null,
    min_ratings integer default null,
    exclude_movies bigint[] default null,
    keyword_weight real default 0.2,
    title_weight real default 0,
    genre_weight real default 0,
    embedding vector default null,  -- of the query, by the encoder, if that is not terms
    encoder text default 'terms',
    distance text default 'cosine',
    include_predicted_genres boolean default false,
    include_adult boolean default false
)
returns setof recsys.plot_match
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_generic_plan
set jit = off
as $$
#variable_conflict use_column
declare
    lexicon recsys.text_encoders := recsys_internal.known_encoder('terms');
    reader recsys.text_encoders := recsys_internal.known_encoder(encoder);
    encoded recsys_internal.encoded_text := recsys_internal.encode_text(
        lexicon.encoder_id, query);
    filters recsys_internal.filters := recsys_internal.find_filters(
        genres, exclude_genres, year_from, year_to, min_ratings, include_predicted_genres,
        include_adult);
begin
    perform recsys_internal.check_k(k);
    perform recsys_internal.check_query(query, reader, embedding),
        recsys_internal.check_weight('keyword_weight', keyword_weight),
        recsys_internal.check_weight('title_weight', title_weight),
        recsys_internal.check_weight('genre_weight', genre_weight);
    if embedding is null and encoded.embedding is null and not exists (
            select from recsys.movie_terms t
            where t.encoder_id = lexicon.encoder_id
              and recsys_internal.term_places(t.plot, t.title, t.keywords)
                && recsys_internal.term_places(encoded.terms, null, null)) then
        raise exception 'no film''s text has a word of: %', quote_literal(left(query, 100))
            using errcode = '22023', hint = 'Words such as "the" do not count.';
    end if;
    return query
    select n.place::integer, n.movie_id, d.title, d.year, d.genres, n.score
    from recsys_internal.match_texts(
        encoded.terms, reader, coalesce(embedding, encoded.embedding), distance, k,
        recsys_internal.present(exclude_movies) || filters.hidden,
        filters,
        keyword_weight, title_weight, genre_weight, recsys_internal.genres_named(query))
        with ordinality as n (movie_id, score, place)
    cross join lateral recsys_internal.describe_movie(n.movie_id) d
    order by n.place;
end
$$;

comment on column recsys.plot_match.rank is 'Place in the list; 1 is the most alike.';
comment on column recsys.plot_match.movie_id is 'Id of the film.';
comment on column recsys.plot_match.title is 'Title of the film.';
comment on column recsys.plot_match.year is 'Its year of release.';
comment on column recsys.plot_match.genres is 'Names of its genres.';
comment on column recsys.plot_match.score is
    'Higher is more alike; comparable within one query alone.';

comment on function recsys.search_plots is
    'The k films whose plots are most like the query, in any words: by the terms they share and '
    'by the vectors of those terms, or of an encoder whose vector of the query is given. '
    'Keywords and tags count, too; title_weight and genre_weight (such as 0.3) let titles and the '
    'names of genres count.';
