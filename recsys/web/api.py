"""`/api/v1`: a route for each public method of `Questions`, made from it.

The arguments are those of the method, their types those of the SQL function, the answer its rows:
so the description (`/api/v1/openapi.json`) says what is asked.
"""

from __future__ import annotations

import csv
import hashlib
import inspect
import io
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple, get_args

from fastapi import APIRouter, Body, Path, Query, Request, Response
from pydantic import Field, TypeAdapter
from starlette.exceptions import HTTPException

from recsys.serving import answers, records
from recsys.serving.questions import Questions
from recsys.serving.recommender import AsyncRecommender
from recsys.serving.statements import TYPES, Filters
from recsys.web.access import Access
from recsys.web.asking import asker
from recsys.web.errors import DOCUMENTED, Refusal

LONGEST = 10_000
DEEPEST = 100_000

Bigint = Annotated[int, Field(gt=-(2**63), lt=2**63)]
Integer = Annotated[int, Field(gt=-(2**31), lt=2**31)]
Real = Annotated[float, Field(ge=-3e38, le=3e38)]
KINDS: dict[str, Any] = {
    "bigint": Bigint,
    "bigint[]": list[Bigint],
    "integer": Integer,
    "real": Real,
    "text": str,
    "text[]": list[str],
    "real[]": list[Real],
    "boolean": bool,
    "interval": timedelta,
    "timestamptz": datetime,
    "public.vector": list[Real],
}
# Arguments that only methods have, which are no SQL functions.
OWN_TYPES = {"rating": "real", "rated_at": "timestamptz", "kind": "text"}
Length = Annotated[int, Query(ge=1, le=LONGEST, description="Number of rows.")]
Offset = Annotated[int, Query(ge=0, le=DEEPEST, description="Number of rows to leave out before.")]
As = Annotated[
    Literal["json", "csv"] | None,
    Query(description="What the answer is written in; unless said, what the header Accept asks."),
]


# Each user by one look into the index, where `distinct` would read all ratings.
USERS = """
    with recursive users as (
        (select user_id, 1 as n from recsys.ratings
         where user_id > cast(:after as bigint) order by user_id limit 1)
        union all
        select (select r.user_id from recsys.ratings r where r.user_id > u.user_id
            order by r.user_id limit 1), u.n + 1
        from users u where u.user_id is not null and u.n < cast(:k as integer)
    )
    select u.user_id,
        (select count(*) from recsys.ratings r where r.user_id = u.user_id) as rating_count
    from users u where u.user_id is not null
    order by u.user_id
"""


class Write(NamedTuple):
    """How a method that writes is asked for, and what of `Access` must allow it."""

    verb: Literal["PUT", "DELETE"]
    path: str
    allowed_by: Literal["ratings", "admin"]


_JSON: dict[int | str, dict[str, Any]] = {304: {"description": "As If-None-Match has it."}}
_CSV = {**_JSON, 200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}

RATING = "/users/{user_id}/ratings/{movie_id}"
MARK = "/users/{user_id}/marks/{kind}/{movie_id}"
WITHDRAWAL = "/movies/{movie_id}/withdrawal"
WRITES = {
    "rate": Write("PUT", RATING, "ratings"),
    "unrate": Write("DELETE", RATING, "ratings"),
    "mark": Write("PUT", MARK, "ratings"),
    "unmark": Write("DELETE", MARK, "ratings"),
    "log_shown": Write("PUT", "/users/{user_id}/impressions", "ratings"),
    "withdraw_movie": Write("PUT", WITHDRAWAL, "admin"),
    "restore_movie": Write("DELETE", WITHDRAWAL, "admin"),
}
# All others are at the path of their name.
READS = {
    "movie": "/movies/{movie_id}",
    "ratings": "/users/{user_id}/ratings",
    "marks": "/users/{user_id}/marks",
    "user_vector": "/users/{user_id}/vector",
}


