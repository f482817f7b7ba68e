"""Errors as answers: JSON for programs, a page for people."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from recsys.errors import (
    DatabaseError,
    DatabaseUnreachable,
    InvalidRequest,
    RecsysError,
    UnknownModel,
    UnknownMovie,
)
from recsys.web.rendering import page

RETRY_AFTER_S = 5


class Refusal(BaseModel):
    """Why there is no answer, and which argument is to blame, if one is."""

    detail: str
    argument: str | None = None


DOCUMENTED = {
    404: "There is no such film or model.",
    422: "An argument has no answer.",
    503: "The database does not answer: try again after the seconds of Retry-After.",
}


def status_of(error: RecsysError) -> int:
    """Return the status that says whose mistake it is."""
    if isinstance(error, InvalidRequest):
        return 404 if isinstance(error, UnknownMovie | UnknownModel) else 422
    return 503 if isinstance(error, DatabaseError) else 500


def install(app: FastAPI) -> None:
    """Let `app` answer errors."""

    @app.exception_handler(RecsysError)
    async def failed(request: Request, error: RecsysError) -> Response:
        status = status_of(error)
        headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}
        # What a server says of itself, addresses among it, is for its log.
        unreachable = isinstance(error, DatabaseUnreachable)
        detail = "the database does not answer: try again later" if unreachable else str(error)
        return refusal(request, status, detail, getattr(error, "argument", None), headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        argument = str(first["loc"][1]) if len(first["loc"]) > 1 else None
        return refusal(request, 422, ": ".join(filter(None, [argument, first["msg"]])), argument)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        return refusal(request, error.status_code, error.detail, headers=error.headers)


def refusal(
    request: Request,
    status: int,
    detail: str,
    argument: str | None = None,
    headers: object = None,
) -> Response:
    """Return an answer that says why there is none."""
    given = dict(headers) if isinstance(headers, dict) else None
    if request.url.path.startswith("/api/"):
        content = Refusal(detail=detail, argument=argument).model_dump()
        return JSONResponse(content, status, given)
    return page(
        request,
        "error.html",
        status_code=status,
        headers=given,
        status=status,
        phrase=HTTPStatus(status).phrase,
        detail=detail,
    )
