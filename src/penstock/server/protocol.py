"""uvicorn's HTTP protocol with one thing added: the application hears at once when its caller leaves."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["GatewayProtocol"]


class GatewayProtocol(HttpToolsProtocol):
    """Calls `scope["state"]["on_disconnect"]` when a connection is lost before its answer is complete.

    ASGI tells an application through `receive()`, which costs a second task for every request.
    """

    def connection_lost(self, exc: Exception | None) -> None:
        cycle = self.cycle
        super().connection_lost(exc)
        if cycle is not None and not cycle.response_complete:  # pyright: ignore[reportUnnecessaryComparison] - None before the first request
            callback = cycle.scope["state"].get("on_disconnect")  # pyright: ignore[reportTypedDictNotRequiredAccess] - uvicorn always sets it
            if callback is not None:
                callback()
