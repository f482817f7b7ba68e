create or replace function recsys_internal.known_encoder(name text)
returns recsys.text_encoders
language plpgsql stable
as $$
declare
    found_encoder recsys.text_encoders := recsys_internal.find_encoder(name);
begin
    if found_encoder.encoder_id is null and name = 'terms' then
        if exists (select from recsys.movie_texts) then
            raise exception 'the films'' texts have not been learned yet'
                using errcode = '55000', hint = '`recsys train` or `recsys text embed` does it.';
        end if;
        raise exception 'no film here has a text: an overview, a plot or a tagline'
            using errcode = '55000', hint = 'Load a file that has them, such as a CSV with the '
                'columns title, year and overview, or an export of TMDB: `recsys load FILE`, '
                'then `recsys train`.';
    elsif found_encoder.encoder_id is null then
        raise exception 'unknown encoder: %', coalesce(quote_literal(name), 'null')
            using errcode = '22023', hint = '`recsys text embed --encoder NAME` adds one.';
    end if;
    return found_encoder;
end
$$;

comment on function recsys_internal.known_encoder is
    'The newest encoder of a name; refuses one that is not there.';
