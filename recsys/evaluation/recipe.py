"""What an evaluation trains with: the parameters of existing models, or the defaults."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, NamedTuple

from sqlalchemy import Connection

from recsys.errors import EvaluationError
from recsys.evaluation.outcomes import OURS
from recsys.evaluation.protocol import Protocol
from recsys.models.versions import active_model, show_model
from recsys.parameters import Parameters


class Recipe(NamedTuple):
    """What is trained.

    Attributes
    ----------
    parameters
        By method.
    model_id
        The model whose parameters `OURS` has, None if it has the defaults.
    notes
        What a reader must know of them.
    """

    parameters: dict[str, Parameters]
    model_id: int | None
    notes: tuple[str, ...]


def choose_recipe(connection: Connection, protocol: Protocol) -> Recipe:
    """Return the parameters of the active model and of the one that it is compared with.

    Where the active model cannot be trained again, the defaults take its place.
    """
    recipe = _of_active(connection, protocol)
    if protocol.against is None:
        return recipe
    model = show_model(connection, protocol.against)
    if model["algorithm"] != "ials":
        raise EvaluationError(
            f"model {protocol.against} was imported: it cannot be trained again on a part of the "
            "ratings"
        )
    parameters, notes = _of_model(model)
    return recipe._replace(
        parameters=recipe.parameters | {f"model {protocol.against}": parameters},
        notes=(*recipe.notes, *notes),
    )


def _of_active(connection: Connection, protocol: Protocol) -> Recipe:
    model_id = active_model(connection)
    model = None if model_id is None else show_model(connection, model_id)
    if model is None or model["algorithm"] != "ials":
        reason = "no model is active" if model is None else f"model {model_id} was imported"
        note = f"Trained with the default parameters, since {reason}."
        return Recipe({OURS: Parameters()}, None, (note,))
    parameters, notes = _of_model(model)
    notes += (f"Trained with the parameters of the active model, {model_id}.",)
    liked_from = model["parameters"].get("threshold")
    if liked_from not in (None, protocol.threshold):
        notes += (
            f"That model learned from {liked_from:g} stars on; this evaluation trains from "
            f"{protocol.threshold:g}, its own threshold.",
        )
    return Recipe({OURS: parameters}, model_id, notes)


def _of_model(model: dict[str, Any]) -> tuple[Parameters, tuple[str, ...]]:
    """Return what to train a model with again, on a part of the ratings, and notes."""
    made = model["parameters"]
    names = {one.name for one in fields(Parameters)} & set(made)
    parameters = Parameters(**{name: made[name] for name in names})
    if made.get("search_minutes") is None:
        # What the training chose, it chooses again, on its part of the ratings alone.
        again: dict[str, Any] = dict.fromkeys(made.get("chosen", ()))
        return replace(parameters, **again), ()
    return parameters, (
        f"The parameters of model {model['model_id']} were found by a search that saw all ratings, "
        "those held out here too: they look slightly better than they are.",
    )
