create or replace function recsys_internal.chance(name text, user_id bigint, number integer default 0)
returns double precision
language sql immutable
as $$
select ('x' || left(encode(sha256(
        convert_to(format('%s %s %s', name, user_id, number), 'UTF8')), 'hex'), 13))::bit(52)::bigint
    / 4503599627370496.0::double precision
$$;

comment on function recsys_internal.chance is
    'A number from 0 up to 1, at random but always the same for the same experiment, user and '
    'number. By SHA-256: the server''s own hash functions leave experiments of like names, and '
    'users of neighbouring ids, correlated, and may change with its version.';
