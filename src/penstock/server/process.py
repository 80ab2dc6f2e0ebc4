"""What every process of Penstock does the same way: logging, readiness, signals, leaving with its parent."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Generator
from typing import Any

import msgspec

__all__ = [
    "adopt_socket",
    "announce_ready",
    "hold_collector",
    "relax_collector",
    "set_up_logging",
    "stop_on_signals",
    "stop_with_parent",
    "when_closed",
]

LOG_FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s[%(process)d] %(message)s"
LOG_TIME = "%Y-%m-%dT%H:%M:%S"
COLLECT_AFTER = 20_000
"""Container objects made and not yet freed before the collector looks at the young ones."""
NOISY = ("alembic", "asyncio", "sqlglot", "uvicorn", "watchfiles")


@contextlib.contextmanager
def stop_on_signals(stop: Callable[[], None]) -> Generator[None]:
    """Call `stop` on SIGTERM and SIGINT while the body runs; afterwards they change nothing."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
            # A second signal while the last records are written changes nothing.
            signal.signal(number, signal.SIG_IGN)


def set_up_logging(level: str = "INFO") -> None:
    """One line per event on stderr, times in UTC."""
    logging.basicConfig(level=level, format=LOG_FORMAT, datefmt=LOG_TIME, stream=sys.stderr)
    logging.Formatter.converter = time.gmtime
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def hold_collector() -> None:
    """Let the cyclic collector rest while the process starts: hardly anything that a start makes is garbage."""
    gc.disable()


def relax_collector() -> None:
    """Spare every request the cyclic collector's walk over objects that live as long as the process.

    What a request makes is freed by reference counts; what cycles there are wait a little longer. The few that the
    start left are not looked for: that would take a quarter of a second.
    """
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)
    gc.enable()


def adopt_socket(fd: int) -> socket.socket:
    """The listening socket that the parent opened and handed down."""
    listener = socket.socket(fileno=fd)
    listener.setblocking(False)
    return listener


def announce_ready(fd: int | None, **facts: Any) -> None:
    """Tell the parent that this process serves, and what it should know about it."""
    if fd is not None:
        os.write(fd, msgspec.json.encode(facts) + b"\n")
        os.close(fd)


def stop_with_parent(fd: int | None, stop: Callable[[], None]) -> None:
    """Call `stop` when the parent is gone: its end of the pipe closes, however it died."""
    if fd is not None:
        when_closed(fd, stop)


def when_closed(fd: int, call: Callable[[], None]) -> None:
    """Call `call` once, when the other end of a pipe on which nothing is written closes. Takes the descriptor over."""
    loop = asyncio.get_running_loop()

    def closed() -> None:
        loop.remove_reader(fd)
        os.close(fd)
        call()

    loop.add_reader(fd, closed)
