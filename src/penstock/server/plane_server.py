"""The console's HTTP server: uvicorn under this process's own signal handlers."""

import contextlib
from collections.abc import Generator

import uvicorn

from penstock.server.process import stop_on_signals

__all__ = ["PlaneServer"]


class PlaneServer(uvicorn.Server):
    """uvicorn's server, stopped by this process's own signal handlers.

    uvicorn raises a caught SIGTERM again once it has stopped, which would end the process before its
    journal is sealed.
    """

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        with stop_on_signals(self.stop):
            yield

    def stop(self) -> None:
        """Stop accepting, let requests in flight finish, return from `serve`."""
        self.should_exit = True
