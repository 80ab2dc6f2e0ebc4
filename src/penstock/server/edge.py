"""What every request passes before any route (Host, headers, method), and what every answer carries."""

import ipaddress
import logging
from collections.abc import Callable, Iterable
from typing import cast
from urllib.parse import urlsplit

from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from penstock.core.clock import Clock, SystemClock
from penstock.core.errors import NotFound, PermissionDenied, Unauthenticated, Unavailable
from penstock.server.auth import STILL_HOLDS
from penstock.server.problems import problem_body
from penstock.tracing.scores.routes import FEEDBACK_PATH

__all__ = ["Edge", "host_of", "security_headers"]

logger = logging.getLogger(__name__)

MAX_HEADER_BYTES = 32 * 1024
MAX_HEADERS = 100
RECHECK_SECONDS = 2.0
"""How long a running answer goes on after its key or session has ended."""
PROBES = ("/healthz", "/readyz")
"""An orchestrator asks these by the address of a container; they tell nothing."""

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})

CONTENT_SECURITY_POLICY = "; ".join(  # noqa: FLY002 - one source per line, with room for reasons
    (
        "default-src 'none'",
        "script-src 'self'",
        # The component library sets style attributes and adds style elements.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


def security_headers(*, https: bool) -> list[tuple[bytes, bytes]]:
    """Headers of every answer; a route may set its own `cache-control`."""
    headers = {
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
    if https:
        headers["strict-transport-security"] = "max-age=31536000"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def host_of(authority: str) -> str | None:
    """The lower-case host name of a `Host` header (RFC 9110 §7.2); None when it is not one."""
    if any(character in authority for character in "/\\?#@ \t"):
        return None
    try:
        parts = urlsplit(f"//{authority}")
        host, _port = parts.hostname, parts.port
        if host and ":" in host:
            return str(ipaddress.IPv6Address(host))
    except ValueError:
        return None
    return host.rstrip(".") or None if host else None


class Edge:
    """An ASGI layer around the whole app.

    Args:
        app: What is inside.
        hosts: Host names, beside the local ones, under which the console may be called. A page of another
            name that resolves here (DNS rebinding) is refused.
        https: Whether people reach the console through TLS.
        clock: Gives the clock that says how old a stream's last check is.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: Iterable[str], https: bool, clock: Callable[[], Clock] = SystemClock
    ) -> None:
        self._app = app
        self._clock = clock
        self._hosts = LOCAL_HOSTS | {host.lower() for host in hosts}
        self._headers = security_headers(https=https)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = cast("HTTPScope", scope)

        guarded_send = _Answer(send, request, headers=self._headers, clock=self._clock())
        refusal = self._refusal(request)
        if refusal is None:
            await self._app(scope, receive, guarded_send)
        else:
            status, body = refusal
            await _answer(guarded_send, status, body)

    def _refusal(self, scope: HTTPScope) -> tuple[int, bytes] | None:
        headers = list(scope["headers"])
        size = sum(len(name) + len(value) for name, value in headers)
        if len(headers) > MAX_HEADERS or size > MAX_HEADER_BYTES:
            return 431, problem_body(
                431,
                f"A request has at most {MAX_HEADERS} headers of {MAX_HEADER_BYTES} bytes together.",
                code="headers_too_large",
            )
        if scope["method"] == "OPTIONS" and scope["path"] != FEEDBACK_PATH:
            # A browser asks this before a call from another origin, and no other origin is served but there.
            return 405, problem_body(
                405, "The console answers no OPTIONS: pages of other origins cannot call it.", code="method_not_allowed"
            )
        if scope["path"] in PROBES:
            return None
        hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        host = host_of(hosts[0]) if len(hosts) == 1 else None
        if host is None:
            return 400, problem_body(400, "A request has one Host header with a host name in it.", code="invalid_host")
        if host not in self._hosts:
            return 421, problem_body(
                421,
                "The console does not go by the name in this request's Host header.",
                code="host_not_allowed",
                hint="Start it with --public-url https://that-name, or call it by localhost.",
            )
        return None


class _Answer:
    """The way out: adds the headers, and cuts a stream whose caller has lost the right to it."""

    def __init__(self, send: Send, scope: HTTPScope, *, headers: Iterable[tuple[bytes, bytes]], clock: Clock) -> None:
        self._send = send
        self._scope = scope
        self._headers = headers
        self._clock = clock
        self._checked = clock.monotonic()
        self._cut = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message["headers"])
            present = {name.lower() for name, _ in headers}
            headers += [(name, value) for name, value in self._headers if name not in present]
            if b"cache-control" not in present:
                headers.append((b"cache-control", b"no-store"))
            message["headers"] = headers
        elif self._cut or not await self._holds():
            if not self._cut:
                self._cut = True
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        await self._send(message)

    async def _holds(self) -> bool:
        """A live tail may stay open for days: what was allowed at its start is asked again as it goes."""
        now = self._clock.monotonic()
        if now - self._checked < RECHECK_SECONDS:
            return True
        self._checked = now
        still_holds = self._scope["state"].get(STILL_HOLDS)
        if still_holds is None:
            return True
        try:
            await still_holds()
        except (Unauthenticated, PermissionDenied, NotFound):
            return False
        except Unavailable as error:
            logger.warning("a stream goes on unchecked: %s", error)
        return True


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if status == 405:
        headers.append((b"allow", b"GET, HEAD, POST, DELETE"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
