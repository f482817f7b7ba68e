"""A role that is no superuser installs everything, calls everything, and restores its dump."""

from __future__ import annotations

import subprocess
from pathlib import Path

from sqlalchemy import URL

from recsys.database import migrations
from recsys.database.engine import libpq_url
from recsys.loading.load import load
from recsys.models.lists import recommend_all
from recsys.parameters import Parameters
from recsys.server.cluster import binaries
from recsys.sources import open_source
from recsys.training.train import train
from tests.helpers.databases import open_database

CALLS = """
    select count(*) from recsys.recommend(1, diversity => 0.3);
    select count(*) from recsys.recommend(-1, genres => '{Drama}');
    select count(*) from recsys.similar_movies(1, year_from => 1950);
    select count(*) from recsys.more_like('{1,2}', '{3}');
    select count(*) from recsys.recommend_group('{1,2,3}', strategy => 'least_misery');
    select count(*) from recsys.score_movies(1, '{1,2,3}');
    select count(*) from recsys.explain(1, 1);
    select count(*) from recsys.users_for(1);
    select count(*) from recsys.similar_users(1);
    select vector_dims(recsys.user_vector(1));
    select count(*) from recsys.search_titles('godfahter')
"""


def test_an_owner_without_superuser_rights_needs_no_more(owner_url: URL, tmp_path: Path) -> None:
    engine = open_database(owner_url, str(owner_url.database))
    migrations.upgrade(engine)
    load(engine, open_source("sample"))
    train(engine, Parameters(factors=8, epochs=2, alpha=0.3, regularization=0.01), device="cpu")
    for call in CALLS.split(";"):
        for retrieval in ("auto", "exact", "index"):
            # Each on a connection of its own, where pgvector is not loaded yet.
            with engine.connect() as connection:
                connection.exec_driver_sql(f"set local recsys.retrieval = {retrieval}")
                assert connection.exec_driver_sql(call).scalar_one() > 0
    assert recommend_all(engine) > 0
    url = libpq_url(owner_url)
    dump = tmp_path / "recsys.dump"
    subprocess.run(
        [
            *(binaries() / "pg_dump", url, "--schema", "recsys*"),
            *("--format", "custom", "--file", dump),
        ],
        check=True,
    )
    with engine.begin() as connection:
        for schema in ("recsys_bi", "recsys_internal", "recsys"):
            connection.exec_driver_sql(f"drop schema {schema} cascade")
    subprocess.run(  # as docs/cookbook.md says
        [
            *(binaries() / "pg_restore", "--exit-on-error", "--no-owner", "--no-privileges"),
            *("--dbname", url, dump),
        ],
        check=True,
    )
    migrations.upgrade(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from recsys.recommend(1)").scalar() == 10
