"""What is known of a model: counts and sizes, its ranker, how it gives users their vectors."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from recsys.models.versions import show_model

# The tables' size is that of their rows, without indexes; a row's is that of its values.
SIZES = text("""
    select
        (select coalesce(sum(pg_relation_size(to_regclass(format(
            'recsys.%I', recsys_internal.index_name(:model_id, measure))))), 0)::bigint
         from unnest('{score,likeness}'::text[]) measure) as index_bytes,
        (select coalesce(sum(pg_column_size(v.*)), 0) from recsys.movie_vectors v
         where v.model_id = :model_id)
        + (select coalesce(sum(pg_column_size(v.*)), 0) from recsys.user_vectors v
           where v.model_id = :model_id) as row_bytes,
        pg_table_size('recsys.movie_vectors') + pg_table_size('recsys.user_vectors') as table_bytes
""")

RANKING = text("""
    select o.name as order, o.taught_by, o.metrics as order_metrics, r.metrics
    from recsys.rankers r
    left join recsys.orders o on o.model_id = r.model_id
    where r.model_id = :model_id
""")

ORDERS = {
    "learned": "learned (no simple order was better on the validation)",
    "plain": "plain: retrieval and the additive scores (better on the validation, or too few data)",
    "popular": "popular: what is popular now (better on the validation than the learned order)",
    "retrieval": "retrieval: that of the vectors",
}


def describe_model(connection: Connection, model_id: int) -> dict[str, Any]:
    """Return everything that is known of one model.

    Returns
    -------
    dict
        The columns of ``recsys.models``, vectors as lists of learned numbers, and: ``active``;
        ``index_bytes``, of its HNSW indexes; ``row_bytes``, of its films' and users' rows;
        ``table_bytes``, of the two tables that hold every model's; ``live_users``, in words;
        ``ranker``, what `describe_ranker` returns.
    """
    model = show_model(connection, model_id)
    sizes = connection.execute(SIZES, {"model_id": model_id}).mappings().one()
    for name in ("solve_diagonal", "prior"):
        if model[name] is not None:
            model[name] = [float(value) for value in model[name]][: model["factors"]]
    ranker = describe_ranker(connection, model_id)
    return {**model, **sizes, "live_users": live_users(model), "ranker": ranker}


def describe_ranker(connection: Connection, model_id: int) -> dict[str, Any] | None:
    """Return what puts a model's lists in order, what that reached on the validation, and the
    ``metrics`` of its stars; None if it has no ranker."""
    row = connection.execute(RANKING, {"model_id": model_id}).mappings().first()
    return None if row is None else dict(row)


def live_users(model: dict[str, Any]) -> str:
    """Say how a user gets a vector that the model has not learned, or whose ratings changed."""
    if model["solve_diagonal"] is None:
        return "users' vectors stay as stored; no other user has one"
    equation = (
        f"a vector w is solved from the n films rated {model['liked_from']:g} stars or more, as "
        "stored, e: (diag(solve_diagonal + n solve_ridge) + sum of e e') w item_norm = sum of e"
    )
    if model["algorithm"] != "import":
        return f"after any change of ratings, {equation}"
    if not model["user_count"]:
        return equation
    return f"users' vectors stay as stored; for everybody else, {equation}"
