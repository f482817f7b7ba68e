"""Films by title or plot, and films for those who pick a few: no account is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from recsys.errors import InvalidRequest
from recsys.web.api import Bigint
from recsys.web.asking import asker
from recsys.web.pages.common import address_with, all_genres, find_pictures
from recsys.web.rendering import page

router = APIRouter()
FOUND = 20
PICKS = 5
SUGGESTED = 12
Year = Annotated[str | None, Query(pattern=r"^\s*([0-9]{1,4})?\s*$")]  # a form sends it empty


def number(text: str | None) -> int | None:
    """Return the number of a field, None where it is empty."""
    return int(text) if text and text.strip() else None


@router.get("/search")
async def search(
    request: Request,
    title: str = "",
    plot: str = "",
    genre: str = "",
    year_from: Year = None,
    year_to: Year = None,
) -> Response:
    """Find films by title, or by plot and filters; by filters alone, the popular ones."""
    ask = asker(request)
    titles = await ask.search_titles(title, FOUND) if title.strip() else None
    refused = None
    films: Sequence[Any] | None = None
    first, last = number(year_from), number(year_to)
    genres = [genre] if genre else None
    try:
        if plot.strip():
            films = await ask.search_plots(
                plot, FOUND, genres=genres, year_from=first, year_to=last
            )
        elif genres or first or last:
            films = await ask.popular(FOUND, genres=genres, year_from=first, year_to=last)
    except InvalidRequest as error:
        refused = str(error)
    return page(
        request,
        "search.html",
        title=title,
        plot=plot,
        genre=genre,
        year_from=first,
        year_to=last,
        genres=await all_genres(ask),
        titles=titles,
        films=films,
        refused=refused,
        pictures=await find_pictures(request, ask, [*(titles or []), *(films or [])]),
    )


@router.get("/try")
async def pick(
    request: Request,
    liked: Annotated[list[Bigint], Query(default_factory=list)],
    title: str = "",
) -> Response:
    """Recommend to those who like the films that are named, and find more to name."""
    ask = asker(request)
    picked = await ask.movies(liked) if liked else []
    found: Sequence[Any]
    if title.strip():
        found = [film for film in await ask.search_titles(title) if film.movie_id not in liked]
    else:
        found = await ask.popular(SUGGESTED, exclude_movies=liked)
    films = await ask.recommend_for(liked, FOUND) if liked else []
    return page(
        request,
        "try.html",
        liked=liked,
        title=title,
        picked=picked,
        found=found,
        films=films,
        wanted=PICKS,
        pictures=await find_pictures(request, ask, [*picked, *found, *films]),
        link=lambda ids: address_with(request, title=None, liked=ids),
    )
