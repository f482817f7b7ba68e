"""The page of the API: each route with its arguments, from the same description as programs get."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from recsys.web.rendering import page

router = APIRouter()


@router.get("/api")
async def reference(request: Request) -> Response:
    """Show every route."""
    paths = request.app.openapi()["paths"]
    routes = [
        {"verb": verb.upper(), "path": path, **operation}
        for path, operations in paths.items()
        for verb, operation in operations.items()
    ]
    return page(request, "reference.html", routes=routes)
