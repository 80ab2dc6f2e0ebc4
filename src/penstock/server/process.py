"""What every process of Penstock does the same way: logging, readiness, signals, leaving with its parent."""

import asyncio
import contextlib
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
    "set_up_logging",
    "stop_on_signals",
    "stop_with_parent",
    "when_closed",
]

LOG_FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s[%(process)d] %(message)s"
LOG_TIME = "%Y-%m-%dT%H:%M:%S"
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
