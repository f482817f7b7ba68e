"""The viewer's page: what they rated, their shelves with reasons, and rating by one click."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException

from recsys.serving.records import Rating
from recsys.serving.writes import check_kind
from recsys.web.api import USERS, Bigint
from recsys.web.asking import Asker, asker
from recsys.web.pages.common import (
    MovieId,
    UserId,
    address_with,
    all_genres,
    find_pictures,
    is_simulated,
)
from recsys.web.rendering import page

router = APIRouter()
SHELF = 12
REASONS = 8
ALL = 100_000  # reasons: more than anyone has
LIKED_FROM = 4

OWN_GENRES = """
    select g.name as genre, count(*) as films
    from recsys.ratings r
    join recsys.movie_genres mg on mg.movie_id = r.movie_id
    join recsys.genres g on g.genre_id = mg.genre_id
    where r.user_id = cast(:user_id as bigint)
    group by g.name
    order by films desc, g.name
    limit 6
"""


# What leaves the lists of recsys.recommend leaves those that know no viewer, too.
LEFT_OUT = """
    select movie_id from recsys.ratings where user_id = cast(:user_id as bigint)
    union
    select movie_id from recsys.feedback
    where user_id = cast(:user_id as bigint)
      and (recsys_internal.watched(kind) or recsys_internal.away(kind, at))
"""
MARKED = {
    "hidden": "never shown to this viewer again",
    "not_now": "not shown to this viewer for a while",
    "watchlist": "on the watchlist",
}


@dataclass(frozen=True)
class Shelf:
    """A row of films: its name in addresses, heading, and whether each has reasons."""

    name: str
    heading: str
    films: list[Any]
    reasons: bool = False
    film: Rating | None = None


@router.get("/")
async def start(request: Request) -> Response:
    """Ask for a viewer, and show what is popular."""
    ask = asker(request)
    popular = await ask.popular(SHELF)
    return page(
        request,
        "start.html",
        popular=popular,
        viewers=await ask.rows(USERS, after=1 - 2**63, k=12),
        simulated=await is_simulated(ask),
        posters=await find_pictures(request, ask, popular),
    )


@router.get("/viewer")
async def viewer(
    request: Request,
    user_id: UserId,
    genre: str | None = None,
    why: MovieId | None = None,
    shelf: str | None = None,
    rated: MovieId | None = None,
    marked: str | None = None,
) -> Response:
    """Show a viewer's ratings and shelves; `why` opens the reasons of a film on a shelf."""
    ask = asker(request)
    ratings = await ask.ratings(user_id)
    genres = await ask.rows(OWN_GENRES, user_id=user_id)
    names = await all_genres(ask)
    chosen = genre or (genres[0]["genre"] if genres else names[0] if names else None)
    shelves = await fill_shelves(ask, user_id, ratings, chosen)
    films = [film for one in shelves for film in one.films]
    return page(
        request,
        "viewer.html",
        user_id=user_id,
        rated=ratings,
        marks=[one for one in await ask.marks(user_id) if one.kind in MARKED],
        mean=sum(one.rating for one in ratings) / max(1, len(ratings)),
        genres=genres,
        all_genres=names,
        genre=chosen,
        shelves=shelves,
        pictures=await find_pictures(request, ask, films),
        simulated=await is_simulated(ask),
        why=None if why is None else await reasons(ask, user_id, why, shelf or "you"),
        changed=await what_changed(ask, rated, ratings, marked),
        here=address_with(request, rated=None, marked=None, why=None, shelf=None),
        link=partial(address_with, request, rated=None, marked=None),
    )


