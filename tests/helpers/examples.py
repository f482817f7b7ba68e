"""On how many examples a property that takes long is tried."""

from __future__ import annotations

from hypothesis import settings


def examples(number: int) -> int:
    """All of them where hypothesis has the profile `all`, as in `make test-all`; else a quarter."""
    return number if settings.get_current_profile_name() == "all" else max(number // 4, 5)
