"""Two lists side by side for one viewer: two models, or with and without the learned order."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from recsys.web.asking import Asker, asker
from recsys.web.pages.common import UserId
from recsys.web.rendering import page

router = APIRouter()
LENGTH = 15
DEEPER = 100  # where else to look for a film of the other list

MODELS = """
    select model_id, algorithm, active, list_order from recsys_bi.models order by model_id desc
"""


@router.get("/compare")
async def compare(
    request: Request, user_id: UserId | None = None, left: str = "", right: str = ""
) -> Response:
    """Show what moved between two lists; a side is a model's number, and `plain` without order."""
    ask = asker(request)
    models = await ask.rows(MODELS)
    sides = [
        {
            "name": f"{model['model_id']}{way}",
            "text": f"model {model['model_id']} ({model['algorithm']})"
            + (", in the order of retrieval" if way else ", in its own order")
            + (", active" if model["active"] else ""),
        }
        for model in sorted(models, key=lambda one: not one["active"])
        for way in ("", "-plain")
    ]
    names = [side["name"] for side in sides]
    left = left if left in names else names[1] if names else ""
    right = right if right in names else names[0] if names else ""
    lists = {}
    if user_id is not None and names:
        found = [await ask_side(ask, user_id, side) for side in (left, right)]
        lists = {
            "left": with_moves(found[0], found[1]),
            "right": with_moves(found[1], found[0]),
        }
    return page(
        request,
        "compare.html",
        user_id=user_id,
        sides=sides,
        left=left,
        right=right,
        lists=lists,
    )


async def ask_side(ask: Asker, user_id: int, side: str) -> list[Any]:
    """Return the list of one side."""
    model_id, _, plain = side.partition("-")
    return await ask.recommend(user_id, DEEPER, model_id=int(model_id), rerank=not plain)


def with_moves(films: list[Any], others: list[Any]) -> list[dict[str, Any]]:
    """Return the first films, each with its place in the other list; None beyond its end."""
    places = {film.movie_id: film.rank for film in others}
    return [{"film": film, "other": places.get(film.movie_id)} for film in films[:LENGTH]]
