"""A search for the best parameters within a budget of time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace

import optuna

from recsys.learning.likes import Likes
from recsys.learning.tuning import Trial, Validation, mean, resolved
from recsys.parameters import Parameters

# Factors, epochs, and how many times the usual alpha and regularization are tried.
FACTORS, EPOCHS = (16, 256), 24
ALPHA, REGULARIZATION = (0.2, 5.0), (0.2, 5.0)
JUDGED_EVERY = 4  # epochs


def search(
    positives: Likes,
    parameters: Parameters,
    minutes: float,
    device: str = "cpu",
    on_trial: Callable[[Trial], None] = lambda trial: None,
) -> Parameters:
    """Return the best factors, epochs, alpha and regularization that were found in time.

    The first trials are those that any training makes, so that the answer is at least as good
    on what is held out. Then a tree-structured Parzen estimator proposes (Bergstra et al.,
    "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011; the package Optuna), and a trial
    below the median of the others after the same epochs is stopped.

    Parameters
    ----------
    parameters
        Of which seed and steps are kept.
    minutes
        No trial begins after that, and the one that runs stops after its epoch.
    """
    deadline = time.monotonic() + 60 * minutes
    usual = resolved(positives, parameters, device, on_trial, deadline)
    alpha, regularization = usual.weights
    validation = Validation(positives, parameters.seed)

    def objective(trial: optuna.Trial) -> float:
        proposed = replace(
            parameters,
            factors=trial.suggest_int("factors", *FACTORS, log=True),
            epochs=EPOCHS,
            alpha=alpha * trial.suggest_float("alpha", *ALPHA, log=True),
            regularization=regularization
            * trial.suggest_float("regularization", *REGULARIZATION, log=True),
        )
        started, best, quality = time.monotonic(), 0, -1.0
        learner = validation.learner(proposed, device)
        for epoch in range(1, EPOCHS + 1):
            learner.epoch()
            late = time.monotonic() > deadline
            if epoch % JUDGED_EVERY == 0 and not late:
                reached = mean(validation.quality(learner.finished()))
                if reached > quality:
                    best, quality = epoch, reached
                trial.report(reached, epoch)
            if late and best:
                break  # what was reached in time counts
            if late or trial.should_prune():
                stopped = replace(proposed, epochs=epoch)
                on_trial(Trial(asdict(stopped), None, time.monotonic() - started))
                raise optuna.TrialPruned
        found = replace(proposed, epochs=best)
        trial.set_user_attr("parameters", asdict(found))
        on_trial(Trial(asdict(found), quality, time.monotonic() - started))
        return quality

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=parameters.seed % 2**32, multivariate=True),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
    )
    study.enqueue_trial({"factors": usual.factors, "alpha": 1.0, "regularization": 1.0})
    study.optimize(objective, timeout=max(0.0, deadline - time.monotonic()))
    done = [trial for trial in study.trials if trial.value is not None]
    if not done:
        return usual
    return Parameters(**max(done, key=lambda trial: trial.value or 0.0).user_attrs["parameters"])
