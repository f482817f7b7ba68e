"""Random calls of every public function: right rows, or a refusal that is meant (SQLSTATE 22023)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import URL, Engine

from recsys.database.engine import libpq_url
from recsys.training.train import train
from tests.helpers.clock import TOMORROW
from tests.helpers.contract import CHECKS, Facts, check_finite
from tests.helpers.databases import open_database
from tests.helpers.odd_values import Values, read_functions

REFUSED = "22023"
RARELY = 0.02  # of the calls are of functions that write, which take long
ODD_FILMS = """
    insert into recsys.experiments (name) values ('e');
    insert into recsys.experiment_variants (experiment, variant, share, rerank, diversity)
    values ('e', 'plain', 1, false, null), ('e', 'diverse', 2, null, 0.5);
    update recsys.movies set adult = true where movie_id % 17 = 3;
    update recsys.movies set withdrawn_at = '2020-01-01' where movie_id % 19 = 5;
    update recsys.movies set year = null where movie_id % 23 = 7;
    update recsys.movies set title = E'\\x1b[31m=1+1 \\u202e' || title where movie_id % 13 = 1;
    insert into recsys.feedback (user_id, movie_id, kind, at)
    select u, m, kind, now() - days * interval '1 day'
    from generate_series(1, 60) u cross join (
        select movie_id as m from recsys.movies order by 1 limit 150) f
    cross join lateral (select abs(hashint8(u * 1000 + m)) as h) as hashed
    cross join lateral (select h / 50 % 60 as days, (array['seen', 'liked', 'hidden', 'not_now',
        'clicked', 'played', 'watchlist', 'watchlist', 'watchlist'])[1 + h / 3000 % 9] as kind) as drawn
    where h % 50 < 9;
    insert into recsys.impressions (user_id, movie_id, shown_at, rank)
    select u, m, now() - (h % 5000) * interval '1 hour', 1
    from generate_series(20, 60) u cross join (
        select movie_id as m from recsys.movies order by 1 limit 150) f
    cross join lateral (select abs(hashint8(u * 7777 + m)) as h) as hashed
    where h % 9 = 0;
"""


def test_every_function_keeps_its_contract(learned_engine: Engine) -> None:
    fuzz(learned_engine, calls=2_000, seed=1)


def test_so_it_does_after_the_clock_was_set_back(learned_engine: Engine) -> None:
    """All that is in the tables happens tomorrow."""
    fuzz(learned_engine, calls=300, seed=3, first=TOMORROW)


@pytest.mark.slow
def test_every_function_keeps_its_contract_for_long(
    learned_engine: Engine, pytestconfig: pytest.Config
) -> None:
    fuzz(learned_engine, pytestconfig.getoption("fuzz_calls"), pytestconfig.getoption("fuzz_seed"))


@pytest.mark.slow
def test_every_function_keeps_its_contract_on_many_films(
    server_url: URL, movielens_texts: str, brief_copies: Callable[[str], str]
) -> None:
    engine = open_database(server_url, brief_copies(movielens_texts))
    train(engine, device="cpu")
    fuzz(engine, calls=2_000, seed=1)


def fuzz(engine: Engine, calls: int, seed: int, first: str = "") -> None:
    """Call functions so many times; fails with the statements whose answers are wrong."""
    chance = Random(seed)
    wrong: dict[str, str] = {}
    ends: dict[str, Counter[str]] = {}
    with psycopg.connect(libpq_url(engine.url), row_factory=dict_row) as connection:
        connection.execute(ODD_FILMS + first)
        connection.commit()
        functions = read_functions(connection)
        assert {function.name for function in functions} == CHECKS.keys()
        writers = [function for function in functions if function.writes]
        readers = [function for function in functions if not function.writes]
        facts, values = read_values(engine, chance)
        connection.execute("set statement_timeout = '60s'")
        connection.commit()
        for _ in range(calls):
            function = chance.choice(writers if chance.random() < RARELY else readers)
            statement, given = function.call(chance, values)
            retrieval = chance.choice(["auto", "auto", "exact", "index"])
            connection.execute(f"set recsys.retrieval = {retrieval}")
            end = try_call(connection, facts, function.name, statement, given)
            connection.rollback()
            ends.setdefault(function.name, Counter())[end] += 1
            if end not in ("rows", "no rows", REFUSED):
                literal = psycopg.ClientCursor(connection).mogrify(statement, given)
                wrong.setdefault(f"{function.name}: {end}", f"{retrieval}: {literal[:600]}")
    assert not wrong, f"seed {seed}:\n" + "\n".join(f"{end}\n    {s}" for end, s in wrong.items())
    # Nothing above would tell if all that were asked were refused.
    asked = {name: end for name, end in ends.items() if end.total() >= 10}
    few = {name: end for name, end in asked.items() if end["rows"] < 0.3 * end.total()}
    assert not few, few


def try_call(
    connection: psycopg.Connection[dict[str, Any]],
    facts: Facts,
    function: str,
    statement: str,
    given: dict[str, Any],
) -> str:
    """Say how a call ended: in rows that are right, a refusal by its SQLSTATE, or what is wrong."""
    try:
        rows = connection.execute(statement, given).fetchall()
    except psycopg.Error as error:
        return REFUSED if error.sqlstate == REFUSED else f"{error.sqlstate} {error}"[:200]
    try:
        check_finite(rows)
        CHECKS[function](facts, {"k": 3 if function == "explain" else 10} | given, rows)
    except (AssertionError, TypeError) as error:
        return f"wrong rows: {error}"[:200]
    return "rows" if rows else "no rows"


def read_values(engine: Engine, chance: Random) -> tuple[Facts, Values]:
    with psycopg.connect(libpq_url(engine.url)) as connection:
        facts = Facts(connection)
        titles, genres = (
            [row[0] for row in connection.execute(f"select {name} from recsys.{table} order by 1")]
            for name, table in (("title", "movies"), ("name", "genres"))
        )
        [(model_id,)] = connection.execute(
            "select model_id from recsys.models where activated_at is not null"
        )
        [(dimensions,)] = connection.execute(
            "select dimensions from recsys.text_encoders where name = 'terms'"
        )
    users = [*sorted(facts.rated)[:60], 10**12]  # one is unknown
    movies = sorted(facts.films)
    return facts, Values(chance, movies, users, titles, genres, model_id, dimensions)
