-- One partial index per model and measure: score, and likeness, which has no last coordinate.
create or replace function recsys_internal.index_model(
    model_id bigint,
    always boolean default false  -- for tests: however few the films
)
returns void
language plpgsql
set search_path = pg_catalog, public, pg_temp
set maintenance_work_mem = '512MB'
as $$
declare
    model recsys.models := recsys_internal.find_model(model_id);
    measure text;
begin
    if model.factors >= 2000 then
        return;  -- more dimensions than pgvector indexes; the exact ways serve
    elsif not (always or recsys_internal.index_pays(model)) then
        return;
    end if;
    foreach measure in array '{score,likeness}'::text[] loop
        execute format(
            'create index %I on recsys.movie_vectors using hnsw ((%s) vector_cosine_ops) '
            'where model_id = %s %s',
            recsys_internal.index_name(index_model.model_id, measure),
            recsys_internal.index_expression(model.factors, measure), index_model.model_id,
            recsys_internal.index_restriction(measure));
    end loop;
end
$$;
comment on function recsys_internal.index_model is 'Builds the HNSW indexes of a model''s films.';

create or replace function recsys_internal.index_pays(model recsys.models)
returns boolean
language sql immutable
as $$
    select (model).movie_count > 8000
$$;
comment on function recsys_internal.index_pays is
    'Whether a model has so many films that an index can be quicker than reading them all.';

create or replace function recsys_internal.unindex_model(model_id bigint)
returns void
language plpgsql
as $$
declare
    measure text;
begin
    foreach measure in array '{score,likeness}'::text[] loop
        execute format('drop index if exists recsys.%I',
            recsys_internal.index_name(unindex_model.model_id, measure));
    end loop;
end
$$;
comment on function recsys_internal.unindex_model is 'Drops the HNSW indexes of a model''s films.';

create or replace function recsys_internal.index_name(model_id bigint, measure text)
returns text
language sql immutable
as $$
    select format('ix_movie_vectors_%s_%s', measure, model_id)
$$;
comment on function recsys_internal.index_name is 'Name of a model''s HNSW index.';

create or replace function recsys_internal.index_expression(factors integer, measure text)
returns text
language sql immutable
as $$
    select case measure
        when 'score' then format('embedding::public.vector(%s)', factors + 1)
        else format('public.subvector(embedding, 1, %s)::public.vector(%1$s)', factors)
    end
$$;
comment on function recsys_internal.index_expression is 'What a model''s HNSW index is made of.';

create or replace function recsys_internal.index_restriction(measure text)
returns text
language sql immutable
as $$
    select case when measure = 'likeness' then 'and not content' else '' end
$$;
comment on function recsys_internal.index_restriction is
    'Which of a model''s films are in its HNSW index: vectors made from content are too coarse to '
    'compare films by.';
