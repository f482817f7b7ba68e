"""`recsys load` and `recsys train`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy import Engine

from recsys.cli.bi import refresh_views
from recsys.cli.output import console, note, progress, table, transfer
from recsys.database.migrations import ready_engine
from recsys.parameters import MAX_REJECTS, POSITIVE_STARS, Parameters

if TYPE_CHECKING:  # pandas and torch are imported by those commands alone that need them
    from recsys.learning.ranker import Step
    from recsys.learning.tuning import Trial
    from recsys.loading.load import LoadReport
    from recsys.sources.batches import Source
    from recsys.training.train import Epoch


Size = Annotated[int | None, typer.Option(min=1, help="Of a synthetic source.")]


def load(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A folder, zip or file, or a known name.")
    ],
    file_format: Annotated[
        str | None, typer.Option("--format", help="The format, where it is not to be guessed.")
    ] = None,
    max_rejects: Annotated[
        float, typer.Option(min=0, max=1, help="Largest share of rows that may be refused.")
    ] = MAX_REJECTS,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="First remove all films, ratings, profiles and models."),
    ] = False,
    users: Size = None,
    movies: Size = None,
    ratings: Size = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of a synthetic source.")] = None,
) -> None:
    """Load films and ratings: all of a source, or, if it is refused, nothing of it.

    Known names: `sample`, `synthetic`, and the public sets `ml-latest-small`, `ml-latest`,
    `ml-100k`, `ml-1m`, `ml-10m`, `ml-20m`, `ml-25m`, `ml-32m`, which are downloaded once.

    Formats, recognised from the files (`--format` overrides): `movielens` (CSV, since 20M),
    `movielens-dat` (1M, 10M), `movielens-100k`, `movietweetings`, `tmdb` (TMDB 5000, exports with
    id, title, overview ...), `kaggle` (The Movies Dataset), `texts` (plots, overviews, keywords,
    credits of films that are there, in CSV or JSON; found by IMDb id, TMDB id, or title and year)
    and `ratings` (CSV: userId, movieId, rating, timestamp or not).

    Examples:

    - `recsys load ~/Downloads/ml-25m.zip`

    - `recsys load plots.json`

    - `recsys load synthetic --users 10000 --movies 5000 --ratings 1000000`
    """
    sizes = {"users": users, "movies": movies, "ratings": ratings, "seed": seed}
    given = {name: value for name, value in sizes.items() if value is not None}
    opened = _open(source, file_format, given)
    load_source(ready_engine(context.obj, create=True), opened, max_rejects, replace)
    note("BI views of months and users show it after `recsys train` or `recsys bi refresh`.")


def _open(source: str, file_format: str | None, sizes: dict[str, int]) -> Source:
    from recsys.sources import open_source
    from recsys.sources.download.sets import TERMS
    from recsys.sources.simulated.synthetic import SyntheticSource

    if source == "synthetic":
        return SyntheticSource(**sizes)
    if sizes:
        raise typer.BadParameter("only a synthetic source can be of any size", param_hint="SOURCE")
    if source not in TERMS or Path(source).exists():
        return open_source(source, file_format)
    note(f"{source}: {TERMS[source]}")
    with transfer() as bar:
        task = bar.add_task(f"Downloading {source}", total=None)
        return open_source(
            source, file_format, lambda done, total: bar.update(task, completed=done, total=total)
        )


def load_source(
    engine: Engine, source: Source, max_rejects: float = MAX_REJECTS, replace: bool = False
) -> None:
    """Load with a progress bar, and say what was done."""
    from recsys.loading.load import load as run

    size = source.size
    with progress(counted=False) as bar:
        name = Path(source.name).name or source.name
        # Making keys and counts takes about half as long again as reading.
        task = bar.add_task(f"Loading {name}", total=1.6 * size, note="")
        speed = Speed()

        def on_batch(what: str, rows: int, rows_size: int) -> None:
            done = 1.5 * size if what == "counting" else None
            bar.update(
                task, advance=rows_size, completed=done, note=f"{what} {speed.after(what, rows)}"
            )

        report = run(engine, source, max_rejects, on_batch, replace)
        bar.update(task, completed=1.6 * size, note="done")
    console.print(
        table([{"rows of": kind, **asdict(counts)} for kind, counts in report.kinds.items()])
    )
    for line in remarks(source, report):
        note(line)


class Speed:
    """Rows a second since the last change of what is done."""

    def __init__(self) -> None:
        self.what = ""

    def after(self, what: str, rows: int) -> str:
        """Count rows; return the speed in words."""
        if what != self.what:
            self.what, self.rows, self.begun = what, 0, perf_counter()
        self.rows += rows
        seconds = perf_counter() - self.begun
        return f"({self.rows / seconds:,.0f} rows/s)" if rows and seconds > 0.2 else ""


def remarks(source: Source, report: LoadReport) -> Iterator[str]:
    """Say what the counts alone do not tell."""
    if "descriptions" in report.kinds:
        found = ", ".join(f"{n:,} by {key}" for key, n in report.joined.items() if n)
        yield f"Found their film: {found or 'none'}. Without one here: {report.unjoined:,}."
    if report.invented:
        yield (
            f"The source names no films: {report.invented:,} were entered under their ids, such as "
            "'Movie 17'. Load a file of films to name them."
        )
    if unread := getattr(source, "unread", []):
        yield f"Not read: {', '.join(unread)}."
    if report.total.rejected:
        yield (
            "The refused rows and the reasons: select * from recsys.load_rejects "
            f"where run_id = {report.run_id};"
        )
    if source.notice:
        yield source.notice


DEFAULTS = Parameters()
CHOSEN = "[default: chosen on a part of the ratings]"
Factors = Annotated[int, typer.Option(min=1, max=1999, help="Length of the vectors.")]
Epochs = Annotated[int, typer.Option(min=1, help="Passes over the ratings.")]
Alpha = Annotated[
    float | None, typer.Option(min=0, help="Weight of films not rated. [default: by their number]")
]
Regularization = Annotated[float | None, typer.Option(min=0, help=f"Keeps vectors short. {CHOSEN}")]
Threshold = Annotated[
    float, typer.Option(min=0.5, max=5, help="Stars from which a film counts as liked.")
]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of the first, random vectors.")]


def train(
    context: typer.Context,
    factors: Factors = DEFAULTS.factors,
    epochs: Epochs = DEFAULTS.epochs,
    alpha: Alpha = None,
    regularization: Regularization = None,
    threshold: Threshold = POSITIVE_STARS,
    seed: Seed = DEFAULTS.seed,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda ...")] = "auto",
    search: Annotated[
        float | None,
        typer.Option(
            metavar="MINUTES",
            min=0,
            help="First look so long for the best factors, epochs, alpha and regularization.",
        ),
    ] = None,
    if_better: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC", help="Activate only if this is better than the active model."
        ),
    ] = None,
) -> None:
    """Train on the ratings in the database; the new model answers from then on.

    Regularization is chosen by short trainings on a part of the ratings, unless it is given;
    `--search` looks further. The trials are kept in the table `recsys.trials`.

    The films' texts and genres are learned from first, where they have changed: for plot search,
    for the prediction of genres, and for films that nobody has rated. Last, a ranker is learned:
    a network that predicts stars, and the weight that they get in the order of the films. Then the
    views for BI tools are brought up to date (`recsys bi refresh`).

    `--if-better` holds a part of the ratings out, trains there with the new parameters and, on the
    ratings that it knew, with those of the active model, and compares. Metrics: `ndcg@10`,
    `recall@20`, `precision@5`, `map@10`, `mrr@10`, `hit_rate@10` ...

    Examples:

    - `recsys train`

    - `recsys train --search 10 --if-better ndcg@10`

    - `recsys train --factors 64 --alpha 0.3 --regularization 0.01 --seed 1`
    """
    parameters = Parameters(factors, epochs, alpha, regularization, seed)
    if search is not None and parameters != Parameters(seed=seed):
        raise typer.BadParameter(
            "it looks for factors, epochs, alpha and regularization: do not give them",
            param_hint="--search",
        )
    train_model(ready_engine(context.obj), parameters, threshold, device, search, if_better)


def train_model(
    engine: Engine,
    parameters: Parameters,
    threshold: float = POSITIVE_STARS,
    device: str = "auto",
    search: float | None = None,
    if_better: str | None = None,
) -> int:
    """Train with progress bars, of which one shows the loss, and say what was made.

    The views for BI tools are brought up to date last.
    """
    from recsys.training.train import train as run

    learn_texts(engine)
    tried = Tried()
    with progress() as bar:
        what = "Choosing" if search is None else f"Searching {search:g} min"
        choosing = bar.add_task(what, total=None, note="", visible=False)
        task = bar.add_task("Training", total=parameters.epochs, note="")
        ranking = bar.add_task("Ranking", total=None, note="", visible=False, start=False)

        def on_trial(trial: Trial) -> None:
            bar.update(choosing, advance=1, visible=True, note=tried.after(trial))

        def on_epoch(epoch: Epoch) -> None:
            bar.update(choosing, total=tried.count)
            note = f"loss {epoch.loss:.4f}, {epoch.speed:,.0f}/s"
            bar.update(task, completed=epoch.number, total=epoch.of, note=note)

        def on_step(step: Step) -> None:
            bar.start_task(ranking)  # the bar tells the ranker's own time
            note = STEPS[step.what]
            bar.update(ranking, completed=step.done, total=step.of, note=note, visible=True)

        model_id = run(
            engine, parameters, threshold, device, on_epoch, on_trial, search, if_better, on_step
        )
        bar.update(ranking, completed=bar.tasks[ranking].total)  # it may have ended early
    refresh_views(engine)
    _say_trained(engine, model_id)
    if search is not None:
        note("What was tried: select * from recsys.trials order by value desc nulls last;")
    return model_id


# What the ranker learns, one after the other, in the words of its progress bar.
STEPS = {"ratings": "users and films", "network": "network", "order": "weight in the lists"}
NO_TEXTS = "No film has an overview, plot or tagline: `recsys load` takes files of them."


def learn_texts(engine: Engine) -> bool:
    """Learn from the films' texts with a progress bar, and say what; tell if there are any."""
    from recsys.learning.genres import EPOCHS
    from recsys.training.texts import learn_texts as run

    with engine.connect() as connection:
        if not connection.exec_driver_sql(
            "select exists (select from recsys.movie_texts)"
        ).scalar():
            return False
    with progress() as bar:
        task = bar.add_task("Reading the films' texts", total=2 * EPOCHS, note="")

        def on_epoch(epoch: int, loss: float) -> None:
            bar.update(
                task, description="Learning genres", completed=epoch, note=f"loss {loss:.4f}"
            )

        learned = run(engine, on_epoch)
        bar.update(task, completed=2 * EPOCHS)
    if learned is None:
        return False
    genres = "no genres to learn"
    if learned.genres is not None:
        genres = f"genres with F1 {learned.genres['micro_f1']:.3f} on films held out"
    console.print(f"Texts of {learned.films:,} films: {learned.terms:,} terms, {genres}.")
    return True


