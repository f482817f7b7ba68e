"""`recsys train`."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy import Engine

from recsys.cli.bi import refresh_views
from recsys.cli.output import console, note, progress_bar
from recsys.database.migrations import ready_engine
from recsys.learning.processes import joined
from recsys.parameters import POSITIVE_STARS, Parameters

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
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Do not begin at the active model.")
    ] = False,
) -> None:
    """Train on the ratings in the database; the new model answers from then on.

    Regularization is chosen by short trainings on a part of the ratings, unless it is given;
    `--search` looks further. The trials are kept in the table `recsys.trials`.

    The films' texts and genres are learned from first, where they have changed: for plot search,
    for the prediction of genres, and for films without ratings. Last come a network
    that predicts stars, and one that puts lists in order, taught by what users liked later. Then
    the views for BI tools are brought up to date (`recsys bi refresh`).

    Where ratings have become up to a quarter more since the last training from scratch, and nothing
    else is asked for, a training begins at the active model: it keeps its parameters and networks,
    and takes a fraction of the time. `--from-scratch`, `--search` and `--if-better` do not.

    `--if-better` holds a part of the ratings out, trains there with the new parameters and, on the
    ratings that it knew, with those of the active model, and compares. Metrics: `ndcg@10`,
    `recall@20`, `precision@5`, `map@10`, `mrr@10`, `hit_rate@10` ...

    Examples:

    - `recsys train`

    - `recsys train --search 10 --if-better ndcg@10`

    - `recsys train --factors 64 --alpha 0.3 --regularization 0.01 --seed 1`

    - `recsys train --from-scratch`

    - `torchrun --nproc-per-node 2 -m recsys train`: several processes learn the vectors
    """
    parameters = Parameters(factors, epochs, alpha, regularization, seed)
    if search is not None and parameters != Parameters(seed=seed):
        raise typer.BadParameter(
            "it looks for factors, epochs, alpha and regularization: do not give them",
            param_hint="--search",
        )
    with joined() as process:
        if process > 0:
            from recsys.learning.divided import assist

            assist()
            return
        train_model(
            ready_engine(context.obj),
            *(parameters, threshold, device, search, if_better, from_scratch),
        )


def train_model(
    engine: Engine,
    parameters: Parameters,
    threshold: float = POSITIVE_STARS,
    device: str = "auto",
    search: float | None = None,
    if_better: str | None = None,
    from_scratch: bool = False,
) -> int:
    """Train with progress bars, of which one shows the loss, and say what was made.

    The views for BI tools are brought up to date last.
    """
    from recsys.training.train import train as run

    learn_texts(engine)
    words = {
        "reading": "Reading the ratings",
        "choosing": "Choosing" if search is None else f"Searching {search:g} min",
        "training": "Training",
        "ranking": "Ranking",
        "writing": "Writing the model",
    }
    with progress_bar(words) as report:
        model_id = run(
            engine,
            parameters,
            threshold,
            device,
            report,
            search,
            if_better,
            from_scratch=from_scratch,
        )
    refresh_views(engine)
    _say_trained(engine, model_id)
    if search is not None:
        note("What was tried: select * from recsys.trials order by value desc nulls last;")
    return model_id


NO_TEXTS = (
    "No film here has a text: an overview, a plot or a tagline. Load a file that has them, such as "
    "a CSV with the columns title, year and overview, or an export of TMDB: `recsys load FILE`."
)


def learn_texts(engine: Engine) -> bool:
    """Learn from the films' texts with a progress bar, and say what; tell if there are any."""
    from recsys.training.texts import learn_texts as run

    with engine.connect() as connection:
        if not connection.exec_driver_sql(
            "select exists (select from recsys.movie_texts)"
        ).scalar():
            return False
    with progress_bar({"texts": "Reading the films' texts", "genres": "Learning genres"}) as told:
        learned = run(engine, told)
    if learned is None:
        return False
    genres = "no genres to learn"
    if learned.genres is not None:
        genres = f"genres with F1 {learned.genres['micro_f1']:.3f} on films held out"
    console.print(f"Texts of {learned.films:,} films: {learned.terms:,} terms, {genres}.")
    return True


def _say_trained(engine: Engine, model_id: int) -> None:
    """Say what was made, and whether it answers."""
    from recsys.models.describe import ORDERS, describe_ranker
    from recsys.models.versions import show_model

    with engine.connect() as connection:
        model, ranker = show_model(connection, model_id), describe_ranker(connection, model_id)
    state = "active" if model["active"] else "kept, but not active"
    console.print(
        f"Model {model_id} is {state}: {model['movie_count']:,} films and "
        f"{model['user_count']:,} users, {model['factors']} factors, regularization "
        f"{model['parameters']['regularization']:.3g}, trained in "
        f"{model['duration'].total_seconds():.1f} s"
        + (f", from model {begun} on." if (begun := model["parameters"].get("began_at")) else ".")
    )
    if ranker is not None and "rmse" in ranker["metrics"]:
        console.print(
            f"Its stars have an RMSE of {ranker['metrics']['rmse']:.3f} on ratings held out. "
            f"Order of its lists: {ORDERS[ranker['order']]}."
        )
    metrics = dict(model["metrics"])
    if "active" in metrics:
        before = metrics["active"]
        metric = next(name for name in before if name != "model_id")
        better = "better" if metrics[metric] > before[metric] else "not better"
        console.print(
            f"It is {better} than model {before['model_id']}: {metric} {metrics[metric]:.4f}, "
            f"compared with {before[metric]:.4f} on the same held-out ratings."
        )
        if not model["active"]:
            note(f"To let it answer all the same: recsys models activate {model_id}")
