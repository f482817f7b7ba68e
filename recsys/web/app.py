"""The application: the API, the pages, and what watches over them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import URL, text

from recsys.database.engine import libpq_url
from recsys.database.schema import require_current
from recsys.errors import RecsysError
from recsys.web import api, errors, pages
from recsys.web.access import Access
from recsys.web.asking import Asker, asker
from recsys.web.metrics import Metrics, Watch
from recsys.web.rendering import FOLDER
from recsys.web.security import Guard

ACTIVE = text("select (recsys_internal.find_model(null)).model_id")
READ_ONLY = "-c default_transaction_read_only=on"


def create_app(
    url: URL, access: Access | None = None, posters: str | None = None, **pool: Any
) -> FastAPI:
    """Return the application.

    Parameters
    ----------
    url
        The database.
    access
        What visitors may do; by default, to read, on this machine.
    posters
        Address that films' ``poster_path`` is put behind; None for no picture from elsewhere.
    **pool
        ``pool_size`` and ``timeout`` of `AsyncRecommender`.
    """
    access = access or Access()
    if access.read_only:  # whatever a route may try
        options = f"{url.query.get('options', '')} {READ_ONLY}".strip()
        url = url.update_query_dict({"options": options})
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # It connects at the first question: the server starts before the database does, too.
        app.state.asker = Asker(libpq_url(url), **pool)
        yield
        await app.state.asker.close()

    app = FastAPI(
        title="recsys",
        description="Films from PostgreSQL; see docs/asking.md.",
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # they load their scripts from elsewhere
        redoc_url=None,
    )
    app.state.url, app.state.access, app.state.posters = url, access, posters
    errors.install(app)
    app.include_router(api.make_router(access))
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")

    @app.get("/healthz", include_in_schema=False)
    async def health(request: Request) -> Response:
        """Say whether there is an answer, and by which model."""
        try:
            async with asker(request).connection() as connection:
                await connection.run_sync(require_current)
                model_id = await connection.scalar(ACTIVE)
        except RecsysError as error:
            return JSONResponse({"status": type(error).__name__}, errors.status_of(error))
        return JSONResponse({"status": "ok", "model_id": model_id})

    @app.get("/metrics", include_in_schema=False)
    async def figures() -> Response:
        """Return the figures as Prometheus reads them."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    # The last one sees a request first.
    app.add_middleware(Guard, access=access, posters=posters)
    app.add_middleware(Watch, metrics=metrics)
    return app
