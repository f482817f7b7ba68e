"""What one server allows its visitors."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from recsys.errors import InvalidRequest


@dataclass(frozen=True)
class Access:
    """What one server allows its visitors.

    Attributes
    ----------
    host
        Address that it listens on.
    ratings
        Ratings and marks may be written.
    admin
        Models may be activated, and films withdrawn.
    api_key
        What each request must show; None: requests need none, and the host is a loopback one.
    """

    host: str = "127.0.0.1"
    ratings: bool = False
    admin: bool = False
    api_key: str | None = None

    def __post_init__(self) -> None:
        if not self.api_key and not is_loopback(self.host):
            raise InvalidRequest(
                f"{self.host} can be reached from other machines: name a key that requests must "
                "show, by --api-key or RECSYS_API_KEY"
            )

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written."""
        return not (self.ratings or self.admin)


def is_loopback(host: str) -> bool:
    """Tell whether an address leads to this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
