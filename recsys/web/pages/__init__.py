"""The pages: what each asks; how it looks is in its template."""

from fastapi import APIRouter

from recsys.web.pages import film, viewer

router = APIRouter(include_in_schema=False)
for room in (viewer, film):
    router.include_router(room.router)
