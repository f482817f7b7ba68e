-- Each way is the quickest for some sizes: benchmarks/speed/retrieval.py measures where they cross,
-- and the constants are from there. The setting recsys.retrieval (auto, exact, index) is for that
-- benchmark and for tests.
create or replace function recsys_internal.plan_retrieval(
    model recsys.models,
    measure text,
    n integer,
    barred bigint[],
    filters recsys_internal.filters,
    out allowed bigint[],  -- the films that pass the filters; null: all films, or too many to list
    out list_only boolean,  -- so few are allowed that each is read
    out head real,  -- films with at least this norm are read first; null: none are
    out head_most bigint,  -- at most so many of them; null: the head is all films
    out indexed boolean,  -- the index may be asked
    out index_always boolean,  -- even where the exact ways would do
    out index_bound real  -- with a higher bound, the norms leave less to read than the index
)
language plpgsql stable
as $$
declare
    few_listed constant integer := 1000;
    most_listed constant integer := 2000;
    most_visited constant integer := 1000;  -- wanted or barred: with more, the index finds less
    -- model.norms has the norms of the 1st, 2nd, 4th, 8th ... longest vector.
    head_place constant integer := 9;  -- of the 256th: the head, unless it is doubled
    index_place constant integer := 14;  -- of the 8,192nd
    -- What doubles the head: films wanted, films barred, filters that unknown numbers pass.
    wanted_share constant numeric := 64;
    barred_share constant numeric := 128;
    filters_weight constant numeric := 3;
    newcomers constant integer := 2;  -- the films since the norms were counted may be as many again
    retrieval constant text := coalesce(
        nullif(current_setting('recsys.retrieval', true), ''), 'auto');
    barred_count constant integer := coalesce(cardinality(barred), 0);
    doublings integer;
begin
    if retrieval not in ('auto', 'exact', 'index') then
        raise exception 'recsys.retrieval is %: it may be auto, exact or index',
            quote_literal(retrieval) using errcode = '22023';
    end if;
    index_always := retrieval = 'index';
    indexed := (index_always or retrieval = 'auto' and recsys_internal.index_pays(model)
            and n::bigint + barred_count <= most_visited)
        and to_regclass('recsys.' || recsys_internal.index_name(model.model_id, measure))
            is not null;
    if filters.active and not index_always then
        allowed := recsys_internal.list_movies(filters, most_listed + 1);
        list_only := cardinality(allowed) <= few_listed;
        if cardinality(allowed) > most_listed then
            allowed := null;
        end if;
    end if;
    if measure <> 'score' or list_only then
        return;
    end if;
    doublings := log(2, 1 + n / wanted_share + barred_count / barred_share
        + case when allowed is not null then model.movie_count::numeric / cardinality(allowed)
            when filters.active then filters_weight else 0 end);
    head := model.norms[head_place + doublings];
    if head is null then
        head := 0;
    elsif head < model.norms[1] then
        head_most := newcomers * 2 ^ (head_place + doublings - 1);
    else
        head := null;  -- where all are alike, none is longer than the others
    end if;
    index_bound := coalesce(case when indexed then model.norms[index_place] end, '-infinity');
end
$$;

comment on function recsys_internal.plan_retrieval is
    'Which films nearest_movies reads, and how many of them first.';
