"""What statements over the tables of users must be like, to plan on Citus as on one server.

A statement reads them alone, and names the user: then Citus sends it, as it is, to that user's
worker, under a generic plan too. What it reads of many users it plans for the values at hand. It
stands in no expression, nor in a SQL function, which would be inlined around other tables. Of our
functions it calls only those that the workers have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pglast import parse_plpgsql
from pglast.parser import parse_sql_json

from recsys.database.distribution import DISTRIBUTED, SHIPPED

WORKERS_HAVE = {name.partition("(")[0] for name in SHIPPED}
TIMES = {"now", "transaction_timestamp"}
STATEMENT = re.compile(r"(select|with|insert|update|delete|lock)\b", re.IGNORECASE)
ARRAYS = re.compile(r"\brecsys(_internal)?\.\w+\[\]")
VECTORS = re.compile(r"^(    \w+ (constant )?)(vector|halfvec)(\[\])?(?=;| :=)", re.MULTILINE)


def layout_faults(path: Path, text: str) -> list[str]:
    """Return what is wrong with the functions of a file of `sql/`, a line a fault."""
    faults = []
    for raw in _parsed(text):
        for kind, function in raw["stmt"].items():
            if kind == "CreateFunctionStmt":
                start = raw.get("stmt_location", 0)
                source = text.encode()[start:][: raw.get("stmt_len")].decode()
                found = _faults(path, function, source)
                faults += [f"{_names(function['funcname'])[-1]}: {fault}" for fault in found]
    return faults


def _faults(path: Path, function: dict[str, Any], source: str) -> Iterator[str]:
    options = {o["DefElem"]["defname"]: o["DefElem"]["arg"] for o in function["options"]}
    if options["language"]["String"]["sval"] == "sql":
        if _over_users(_parsed(options["as"]["List"]["items"][0]["String"]["sval"])):
            yield "is a SQL function over tables of users, which may be inlined"
        return
    many = (
        "plan_cache_mode = force_custom_plan" in source
        or path.parent.name == "upkeep"
        or "volatility" not in options
    )
    for query in _queries(parse_plpgsql(_with_known_types(source))):
        stands = STATEMENT.match(query)
        tree = _parsed(query if stands else f"select {re.sub(r'^[^()]*:=', '', query)}")
        tables = _over_users(tree)
        if not tables:
            continue
        if not stands:
            yield f"reads {tables} in an expression: select it into a variable"
            continue
        if unknown := sorted(set(_functions(tree)) - WORKERS_HAVE):
            yield f"calls {unknown}, which workers do not have, over {tables}"
        for conflict in _found(tree, "onConflictClause"):
            if TIMES & {_names(call["funcname"])[-1] for call in _found(conflict, "FuncCall")}:
                yield f"has the time of the transaction in the upsert of {tables}"
        statement = tree[0]["stmt"].get("SelectStmt")
        if statement is None or "withClause" in statement:
            continue
        if others := sorted(set(_tables(tree)) - set(DISTRIBUTED)):
            yield f"joins {tables} with {others}: read them alone, into arrays"
        if list(_found(tree, "RangeFunction")):
            yield f"joins {tables} with a function: read them alone, into arrays"
        alone = len(list(_found(tree, "SelectStmt"))) == 1 and _is_of_one_user(statement)
        if not alone and not many:
            yield f"reads {tables} of many users, or in a subquery, under a generic plan"


def _parsed(text: str) -> Any:
    return json.loads(parse_sql_json(text))["stmts"]


def _queries(tree: Any) -> Iterator[str]:
    """Return each statement and expression of a PL/pgSQL function."""
    for expression in _found(tree, "PLpgSQL_expr"):
        query = expression["query"].replace("public.internal__", "recsys_internal.")
        yield query.replace("public.", "recsys.").strip()


def _with_known_types(source: str) -> str:
    """Replace what the parser, which knows no database, takes for an error."""
    text = VECTORS.sub(r"\1text\4", ARRAYS.sub("text[]", source))
    text = text.replace(" vector[]", " text[]")
    return text.replace("recsys_internal.", "public.internal__").replace("recsys.", "public.")


def _found(tree: Any, kind: str) -> Iterator[Any]:
    """Return what stands under a name, at any depth."""
    if isinstance(tree, list):
        for branch in tree:
            yield from _found(branch, kind)
    elif isinstance(tree, dict):
        for name, branch in tree.items():
            if name == kind:
                yield branch
            yield from _found(branch, kind)


def _tables(tree: Any) -> Iterator[str]:
    return _found(tree, "relname")


def _over_users(tree: Any) -> list[str]:
    aside = set(_found(tree, "ctename"))
    return sorted((set(_tables(tree)) - aside) & set(DISTRIBUTED))


def _functions(tree: Any) -> Iterator[str]:
    """Return the names of those that are ours."""
    for call in _found(tree, "FuncCall"):
        *schema, name = _names(call["funcname"])
        if schema and schema[0].startswith("recsys"):
            yield name


def _names(parts: list[dict[str, Any]]) -> list[str]:
    return [part["String"]["sval"] for part in parts]


def _is_of_one_user(statement: dict[str, Any]) -> bool:
    """Tell whether a condition is ``user_id =`` a value."""
    where = statement.get("whereClause", {})
    for condition in where.get("BoolExpr", {"args": [where]})["args"]:
        test = condition.get("A_Expr", {})
        column = test.get("lexpr", {}).get("ColumnRef", {}).get("fields", [])
        if column and _names(column)[-1] == "user_id":
            return bool(test["kind"] == "AEXPR_OP" and _names(test["name"]) == ["="])
    return False