class Tried:
    """What the trials so far have shown, in words."""

    def __init__(self) -> None:
        self.count, self.best = 0, -1.0

    def after(self, trial: Trial) -> str:
        """Count a trial; say which is the best."""
        self.count += 1
        if trial.quality is not None and trial.quality > self.best:
            self.best = trial.quality
        return f"best {self.best:.4f}"


def _say_trained(engine: Engine, model_id: int) -> None:
    """Say what was made, and whether it answers."""
    from recsys.models.describe import describe_ranker
    from recsys.models.vectors import show_model

    with engine.connect() as connection:
        model, ranker = show_model(connection, model_id), describe_ranker(connection, model_id)
    state = "active" if model["active"] else "kept, but not active"
    console.print(
        f"Model {model_id} is {state}: {model['movie_count']:,} films and "
        f"{model['user_count']:,} users, {model['factors']} factors, regularization "
        f"{model['parameters']['regularization']:.3g}, trained in "
        f"{model['duration'].total_seconds():.1f} s."
    )
    if ranker is not None and "rmse" in ranker["metrics"]:
        console.print(
            f"Its ranker's stars have an RMSE of {ranker['metrics']['rmse']:.3f} on ratings held "
            f"out; their weight in the order is {ranker['weight']:g}."
        )
    metrics = dict(model["metrics"])
    if "active" in metrics:
        before = metrics["active"]
        metric = next(name for name in before if name != "model_id")
        better = "better" if metrics[metric] > before[metric] else "not better"
        console.print(
            f"It is {better} than model {before['model_id']}: {metric} {metrics[metric]:.4f}, "
            f"beside {before[metric]:.4f} on the same held-out ratings."
        )
        if not model["active"]:
            note(f"To let it answer all the same: recsys models activate {model_id}")
