"""The film's page: what it is, what is like it, and who would like it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from recsys.web.api import Bigint
from recsys.web.asking import asker
from recsys.web.pages.common import MovieId, UserId, address_with, find_pictures, unless_refused
from recsys.web.pages.viewer import left_out, what_changed
from recsys.web.rendering import page

router = APIRouter()
ALIKE = 6


@router.get("/film/{movie_id}")
async def film(
    request: Request,
    movie_id: Annotated[Bigint, Path()],
    user_id: UserId | None = None,
    rated: MovieId | None = None,
    marked: str | None = None,
) -> Response:
    """Show a film; with a viewer, let them rate it."""
    ask = asker(request)
    found = await ask.movie(movie_id)
    gone = [] if user_id is None else await left_out(ask, user_id)
    by_ratings = await ask.similar_movies(movie_id, ALIKE, exclude_movies=gone)
    by_plot = await unless_refused(
        ask.similar_movies(movie_id, ALIKE, by="plot", exclude_movies=gone)
    )
    ratings = [] if user_id is None else await ask.ratings(user_id)
    return page(
        request,
        "film.html",
        film=found,
        by_ratings=by_ratings,
        by_plot=by_plot,
        viewers=await ask.users_for(movie_id),
        predicted=await unless_refused(ask.predict_movie_genres(movie_id)),
        pictures=await find_pictures(request, ask, [found, *by_ratings, *(by_plot or [])]),
        user_id=user_id,
        stars=next((one.rating for one in ratings if one.movie_id == movie_id), None),
        changed=await what_changed(ask, rated, ratings, marked),
        here=address_with(request, rated=None, marked=None),
    )