def make_router(access: Access) -> APIRouter:
    """Return the routes of all methods."""
    router = APIRouter(
        prefix="/api/v1",
        responses={
            status: {"model": Refusal, "description": text} for status, text in DOCUMENTED.items()
        },
    )
    router.add_api_route(
        "/users",
        users,
        response_model=list[User],
        operation_id="users",
        summary="Return users who have rated, by their numbers",
        responses=_CSV,
    )
    for name in dir(Questions):
        if name in WRITES:
            _add_write(router, name, access)
        elif not name.startswith("_"):
            _add_read(router, name)
    return router


@dataclass(frozen=True)
class User:
    """One user who has rated."""

    user_id: int
    rating_count: int


async def users(
    request: Request,
    after: Annotated[Bigint, Query(description="Only users of higher numbers.")] = 1 - 2**63,
    k: Length = 100,
    format: As = None,
) -> Response:
    """Users who have rated, by their numbers."""
    rows = await asker(request).rows(USERS, after=after, k=k + 1)
    found = [User(**row) for row in rows[:k]]
    following = {"after": found[-1].user_id} if len(rows) > k else None
    return _answered(request, User, TypeAdapter(list[User]), found, format, following)


def _add_read(router: APIRouter, name: str) -> None:
    path = READS.get(name, f"/{name}")
    row, kind = _answer(name)
    parameters = _parameters(name, path, Query)
    extra: dict[str, Any] = {"request": Request}
    paged = row is not None and any(one.name == "k" for one in parameters)
    if paged:
        extra |= {"k": Length, "offset": Offset}
    if row is not None:
        extra |= {"format": As}
    adapter: TypeAdapter[Any] = TypeAdapter(kind)

    async def read(**given: Any) -> Response:
        request: Request = given.pop("request")
        form = given.pop("format", None)
        offset, k = given.pop("offset", 0), given.get("k")
        if paged and k is not None:
            whole = _is_whole(name, given)
            if offset and whole:
                raise HTTPException(422, "offset: this list has one page: raise k instead")
            given["k"] = offset + k + (not whole)
        found = await getattr(asker(request), name)(**given)
        more = paged and k is not None and len(found) > offset + k
        if paged:
            found = found[offset : None if k is None else offset + k]
        following = {"offset": offset + k} if more else None
        return _answered(request, row, adapter, found, form, following)

    _sign(read, name, parameters, extra)
    router.add_api_route(
        path,
        read,
        response_model=kind,
        operation_id=name,
        summary=_summary(name),
        responses=_JSON if row is None else _CSV,
    )


def _add_write(router: APIRouter, name: str, access: Access) -> None:
    verb, path, allowed_by = WRITES[name]
    parameters = _parameters(name, path, partial(Body, embed=True))

    async def change(**given: Any) -> Response:
        request: Request = given.pop("request")
        if not getattr(access, allowed_by):
            flag = f"--allow-{allowed_by}"
            raise HTTPException(403, f"nothing is written: start `recsys serve` with {flag}")
        await getattr(asker(request), name)(**given)
        return Response(status_code=204)

    _sign(change, name, parameters, {"request": Request})
    router.add_api_route(
        path,
        change,
        methods=[verb],
        status_code=204,
        response_class=Response,
        operation_id=name,
        summary=_summary(name),
        responses={
            400: {"model": Refusal, "description": "The body cannot be read."},
            403: {"model": Refusal, "description": "The server may not write this."},
        },
    )


def _is_whole(name: str, given: dict[str, Any]) -> bool:
    """Tell whether a longer list may begin otherwise, so that its parts are no pages of one."""
    return bool(
        name == "search_titles"  # more candidates are compared
        or given.get("experiment")  # whose variant may ask for films that are unlike others
        or given.get("by") == "both"  # longer lists are merged
        or given.get("diversity")  # films are unlike more others
    )


