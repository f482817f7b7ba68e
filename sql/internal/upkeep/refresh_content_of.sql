create or replace function recsys_internal.refresh_content_of(movie_id bigint)
returns void
language plpgsql
as $$
#variable_conflict use_column
declare
    model recsys.models := recsys_internal.find_model(null);
    made vector;
begin
    if not exists (
            select from recsys.content_features c where c.model_id = model.model_id)
        or exists (
            select from recsys.movie_vectors v
            where v.model_id = model.model_id and v.movie_id = refresh_content_of.movie_id
              and not v.content)
        or not recsys_internal.may_write_vectors()
    then
        return;
    end if;
    -- Of two who change one film, the second reads what the first has written.
    perform from recsys.movie_vectors v
    where v.model_id = model.model_id and v.movie_id = refresh_content_of.movie_id for update;
    made := recsys_internal.content_vector(model, refresh_content_of.movie_id);
    if made is null then
        delete from recsys.movie_vectors v
        where v.model_id = model.model_id and v.movie_id = refresh_content_of.movie_id;
    else
        insert into recsys.movie_vectors as v (model_id, movie_id, embedding, norm, content)
        values (model.model_id, refresh_content_of.movie_id, made,
            vector_norm(subvector(made, 1, model.factors)), true)
        on conflict on constraint pk_movie_vectors do update
        set embedding = excluded.embedding, norm = excluded.norm
        where v.embedding <> excluded.embedding;
    end if;
end
$$;

comment on function recsys_internal.refresh_content_of is
    'Makes the active model''s vector of a film that it knows by its content alone.';

-- A change of films must not wait for a training that writes: it may be about to wait for the same
-- rows. The training refreshes all films when it is done.
create or replace function recsys_internal.may_write_vectors()
returns boolean
language plpgsql
as $$
begin
    lock table recsys.movie_vectors in row exclusive mode nowait;
    return true;
exception when lock_not_available then
    return false;
end
$$;

comment on function recsys_internal.may_write_vectors is
    'Whether no training is writing film vectors now; none will before this transaction ends.';
