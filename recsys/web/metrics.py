"""What is known of each request: a line in the log, and figures for Prometheus."""

from __future__ import annotations

import logging
import time
from urllib.parse import quote

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recsys.web.recorder import recording

METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}
BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
log = logging.getLogger("recsys.web")


class Metrics:
    """Figures of one server, by route, so that ids make no series of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "recsys_requests",
            "Requests answered",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds, self.sql_seconds = (
            Histogram(name, text, ["route"], buckets=BUCKETS, registry=self.registry)
            for name, text in (
                ("recsys_request_seconds", "Time of a request"),
                ("recsys_sql_seconds", "Time of all statements of a request"),
            )
        )


class Watch:
    """Records each request's statements, and tells the log and the metrics."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500

        async def noting_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        started = time.perf_counter()
        with recording() as statements:
            try:
                await self.app(scope, receive, noting_status)
            finally:
                seconds = time.perf_counter() - started
                in_sql = sum(statement.seconds for statement in statements)
                route = getattr(scope.get("route"), "path", "none")
                method = scope["method"] if scope["method"] in METHODS else "other"
                self.metrics.requests.labels(method, route, status).inc()
                self.metrics.seconds.labels(route).observe(seconds)
                self.metrics.sql_seconds.labels(route).observe(in_sql)
                log.info(
                    "%s %s %d in %.1f ms, of them SQL %.1f ms in %d statements",
                    method,
                    quote(scope["path"]),
                    status,
                    1000 * seconds,
                    1000 * in_sql,
                    len(statements),
                )
