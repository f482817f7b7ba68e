"""Draws the charts of `bi.md` by the SQL above each of them; `make docs` runs it."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from sqlalchemy import Connection

from recsys.database import views
from recsys.database.engine import open_engine
from recsys.evaluation.charts import sketch
from recsys.evaluation.scratch import scratch_database
from recsys.loading.load import load
from recsys.models.lists import recommend_all
from recsys.settings import Settings
from recsys.sources.simulated.sample import SampleSource
from recsys.training.train import train

DOCS = Path(__file__).parent
CHART = re.compile(r"```sql\n([^`]+)```\n\n!\[[^\]]*\]\((images/[\w-]+\.png)\)")


def charts(page: str) -> dict[str, str]:
    """Return the SQL of each picture of a page, by its file."""
    return {picture: query for query, picture in CHART.findall(page)}


def draw(connection: Connection, folder: Path) -> list[Path]:
    """Draw every chart of the page into `folder`; return the files."""
    files = []
    for picture, query in charts((DOCS / "bi.md").read_text(encoding="utf-8")).items():
        frame = pd.DataFrame(connection.exec_driver_sql(query).mappings().all())
        file = folder / picture
        file.parent.mkdir(exist_ok=True)
        sketch(partial(PLOTS[picture], frame=frame)).savefig(file, dpi=100)
        files.append(file)
    return files


def _long_tail(drawing: Figure, frame: pd.DataFrame) -> None:
    axes = drawing.subplots()
    axes.plot(frame["movie_share"], frame["cumulative_share"])
    axes.axhline(0.8, color="#9299a3", linewidth=0.8, linestyle="--")
    axes.set(xlabel="films, most rated first", ylabel="share of all ratings", ylim=(0, 1.02))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))


def _genres(drawing: Figure, frame: pd.DataFrame) -> None:
    axes = drawing.subplots()
    for genre, months in frame.groupby("genre", sort=False):
        axes.plot(pd.to_datetime(months["month"]), months["rating_share"], label=str(genre))
    axes.set(ylabel="share of a month's ratings", ylim=(0, None))
    drawing.autofmt_xdate()
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.12))


def _lists(drawing: Figure, frame: pd.DataFrame) -> None:
    axes = drawing.subplots()
    places = pd.RangeIndex(len(frame))
    axes.bar(places - 0.2, frame["of_ratings"], width=0.4, label="of ratings")
    axes.bar(places + 0.2, frame["of_lists"], width=0.4, label="of places in lists")
    axes.set_xticks(places, frame["genre"].tolist(), rotation=30, ha="right")
    axes.set(ylabel="share")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_axisbelow(True)
    axes.grid(visible=False, axis="x")
    axes.legend()


PLOTS = {
    "images/long-tail.png": _long_tail,
    "images/genres.png": _genres,
    "images/lists.png": _lists,
}


def main() -> None:
    """Draw the charts of the bundled sample, in a database made for it."""
    with scratch_database(open_engine(Settings.from_environment())) as engine:
        load(engine, SampleSource())
        train(engine)
        recommend_all(engine)
        views.refresh(engine)
        with engine.connect() as connection:
            draw(connection, DOCS)


if __name__ == "__main__":
    main()