def _answer(name: str) -> tuple[Any, Any]:
    """Return the type of the rows, None if there are none, and that of the whole answer."""
    said = str(inspect.signature(getattr(Questions, name)).return_annotation)
    said = said.removeprefix("Question[").removesuffix("]")
    known = {**vars(answers), **vars(records), "Vectors": list[float]}
    whole = eval(re.sub(r"Answers\[", "list[", said), known)
    row = get_args(whole)[0] if said.startswith("Answers[") else whole
    return (row if is_dataclass(row) else None), whole


def _parameters(name: str, path: str, place: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the arguments of a method as FastAPI takes them: in the path, or else in `place`."""
    method = getattr(AsyncRecommender, name)
    texts = _descriptions(method.__doc__ or "") | _descriptions(Filters.__doc__ or "")
    found = []
    for one in list(inspect.signature(method).parameters.values())[1:]:
        kind = KINDS[TYPES.get(one.name) or OWN_TYPES[one.name]]
        if one.default is None:
            kind = kind | None
        where = (Path if f"{{{one.name}}}" in path else place)(description=texts.get(one.name))
        default = list(one.default) if isinstance(one.default, tuple) else one.default
        found.append(
            inspect.Parameter(
                one.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=default,
                annotation=Annotated[kind, where],
            )
        )
    return found


def _sign(
    endpoint: Callable[..., Any],
    name: str,
    parameters: Iterable[inspect.Parameter],
    extra: dict[str, Any],
) -> None:
    """Give an endpoint the arguments that FastAPI reads off it; `extra` ones replace others."""
    defaults = {"offset": 0, "format": None}
    signed = {one.name: one for one in parameters}
    for key, kind in extra.items():
        default = signed[key].default if key in signed else defaults.get(key, inspect._empty)
        signed[key] = inspect.Parameter(
            key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
        )
    endpoint.__name__ = name
    endpoint.__signature__ = inspect.Signature(list(signed.values()))  # type: ignore[attr-defined]


def _summary(name: str) -> str:
    return (inspect.getdoc(getattr(Questions, name)) or "").partition("\n")[0].rstrip(".")


def _descriptions(documentation: str) -> dict[str, str]:
    """Return what a docstring in numpy's style says of each argument."""
    section = re.search(
        r"(?:Parameters|Attributes)\n-+\n(.*?)(?=\n\n\w+\n-+|\Z)",
        inspect.cleandoc(documentation),
        re.DOTALL,
    )
    found = {}
    for names, text in re.findall(
        r"^([\w*][\w*, ]*)\n((?: +.*\n?|\n)+)", section[1] if section else "", re.MULTILINE
    ):
        for name in names.split(", "):
            found[name] = " ".join(text.split())
    return found


def _plain(found: Any) -> Any:
    return found.tolist() if hasattr(found, "tolist") else found


def _answered(
    request: Request,
    row: Any,
    adapter: TypeAdapter[Any],
    found: Any,
    form: str | None,
    following: dict[str, int] | None,
) -> Response:
    """Return rows in the form that is asked for; `following` is what differs in the next page."""
    if row is not None and _wants_csv(request, form):
        content, media = _csv(row, found), "text/csv; charset=utf-8"
    else:
        content, media = adapter.dump_json(_plain(found)), "application/json"
    headers = {"Vary": "Accept, Authorization"}
    if following:
        url = request.url.include_query_params(**following)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return _cached(request, content, media, headers)


def _wants_csv(request: Request, form: str | None) -> bool:
    if form is not None:
        return form == "csv"
    return request.headers.get("accept", "").startswith("text/csv")


def _csv(row: type, found: Any) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(row))
    for one in found if isinstance(found, list) else [found]:
        writer.writerow(map(_cell, asdict(one).values()))
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, list) and not any(isinstance(one, dict) for one in value):
        return "|".join(map(str, value))
    return json.dumps(value, default=str) if isinstance(value, dict | list) else value


def _cached(request: Request, content: bytes, media: str, headers: dict[str, str]) -> Response:
    """Return an answer, or nothing if the client has it: each is as of now, so it must ask."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers |= {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media, headers=headers)
