-- A swap of two letters is as common a typo as a wrong one: it is a removal and an insertion, so
-- these cost less than a replacement, and a swap then little more than one.
create or replace function recsys_internal.title_closeness(one text, other text)
returns double precision
language sql immutable parallel safe
as $$
    select 1 - public.levenshtein(one, other, 2, 2, 3)
        / (3.0::double precision * greatest(length(one), length(other), 1))
$$;
comment on function recsys_internal.title_closeness is
    'How little two plain titles differ by letters, 0 to 1.';

create or replace function recsys_internal.title_likeness(reading text, title text)
returns double precision
language sql immutable parallel safe
as $$
    select greatest(
        recsys_internal.title_closeness(
            translate(reading, '|,', '  '), translate(title, '|,', '  ')),
        -- Another article, or one title out of several, is a little less than all of it.
        0.98 * recsys_internal.title_closeness(
            recsys_internal.main_title(reading), recsys_internal.main_title(title)),
        0.97 * recsys_internal.title_closeness(
            recsys_internal.main_title(reading),
            recsys_internal.main_title(nullif(split_part(title, '|', 2), ''))),
        0.97 * recsys_internal.title_closeness(
            recsys_internal.main_title(reading),
            recsys_internal.main_title(nullif(split_part(title, '|', 3), ''))),
        -- Words in another order; a part of the title.
        0.95 * public.similarity(reading, title),
        0.9 * public.word_similarity(reading, title))
$$;
comment on function recsys_internal.title_likeness is
    'How alike two plain titles are, 0 to 1: by letters, by words in any order, or as a part.';
