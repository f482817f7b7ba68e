-- Inlined, as rating_hash is. The stored digests are made of these values.
create or replace function recsys_internal.like_hash(movie_id bigint)
returns bigint
language sql immutable parallel safe
as $$ select hashint8extended(movie_id, 0) $$;

comment on function recsys_internal.like_hash is
    'What a liked film adds to the digest of a user''s likes: bit_xor over them is '
    'user_vectors.liked_digest as long as the likes are the same.';
