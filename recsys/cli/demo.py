"""`recsys demo`: from nothing to recommendations, in a database of its own."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from typing import Annotated, Any

import typer
from rich.syntax import Syntax
from sqlalchemy import Engine

from recsys.cli.load import load_source
from recsys.cli.output import console, note, table
from recsys.cli.train import train_model
from recsys.database.engine import create_database, database_url, open_engine
from recsys.database.migrations import upgrade
from recsys.parameters import Parameters
from recsys.settings import Settings

DATABASE = "recsys_demo"

LOADED = """\
select format(
    '%s films of %s genres, and %s ratings by %s simulated viewers.',
    (select count(*) from recsys.movies),
    (select count(*) from recsys.genres),
    count(*), count(distinct user_id))
from recsys.ratings;"""

BEST_RATED = """\
select m.title, m.year, m.genres, r.rating
from recsys.ratings r
join recsys_bi.movies m using (movie_id)
where r.user_id = {user_id}
order by r.rating desc, r.rated_at desc
limit 10;"""

RECOMMEND = """\
select rank, title, year, genres, score, predicted_rating as stars,
    because_title
from recsys.recommend({user_id});"""

RECOMMEND_GENRE = """\
select rank, title, year, genres, score, source
from recsys.recommend({user_id}, genres => '{{Comedy}}', year_from => 1960);"""

LEFT_OUT = """\
select a.rank as rank_if_allowed, a.title, a.score, r.rating as rated_already
from recsys.recommend({user_id}, k => 20, include_rated => true) a
join recsys.ratings r on r.movie_id = a.movie_id and r.user_id = {user_id}
order by a.rank
limit 10;"""

NEW_VIEWER = """\
insert into recsys.ratings (user_id, movie_id, rating)
select 1000001, movie_id, 5
from recsys.movies
where title in ('Alien', 'The Thing', 'Psycho');"""

NEW_LIST = """\
select rank, title, year, genres, score, source, because_title
from recsys.recommend(1000001, k => 5);"""

SIMILAR = """\
select t.title as like_title, s.rank, s.title, s.year, s.genres, s.score
from recsys.search_titles('{title}', 1) t,
     recsys.similar_movies(t.movie_id, k => 5) s
order by s.rank;"""

SEARCH = """\
select rank, title, year, genres
from recsys.search_plots(
    'a robot left alone on earth looks for love', k => 3);"""

NEW_FILM = """\
insert into recsys.movies (movie_id, title, year)
values (1000001, 'Robots at Sea', 2026);
insert into recsys.movie_texts (movie_id, kind, text)
values (1000001, 'overview',
    'A robot and a girl cross the ocean on a raft '
    'in search of her lost father.');"""

NEW_FILM_LIST = """\
select rank, title, year, score, source
from recsys.recommend({user_id}, k => 10, year_from => 2019);"""


def demo(
    context: typer.Context,
    user_id: Annotated[
        int, typer.Option("--user", min=1, max=1000, help="The viewer to recommend to.")
    ] = 42,
) -> None:
    """Load the bundled sample, train, and recommend by SQL, in a database of its own.

    The films are real, the viewers and their ratings are simulated. Your own data is not touched.

    Example: `recsys demo --user 7`
    """
    settings = replace(context.obj, database=DATABASE)
    note(f"Preparing the database {DATABASE} ...")
    engine = prepare(settings)
    console.rule("1  Load", align="left")
    from recsys.sources.simulated.sample import SampleSource

    load_source(engine, SampleSource())
    with engine.connect() as connection:
        console.print(
            connection.exec_driver_sql(
                LOADED, execution_options={"no_parameters": True}
            ).scalar_one()
        )
    console.rule("2  Train", align="left")
    # 150 films have far fewer tastes to tell apart than a real catalogue.
    keep_newest_model(engine, train_model(engine, Parameters(factors=8)))
    console.rule("3  Ask, in SQL", align="left")
    films: dict[str, Any] = {"user_id": user_id, "title": "toy stroy"}
    for heading, query in (
        (f"What simulated viewer {user_id} rated best", BEST_RATED),
        (f"Ten films for viewer {user_id}, none of them rated yet", RECOMMEND),
        ("The same, but only comedies since 1960", RECOMMEND_GENRE),
        ("What was left out because the viewer has rated it", LEFT_OUT),
        ("Five films like one whose title was mistyped", SIMILAR),
        ("Films by a plot in one's own words", SEARCH),
    ):
        ask(engine, heading, query.format(**films))
    ask(
        engine,
        "A new viewer rates three films, and the next statement knows (undone afterwards)",
        NEW_VIEWER,
        NEW_LIST,
    )
    ask(
        engine,
        "A film without ratings enters, and the next statement knows (undone afterwards)",
        NEW_FILM,
        NEW_FILM_LIST.format(**films),
    )
    # As the reader can type it, in an active virtual environment or not.
    recsys = "recsys" if shutil.which("recsys") else os.path.relpath(sys.argv[0])
    console.print(
        f"\nEvery answer above was one SQL statement. Paste them into:\n\n"
        f"    {recsys} --database {DATABASE} db psql\n\n"
        "and load your own ratings, into a database of their own, with:\n\n"
        f"    {recsys} load FOLDER     (a MovieLens folder, say)\n"
        f"    {recsys} train\n"
        f"    {recsys} recommend USER_ID\n\n"
        "See it all in the browser, and let a click rate:\n\n"
        f"    {recsys} --database {DATABASE} serve --open --allow-ratings\n",
        markup=False,
    )


def prepare(settings: Settings) -> Engine:
    """Return an engine on the demo's database, made and migrated where needed."""
    create_database(database_url(settings))
    engine = open_engine(settings)
    upgrade(engine)
    return engine


def keep_newest_model(engine: Engine, model_id: int) -> None:
    """Drop the models of earlier demos."""
    from recsys.models.versions import drop_model, list_models

    with engine.begin() as connection:
        for model in list_models(connection):
            if model.model_id < model_id:
                drop_model(connection, model.model_id)


def show_sql(statement: str) -> None:
    """Print a statement such that what is pasted is what ran: no line is wrapped or padded."""
    colored = Syntax(statement, "postgres", background_color="default").highlight(statement)
    colored.rstrip()
    console.print(colored, soft_wrap=True)


def ask(engine: Engine, heading: str, *statements: str) -> None:
    """Show a question, its SQL and its answer; nothing that it writes is kept."""
    console.print(f"\n{heading}\n", style="bold")
    with engine.connect() as connection:
        for statement in statements:
            show_sql(statement)
            answer = connection.exec_driver_sql(
                statement, execution_options={"no_parameters": True}
            )
        rows = [dict(row) for row in answer.mappings()]
    console.print(table(rows))
