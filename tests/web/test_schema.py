"""What the description says, the server does: for requests that it allows, and for others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from sqlalchemy import Engine

from recsys.web.access import Access
from recsys.web.app import create_app
from tests.helpers.web import listening

if TYPE_CHECKING:
    import schemathesis


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_every_answer_is_one_that_the_description_has(learned_engine: Engine, mode: str) -> None:
    import schemathesis  # here, as the import takes seconds of each process that collects tests
    from schemathesis import checks
    from schemathesis.specs.openapi import checks as of_openapi

    kept = [
        checks.not_a_server_error,
        of_openapi.status_code_conformance,
        of_openapi.content_type_conformance,
        of_openapi.response_schema_conformance,
    ]
    app = create_app(learned_engine.url, Access(ratings=True, admin=True))
    schema = schemathesis.openapi.from_dict(app.openapi())
    asked = 0
    with listening(app) as address:
        for found in schema.get_all_operations():
            operation = found.ok()  # type: ignore[union-attr]

            @settings(
                max_examples=25,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
            def ask(case: schemathesis.Case[Any]) -> None:
                nonlocal asked
                asked += 1
                case.call_and_validate(base_url=address, checks=kept)

            ask()
    assert asked > 300
