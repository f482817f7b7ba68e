"""Whether a new model is better than the active one, on ratings that neither has learned from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection

from recsys.errors import InvalidRequest, TrainingError
from recsys.learning.likes import Likes
from recsys.learning.metrics import named
from recsys.learning.ratings import Ratings
from recsys.learning.tuning import Validation, mean, trained
from recsys.models.ratings import microseconds_of
from recsys.models.versions import active_model, show_model
from recsys.parameters import Parameters


class Rival(NamedTuple):
    """The active model, as it can be trained again."""

    metric: str
    model_id: int
    parameters: Parameters
    positives: Likes  # up to the newest rating that it was trained on


def find_rival(connection: Connection, metric: str, ratings: Ratings) -> Rival | None:
    """Return what a new model has to be better than; None before there is an active one."""
    try:
        named(metric)
    except ValueError as error:
        raise InvalidRequest(str(error)) from None
    model_id = active_model(connection)
    if model_id is None:
        return None
    model = show_model(connection, model_id)
    parameters, newest = model["parameters"], model["data"].get("newest_rating")
    if model["algorithm"] != "ials" or newest is None:
        raise InvalidRequest(
            f"model {model_id}, which is active, was not trained here and cannot be compared with: "
            "train without --if-better"
        )
    until = microseconds_of(connection, newest)
    known = ratings.part(ratings.rated_at <= until).liked(parameters["threshold"])
    names = asdict(Parameters())
    again = Parameters(**{name: parameters[name] for name in names})
    return Rival(metric, model_id, again, known)


def compare(positives: Likes, parameters: Parameters, rival: Rival, device: str) -> dict[str, Any]:
    """Return the metric of these parameters and of the rival, on positives held out from both."""
    # Another part than the one that parameters were chosen on, which flatters them.
    validation = Validation(positives, parameters.seed + 1, rival.metric)
    ours = validation.quality(trained(validation.learner(parameters, device), parameters.epochs))
    theirs = validation.quality_as_of(rival.positives, rival.parameters, device)
    if np.isnan(ours).all():
        raise TrainingError("there are too few ratings to hold some out: train without --if-better")
    return {
        rival.metric: mean(ours),
        "active": {"model_id": rival.model_id, rival.metric: mean(theirs)},
    }


def is_better(connection: Connection, metrics: dict[str, Any], rival: Rival) -> bool:
    """Tell whether to activate: another training may have changed what is active meanwhile."""
    better: bool = metrics[rival.metric] > metrics["active"][rival.metric]
    return better and active_model(connection) == rival.model_id
