-- Inlined.
create or replace function recsys_internal.user_match(measure text, embedding vector, query vector)
returns double precision
language sql immutable parallel safe
as $$
    select case measure when 'score' then -(embedding operator(public.<#>) query)
        else 1 - (embedding operator(public.<=>) query) end
$$;

comment on function recsys_internal.user_match is
    'How well a user''s vector fits another vector: the dot product for score, the cosine for '
    'likeness.';
