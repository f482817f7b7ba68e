-- The setback grows with how often a film was shown and shrinks with the time since then. It counts
-- places, not scores, which have no common scale: so it works alike on personal and popular films.
create or replace function recsys_internal.find_shown(user_id bigint, fresh real)
returns recsys_internal.shown
language plpgsql stable
as $$
declare
    most_places constant integer := 100;
    half_life constant double precision := 7 * 86400;  -- seconds
    oldest constant interval := '70 days';  -- ten half-lives: older ones are hardly felt
    most_shown constant double precision := 60;  -- beyond, the power is zero to the last digit
    half constant double precision := 0.5;
    shown recsys_internal.shown;
    ids bigint[];
    times timestamptz[];
begin
    select array_agg(i.movie_id), array_agg(i.shown_at) into ids, times
    from recsys.impressions i
    where i.user_id = find_shown.user_id and i.shown_at > statement_timestamp() - oldest;
    select array_agg(i.movie_id),
        array_agg(fresh * most_places * (1 - half ^ least(i.times, most_shown)))
    into shown
    from (
        select i.movie_id, sum(half ^ (date_part('epoch', statement_timestamp()
            - least(i.shown_at, statement_timestamp())) / half_life)) as times
        from unnest(ids, times) as i (movie_id, shown_at)
        group by i.movie_id
    ) i;
    return shown;
end
$$;

comment on function recsys_internal.find_shown is
    'Films that a user was shown in the last 70 days, and by how many places each steps back: '
    'fresh * 100 * (1 - 0.5 ^ n), n being how often it was shown, each time counting half as much '
    'with every 7 days since.';