async def fill_shelves(
    ask: Asker, user_id: int, ratings: list[Rating], genre: str | None
) -> list[Shelf]:
    """Return the shelves of a viewer, in the order of the page."""
    seen = await left_out(ask, user_id)
    shelves = [Shelf("you", "For you", await ask.recommend(user_id, SHELF), reasons=True)]
    if kept := await ask.watchlist(user_id, SHELF):
        shelves.append(Shelf("watchlist", "Your watchlist", kept, reasons=True))
    liked = max((one for one in ratings if one.rating >= LIKED_FROM), default=None, key=_newest)
    if liked:
        alike = await ask.similar_movies(liked.movie_id, SHELF, exclude_movies=seen)
        shelves.append(Shelf("liked", "Because of", alike, film=liked))
    if genre:
        films = await ask.recommend(user_id, SHELF, genres=[genre])
        shelves.append(Shelf("genre", f"For you: {genre}", films, reasons=True))
    popular = await ask.popular(SHELF, exclude_movies=seen)
    return [*shelves, Shelf("popular", "Popular now", popular)]


async def left_out(ask: Asker, user_id: int) -> list[int]:
    """Return the ids of films that a viewer has rated or watched, or does not want to see."""
    return [row["movie_id"] for row in await ask.rows(LEFT_OUT, user_id=user_id)]


def _newest(rating: Rating) -> Any:
    return rating.rating, rating.rated_at


async def reasons(ask: Asker, user_id: int, movie_id: int, shelf: str) -> dict[str, Any]:
    """Return the reasons of a film, as bars each of which begins where the last one ended."""
    explained = await ask.explain(user_id, movie_id, ALL)
    found = sorted(explained, key=lambda one: -abs(one.contribution))
    parts = [(one.because_title, one.rating, one.contribution) for one in found[:REASONS]]
    if rest := found[REASONS:]:
        others = f"{len(rest)} others" if len(rest) > 1 else "1 other"
        parts.append((others, None, sum(one.contribution for one in rest)))
    ends = [0.0]
    for _, _, adds in parts:
        ends.append(ends[-1] + adds)
    low, high = min(ends), max(ends)
    scale = 200 / ((high - low) or 1)
    bars = [
        {
            "what": what,
            "rating": rating,
            "adds": adds,
            "x": round((min(begin, begin + adds) - low) * scale, 2),
            "width": round(max(abs(adds) * scale, 0.5), 2),
        }
        for (what, rating, adds), begin in zip(parts, ends, strict=False)
    ]
    title = (await ask.movie(movie_id)).title
    return {"bars": bars, "total": ends[-1], "title": title, "shelf": shelf}


async def what_changed(
    ask: Asker, movie_id: int | None, ratings: list[Rating], marked: str | None = None
) -> str | None:
    """Say what the click did that led here."""
    if movie_id is None:
        return None
    if marked in MARKED:
        return f"{(await ask.movie(movie_id)).title}: {MARKED[marked]}. The lists know it."
    for one in ratings:
        if one.movie_id == movie_id:
            return f"{one.title}: {one.rating:g} stars. The lists know it."
    return f"{(await ask.movie(movie_id)).title}: no stars. The lists know it."


@router.post("/ratings")
async def rate(request: Request) -> Response:
    """Write or take back a rating or a mark, and go back to the page that asked."""
    if not request.app.state.access.ratings:
        raise HTTPException(403, "nothing is written: start `recsys serve` with --allow-ratings")
    form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
    try:
        user_id, movie_id = (
            TypeAdapter(Bigint).validate_python(form.get(name)) for name in ("user_id", "movie_id")
        )
        rating = float(form["rating"]) if form.get("rating") else None
    except (ValidationError, ValueError) as error:
        raise HTTPException(422, "a viewer, a film and 0.5 to 5 stars are needed") from error
    ask = asker(request)
    marked = form.get("mark", "")
    if marked:
        await ask.mark(user_id, movie_id, check_kind(marked))
    elif "unmark" in form:
        await ask.unmark(user_id, movie_id, check_kind(form["unmark"]))
    elif rating is None:
        await ask.unrate(user_id, movie_id)
    else:
        await ask.rate(user_id, movie_id, rating)
    here = form.get("here", "")
    if not here.startswith(("/viewer?", "/film/")):  # never to another site
        here = f"/viewer?user_id={user_id}"
    mark = "&" if "?" in here else "?"
    done = {"rated": movie_id} | ({"marked": marked} if marked else {})
    return RedirectResponse(f"{here}{mark}{urlencode(done)}", 303)
