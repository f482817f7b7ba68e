"""The models: versions, what was measured of them, trials; and which one answers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from sqlalchemy import URL, create_engine
from starlette.exceptions import HTTPException

from recsys.database.errors import reported_errors
from recsys.errors import DatabaseError
from recsys.models.versions import activate_model
from recsys.web.api import Bigint
from recsys.web.asking import asker
from recsys.web.rendering import page

router = APIRouter()

# The roles of applications may not read it.
TRIALS = """
    select trial_id, model_id, metric, value, duration, parameters
    from recsys.trials order by trial_id desc limit 50
"""


@router.get("/models")
async def models(request: Request, activated: Bigint | None = None) -> Response:
    """Show all models."""
    ask = asker(request)
    found = await ask.models()
    try:
        trials = await ask.rows(TRIALS)
    except DatabaseError:
        trials = []
    return page(request, "models.html", models=found, trials=trials, activated=activated)


@router.post("/models/{model_id}/activate")
async def activate(request: Request, model_id: Annotated[Bigint, Path()]) -> Response:
    """Let a model answer; an older one rolls back."""
    if not request.app.state.access.admin:
        raise HTTPException(403, "nothing is changed: start `recsys serve` with --allow-admin")
    # It may take longer than an answer: on a connection of its own, in one transaction.
    await run_in_threadpool(_activate, request.app.state.url, model_id)
    return RedirectResponse(f"/models?activated={model_id}", 303)


def _activate(url: URL, model_id: int) -> None:
    engine = create_engine(url)
    try:
        with reported_errors(), engine.begin() as connection:
            activate_model(connection, model_id)
    finally:
        engine.dispose()
