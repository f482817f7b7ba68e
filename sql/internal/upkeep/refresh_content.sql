create or replace function recsys_internal.refresh_content(model_id bigint)
returns void
language plpgsql
as $$
#variable_conflict use_column
declare
    model recsys.models := recsys_internal.find_model(refresh_content.model_id);
begin
    if not exists (
        select from recsys.content_features c where c.model_id = model.model_id)
    then
        perform recsys_internal.refresh_genre_norms(model.model_id);
        return;
    end if;
    with made as materialized (
        select c.movie_id, c.embedding, vector_norm(subvector(c.embedding, 1, model.factors)) as norm
        from recsys_internal.content_vectors(model, array(
            select m.movie_id from recsys.movies m
            where not exists (
                select from recsys.movie_vectors v
                where v.model_id = model.model_id and v.movie_id = m.movie_id
                  and not v.content))) c
    ),
    gone as (
        delete from recsys.movie_vectors v
        where v.model_id = model.model_id and v.content
          and v.movie_id not in (select movie_id from made)
    )
    insert into recsys.movie_vectors as v (model_id, movie_id, embedding, norm, content)
    select model.model_id, movie_id, embedding, norm, true from made
    -- Rows that stay as they are are not even locked: others may be changing their films.
    where not exists (
        select from recsys.movie_vectors v
        where v.model_id = model.model_id and v.movie_id = made.movie_id
          and v.embedding = made.embedding)
    order by norm desc, movie_id  -- the longest are read first: they lie together
    on conflict (model_id, movie_id) do update
    set embedding = excluded.embedding, norm = excluded.norm
    where v.content;
    update recsys.models m
    set norms = f.norms
    from (
        select array_agg(v.norm order by v.place) filter (where v.place & (v.place - 1) = 0) as norms
        from (
            select norm, row_number() over (order by norm desc) as place
            from recsys.movie_vectors v
            where v.model_id = model.model_id
        ) v
    ) f
    where m.model_id = model.model_id;
    perform recsys_internal.refresh_genre_norms(model.model_id);
end
$$;

comment on function recsys_internal.refresh_content is
    'Brings the vectors of the films that a model knows by their content alone up to date, and the '
    'lists of the genres.';
