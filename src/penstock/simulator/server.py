"""Runs a simulator: sockets, signals, readiness."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec
import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from penstock.core.errors import Unavailable
from penstock.core.files import replace_file
from penstock.simulator.app import Simulator
from penstock.simulator.config import SimulatorConfig

__all__ = ["running", "serve", "write_ready_file"]

Ready = Callable[[str], None] | Path
KEEPALIVE_SECONDS = 75
BACKLOG = 2048


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which also hands the application its connection, to be cut or reset."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"] = {"transport": self.transport}


@contextlib.asynccontextmanager
async def running(
    simulator: Simulator, *, host: str = "127.0.0.1", port: int = 0, listen_fd: int | None = None
) -> AsyncGenerator[str]:
    """A simulator that serves within this event loop; gives its base URL.

    With `listen_fd`, a listening socket that is inherited, `host` and `port` mean nothing.

    On leaving, connections are dropped at once: it has nothing to lose.

    Raises:
        Unavailable: the address cannot be listened on.
    """
    config = uvicorn.Config(
        simulator,  # pyright: ignore[reportArgumentType] - uvicorn's ASGI types are narrower than ASGI
        http=_Protocol,
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEPALIVE_SECONDS,
    )
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()

    def protocol() -> asyncio.Protocol:
        return _Protocol(config, state, {}, loop)

    try:
        if listen_fd is None:
            server = await loop.create_server(protocol, host, port, backlog=BACKLOG)
        else:
            server = await loop.create_server(protocol, sock=socket.socket(fileno=listen_fd), backlog=BACKLOG)
    except OSError as error:
        raise Unavailable(
            f"The simulator cannot listen on {host}:{port}: {error.strerror}.",
            hint="Choose another with --port; 0 picks a free one.",
            code="port_in_use",
        ) from error
    try:
        yield _url(server.sockets[0])
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()  # pyright: ignore[reportUnknownMemberType] - one of uvicorn's protocols has no type
        tasks = list(state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    config: SimulatorConfig | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    ready: Ready | None = None,
    ready_fd: int | None = None,
    parent_fd: int | None = None,
    listen_fd: int | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        config: What the simulator is told.
        host: Address to listen on.
        port: 0 picks a free one.
        ready: Called with the base URL once it serves; or a file to write `{"url": …}` to, removed at the end.
        ready_fd: Pipe on which the same is said, as one line, to the process that started this one.
        parent_fd: Pipe whose end means that this process is gone, and the simulator goes too.
        listen_fd: A listening socket of that process, instead of `host` and `port`.

    Raises:
        InvalidInput: the configuration is not valid.
        Unavailable: the address cannot be listened on.
    """
    simulator = Simulator(config)
    running_at = running(simulator, host=host, port=port, listen_fd=listen_fd)
    uvloop.run(_serve(running_at, ready=ready, ready_fd=ready_fd, parent_fd=parent_fd))


async def _serve(
    running_at: AbstractAsyncContextManager[str], *, ready: Ready | None, ready_fd: int | None, parent_fd: int | None
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if parent_fd is not None:
        loop.add_reader(parent_fd, stop.set)
    try:
        async with running_at as url:
            _announce(url, ready, ready_fd)
            await stop.wait()
    finally:
        if isinstance(ready, Path):
            ready.unlink(missing_ok=True)
        if parent_fd is not None:
            loop.remove_reader(parent_fd)


def write_ready_file(path: Path, url: str) -> None:
    """Say in a file, `{"url": …}`, that the simulator serves."""
    replace_file(path.absolute(), _facts(url))


def _facts(url: str) -> bytes:
    return msgspec.json.encode({"url": url, "simulator": True})


def _announce(url: str, ready: Ready | None, ready_fd: int | None) -> None:
    if isinstance(ready, Path):
        write_ready_file(ready, url)
    elif ready is not None:
        ready(url)
    if ready_fd is not None:
        os.write(ready_fd, _facts(url) + b"\n")
        os.close(ready_fd)
