"""The recommender, and statements that only the pages send."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from recsys.serving.recommender import AsyncRecommender
from recsys.serving.statements import Question

Row = dict[str, Any]


class Asker(AsyncRecommender):
    """The recommender, and statements that only the pages send."""

    async def rows(self, statement: str, **arguments: Any) -> list[Row]:
        """Return the rows of a statement, whose placeholders are written ``:name``."""
        return await self._ask(
            Question(statement, arguments, lambda found: [dict(row) for row in found.mappings()])
        )


def asker(request: Request) -> Asker:
    """Return the recommender of the application that a request is for."""
    found: Asker = request.app.state.asker
    return found
