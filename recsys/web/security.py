"""Who may ask, and what a browser may do with the answer."""

from __future__ import annotations

import base64
import binascii
import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recsys.web.access import Access, is_loopback

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
OPEN_PATHS = {"/healthz"}  # a load balancer has no key


class Guard:
    """Refuses requests without the key, or from other sites' pages; gives answers their headers."""

    def __init__(self, app: ASGIApp, access: Access, posters: str | None = None) -> None:
        self.app, self.access = app, access
        images = "'self'"
        if posters:
            address = urlsplit(posters)
            images += f" {address.scheme}://{address.netloc}"
        self.headers = {
            "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
            f"img-src {images}; connect-src 'self'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            # With no-referrer, a form's origin would come as "null", as another site's does.
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "private, no-cache")
            await send(message)

        refused = self._refuse(scope)
        await (refused or self.app)(scope, receive, with_headers)

    def _refuse(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self.access.api_key:
            # Another site's name that leads here would make their page one of ours.
            if not is_loopback(urlsplit(f"//{host}").hostname or ""):
                return PlainTextResponse("this server answers on its own machine alone", 403)
        elif scope["path"] not in OPEN_PATHS and not self._has_key(headers):
            return PlainTextResponse(
                "a key is needed: as the password, or `Authorization: Bearer KEY`",
                401,
                {"WWW-Authenticate": 'Basic realm="recsys: the key as the password"'},
            )
        # Browsers send the password, or reach this machine, for pages of other sites, too.
        origin = headers.get("origin")
        if scope["method"] not in SAFE_METHODS and (
            headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
            or (origin is not None and urlsplit(origin).netloc != host)
        ):
            return PlainTextResponse("another site's page may not write here", 403)
        return None

    def _has_key(self, headers: Headers) -> bool:
        scheme, _, text = headers.get("authorization", "").partition(" ")
        given = text.encode("latin-1")  # as it was sent
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(given).partition(b":")[2]
            except binascii.Error:
                return False
        elif scheme.lower() != "bearer":
            return False
        return secrets.compare_digest(given, (self.access.api_key or "").encode())
