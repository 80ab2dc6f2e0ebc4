"""What belongs to one supervisor at a time: listening ports, and the home's one console."""

import fcntl
import os
import socket
from pathlib import Path
from typing import Self

from penstock.core.errors import Conflict, Unavailable
from penstock.core.home import Home

__all__ = ["LOOPBACK", "ConsoleLock", "address_of", "listen", "url_of"]

LOOPBACK = "127.0.0.1"
BACKLOG = 2048


def listen(host: str, port: int, plane: str) -> socket.socket:
    """A listening socket.

    Raises:
        Unavailable: `port_unavailable`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = "is in use" if getattr(error, "errno", None) == 98 else f"cannot be opened ({error})"
        raise Unavailable(
            f"The {plane}'s port {port} on {host} {reason}.",
            hint=f"Stop what listens there, or choose another with --{plane}-port (0 picks a free one).",
            code="port_unavailable",
        ) from error
    return listener


def address_of(listener: socket.socket) -> tuple[str, int]:
    """Host and port that a socket listens on."""
    host, port = listener.getsockname()[:2]
    return host, port


def url_of(listener: socket.socket) -> str:
    """Where people on this machine reach a listening socket."""
    host, port = address_of(listener)
    shown = {"0.0.0.0": LOOPBACK, "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound
    return f"http://{shown}:{port}"


class ConsoleLock:
    """At most one console runs on a home: its stores have one writer. A context manager that lets go at its end."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._path: Path = home.run / "console.lock"
        self._fd: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def acquire(self) -> None:
        """Take it.

        Raises:
            Conflict: `home_in_use`: another process holds it.
        """
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise Conflict(
                f"Another Penstock console runs on the home {self._home.path}.",
                hint="Take its place with --replace, stop it, or choose another home with --home DIR.",
                code="home_in_use",
            ) from None
        self._fd = fd

    def release(self) -> None:
        """Let go of it, if it is held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
