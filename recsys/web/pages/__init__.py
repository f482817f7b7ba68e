"""The pages: what each asks; how it looks is in its template."""

from fastapi import APIRouter

from recsys.web.pages import compare, data, film, models, reference, search, viewer

router = APIRouter(include_in_schema=False)
for room in (viewer, film, search, compare, models, data, reference):
    router.include_router(room.router)
