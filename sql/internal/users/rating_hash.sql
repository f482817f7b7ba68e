create or replace function recsys_internal.rating_hash(movie_id bigint, rating real)
returns bigint
language sql immutable parallel safe
as $$ select hashint8extended(movie_id, hashfloat4extended(rating, 0)) $$;

comment on function recsys_internal.rating_hash is
    'What a rating adds to the digest of a user''s ratings: bit_xor over them is '
    'ranker_users.rating_digest as long as the ratings are the same.';
