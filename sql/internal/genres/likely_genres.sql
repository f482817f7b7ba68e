create or replace function recsys_internal.likely_genres(
    encoder_id bigint,
    x vector,
    threshold real
)
returns setof recsys.predicted_genre
language sql stable
as $$
    select p.genre, p.probability
    from (
        select g.*, row_number() over (order by g.probability desc, g.genre) as place
        from recsys_internal.genre_probabilities(encoder_id, x) g
    ) p
    where p.probability >= coalesce(likely_genres.threshold, p.threshold)
       or likely_genres.threshold is null and p.place = 1
    order by p.place
$$;

comment on function recsys_internal.likely_genres is
    'The genres at least as probable as the threshold, best first; for null, each from its own '
    'threshold on, and the most probable one in any case.';
