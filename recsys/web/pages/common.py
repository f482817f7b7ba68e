"""What several pages ask."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode, urljoin

from fastapi import Query, Request

from recsys.errors import InvalidRequest
from recsys.web.api import Bigint
from recsys.web.asking import Asker

Result = TypeVar("Result")
UserId = Annotated[Bigint, Query()]
MovieId = Annotated[Bigint, Query()]

GENRES = "select name from recsys.genres order by name"
POSTERS = """
    select movie_id, poster_path from recsys.movies
    where movie_id = any(cast(:movie_ids as bigint[])) and poster_path is not null
"""
# Those of the bundled sample, and made-up ones of any size.
SIMULATED = """
    select coalesce((
        select id_space in ('sample', 'synthetic') from recsys_bi.loads
        where status = 'done' and id_space is not null order by run_id desc limit 1
    ), false) as simulated
"""


async def unless_refused(asked: Awaitable[Result]) -> Result | None:
    """Return an answer, None if the request is refused: texts may not have been learned."""
    try:
        return await asked
    except InvalidRequest:
        return None


async def find_pictures(request: Request, ask: Asker, films: Iterable[Any]) -> dict[int, str]:
    """Return the addresses of films' posters, none where no address for them is set."""
    base = request.app.state.posters
    if not base:
        return {}
    base = f"{base.rstrip('/')}/"
    ids = sorted({film.movie_id for film in films})
    found = {
        row["movie_id"]: urljoin(base, row["poster_path"].lstrip("/"))
        for row in await ask.rows(POSTERS, movie_ids=ids)
    }
    # The policy of the page lets the browser load no others.
    return {movie_id: url for movie_id, url in found.items() if url.startswith(base)}


async def is_simulated(ask: Asker) -> bool:
    """Tell whether the ratings are simulated."""
    return bool((await ask.rows(SIMULATED))[0]["simulated"])


async def all_genres(ask: Asker) -> list[str]:
    """Return the names of all genres."""
    return [row["name"] for row in await ask.rows(GENRES)]


def address_with(request: Request, **changes: object) -> str:
    """Return this page's address with some arguments changed, or left out where None.

    A list makes an argument of each of its values.
    """
    given = [pair for pair in request.query_params.multi_items() if pair[0] not in changes]
    given += [
        (name, str(value))
        for name, values in changes.items()
        for value in (values if isinstance(values, list) else [values])
        if value is not None
    ]
    return f"{request.url.path}?{urlencode(given)}"
