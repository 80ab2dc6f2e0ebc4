"""Context on the way to the gateway: headers that HTTP clients add, to the gateway's own address and no other."""

import functools
import importlib
import importlib.util
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from penstock.core.errors import InvalidInput
from penstock.sdk.context import headers

__all__ = ["Propagation", "origin_of"]

CLIENTS = (
    ("httpx2", "Client", "send"),
    ("httpx2", "AsyncClient", "send"),
    ("httpx", "Client", "send"),
    ("httpx", "AsyncClient", "send"),
    ("requests", "Session", "send"),
)
"""What the SDKs of OpenAI and Anthropic, and most others, send with. Both `send` take the request first."""
PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]


def origin_of(url: str, *, field: str) -> Origin:
    """Scheme, host and port of an address.

    Raises:
        InvalidInput: `address_invalid`: not an address of HTTP; `field` says which one is meant.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme in PORTS and parts.hostname:
            return parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme]
    except ValueError:
        pass
    raise InvalidInput(
        f"{field} is an address like http://127.0.0.1:4100, got {url!r}.", field=field, code="address_invalid"
    )


class Propagation:
    """Adds `traceparent`, session, user and tags to requests to these origins. A header that is there stays.

    Clients are changed for the whole process until `stop`; what goes elsewhere passes untouched.
    """

    def __init__(self, origins: Iterable[Origin]) -> None:
        self._origins: frozenset[Origin] = frozenset(origins)
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Change the clients that are installed."""
        for module, kind, method in CLIENTS:
            if importlib.util.find_spec(module) is not None:
                self._wrap(getattr(importlib.import_module(module), kind), method)

    def stop(self) -> None:
        """Give the clients back as they were."""
        self._origins = frozenset()
        while self._undo:
            self._undo.pop()()

    def _wrap(self, kind: Any, method: str) -> None:
        original = kind.__dict__[method]

        @functools.wraps(original)
        def send(client: Any, request: Any, *arguments: Any, **named: Any) -> Any:
            self._add(request)
            return original(client, request, *arguments, **named)

        def undo() -> None:
            # Whoever has wrapped it since keeps it; without origins it changes nothing.
            if kind.__dict__[method] is send:
                setattr(kind, method, original)

        setattr(kind, method, send)
        self._undo.append(undo)

    def _add(self, request: Any) -> None:
        if not self._origins:
            return
        try:
            origin = origin_of(str(request.url), field="url")
        except InvalidInput:
            return
        if origin in self._origins:
            for name, value in headers().items():
                if name not in request.headers:
                    request.headers[name] = value
