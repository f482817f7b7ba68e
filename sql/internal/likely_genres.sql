create or replace function recsys_internal.likely_genres(
    encoder_id bigint,
    x vector,
    threshold real
)
returns setof recsys.predicted_genre
language plpgsql stable
as $$
#variable_conflict use_column
begin
    if not threshold between 0 and 1 then
        raise exception 'threshold is %: it must be between 0 and 1', threshold
            using errcode = '22023';
    end if;
    return query
    select p.genre, p.probability
    from (
        select g.*, row_number() over (order by g.probability desc, g.genre) as place
        from recsys_internal.genre_probabilities(encoder_id, x) g
    ) p
    where p.probability >= coalesce(likely_genres.threshold, p.threshold)
       or likely_genres.threshold is null and p.place = 1
    order by p.place;
end
$$;

comment on function recsys_internal.likely_genres is
    'The genres at least as probable as the threshold, best first; for null, as their own '
    'thresholds, and the most probable one in any case.';
