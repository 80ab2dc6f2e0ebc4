"""How a running supervisor is spoken to: by a socket in the home's run folder, over which it can hand its ports on.

A supervisor listens on `run/supervisor-<random>.sock`. One line of JSON asks, one answers. A new supervisor that takes
a running one's place goes through these steps on one connection:

    take_over         → the running one's listening sockets, as file descriptors (SCM_RIGHTS)
                        the new one starts its gateway workers on them; both serve
    release_console   → the running one has stopped its console, so that the new one can start its own
    finish              the running one drains its workers and ends

When the connection ends before `finish`, the running one goes on as if nothing had been: it starts its console again.
The two may be of different versions, so a message may gain members, and none is given another meaning.
"""

import asyncio
import contextlib
import errno
import os
import secrets
import socket
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self, TypeVar

import msgspec

from penstock.core.errors import Conflict, Unavailable

__all__ = [
    "Answer",
    "Connection",
    "Handover",
    "Place",
    "Question",
    "Running",
    "ask",
    "connect",
    "control_socket",
    "find_running",
    "running",
]

PROTOCOL = 1
PATTERN = "supervisor-*.sock"
MAX_LINE = 64 * 1024
MAX_DESCRIPTORS = 8
MAX_PATH = 100
"""Bytes of a socket's path that every system takes; a home may lie deeper."""
ASK_SECONDS = 10.0
T = TypeVar("T")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a supervisor is asked to do."""

    do: Literal["describe", "replace_workers", "take_over", "release_console", "finish"]
    protocol: int = PROTOCOL


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a plane listens."""

    host: str
    port: int


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A supervisor that runs."""

    pid: int
    program: str
    """Version of Penstock."""
    planes: dict[str, Place]
    """`gateway` and `console`, those that it runs."""
    workers: int
    protocol: int = PROTOCOL


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a supervisor answers."""

    error: str | None = None
    """Why it did not do it; None when it did."""
    running: Running | None = None
    sockets: tuple[str, ...] = ()
    """Names of the sockets whose descriptors come along, in their order."""
    replaced: int = 0
    """How many workers."""


class Connection:
    """One end of a connection between two supervisors, or a command and one. Takes the socket over."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self._socket = connected
        self._received = b""
        self.descriptors: list[int] = []
        """Those that came and belong to the receiver."""

    async def send(self, message: msgspec.Struct, *, descriptors: Sequence[int] = ()) -> None:
        """Send one message, and with it copies of file descriptors.

        Raises:
            OSError: the other end is gone.
        """
        line = msgspec.json.encode(message) + b"\n"
        if descriptors:
            # They travel with the first byte; a line of this size goes into an empty buffer whole.
            line = line[socket.send_fds(self._socket, [line], list(descriptors)) :]
        if line:
            await asyncio.get_running_loop().sock_sendall(self._socket, line)

    async def receive(self, kind: type[T]) -> T | None:
        """The next message; None when the other end is gone.

        Raises:
            msgspec.MsgspecError: it is not one of `kind`.
        """
        while b"\n" not in self._received:
            if len(self._received) > MAX_LINE:
                return None
            await self._readable()
            try:
                data, descriptors, _, _ = socket.recv_fds(self._socket, MAX_LINE, MAX_DESCRIPTORS)
            except BlockingIOError:
                continue
            except OSError:
                return None
            for descriptor in descriptors:
                os.set_inheritable(descriptor, False)
            self.descriptors += descriptors
            if not data:
                return None
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return msgspec.json.decode(line, type=kind)

    async def _readable(self) -> None:
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._socket, event.set)
        try:
            await event.wait()
        finally:
            loop.remove_reader(self._socket)

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = []
        self._socket.close()


class Handover:
    """The taking of a running supervisor's place, from the new one's side. A context manager: leaving it before
    `finish` leaves everything to the running one.

    Args:
        connection: To the running supervisor; taken over.
        running: What it said of itself.
    """

    def __init__(self, connection: Connection, running: Running) -> None:
        self._connection = connection
        self.running = running

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    async def sockets(self) -> dict[str, socket.socket]:
        """The running one's listening sockets: `gateway`, `console`, `simulator`, those that it has.

        Raises:
            Unavailable: it did not hand them over.
        """
        try:
            async with asyncio.timeout(ASK_SECONDS):
                answer = await self._ask("take_over")
        except TimeoutError:
            answer = None
        if answer is None or len(answer.sockets) != len(self._connection.descriptors):
            raise Unavailable("The running Penstock did not hand over its ports.", code="takeover_failed")
        descriptors, self._connection.descriptors = self._connection.descriptors, []
        return {
            name: socket.socket(fileno=descriptor) for name, descriptor in zip(answer.sockets, descriptors, strict=True)
        }

    async def release_console(self) -> None:
        """Return when the running one's console has stopped, or the running one itself."""
        await self._ask("release_console")

    async def finish(self) -> None:
        """Have the running one drain and end; it may have ended already."""
        with contextlib.suppress(OSError):
            await self._connection.send(Question(do="finish"))

    async def _ask(self, do: Literal["take_over", "release_console"]) -> Answer | None:
        try:
            await self._connection.send(Question(do=do))
            answer = await self._connection.receive(Answer)
        except (OSError, msgspec.MsgspecError) as error:
            raise Unavailable(f"The running Penstock cannot be spoken to: {error}.", code="takeover_failed") from error
        if answer is not None and answer.error is not None:
            raise Conflict(answer.error, code="takeover_refused")
        return answer


@contextlib.contextmanager
def control_socket(folder: Path) -> Generator[socket.socket]:
    """A supervisor's own socket in the run folder, for its owner only; removed at the end.

    Raises:
        OSError: it cannot be made.
    """
    path = folder / PATTERN.replace("*", secrets.token_hex(4))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    with contextlib.closing(listener):
        with _short(path) as short:
            listener.bind(short)
        try:
            path.chmod(0o600)
            listener.listen(8)
            yield listener
        finally:
            path.unlink(missing_ok=True)


async def running(folder: Path) -> list[tuple[Path, Running]]:
    """The supervisors that run on a home, by the sockets in its run folder; what a dead one left is removed."""
    found: list[tuple[Path, Running]] = []
    for path in _sockets(folder):
        try:
            connection = connect(path)
        except OSError as error:
            if error.errno == errno.ECONNREFUSED:
                path.unlink(missing_ok=True)
            continue
        with contextlib.closing(connection):
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    await connection.send(Question(do="describe"))
                    answer = await connection.receive(Answer)
            except (OSError, TimeoutError, msgspec.MsgspecError):
                continue
        if answer is not None and answer.running is not None:
            found.append((path, answer.running))
    return found


def _sockets(folder: Path) -> list[Path]:
    return sorted(folder.glob(PATTERN))


async def find_running(folder: Path, wanted: Mapping[str, int | None], *, host: str | None) -> Handover | None:
    """The one supervisor whose place a new one is to take; None when none runs.

    Args:
        folder: The home's run folder.
        wanted: The planes that the new one runs, with the port that each was given; None and 0 are any.
        host: Address that was given; None is any.

    Raises:
        Conflict: what runs has other planes or ports, or several could be meant.
    """
    alive = [(path, one) for path, one in await running(folder) if set(one.planes) & set(wanted)]
    same = [(path, one) for path, one in alive if set(one.planes) == set(wanted)]
    if len(same) > 1:
        same = [(path, one) for path, one in same if _problem(one, wanted, host) is None] or same
    if not alive:
        return None
    if len(same) != 1:
        shown = "; ".join(f"process {one.pid} runs {' and '.join(one.planes)}" for _, one in alive)
        raise Conflict(
            f"Expected one running Penstock with {' and '.join(wanted)} to replace, and found: {shown}.",
            hint="Replace it with the command that started it; of several gateways, give the port of one.",
            code="takeover_ambiguous",
        )
    path, one = same[0]
    problem = _problem(one, wanted, host)
    if problem is not None:
        raise Conflict(problem, hint="Leave the option out to keep what it has.", code="takeover_elsewhere")
    try:
        return Handover(connect(path), one)
    except OSError as error:
        raise Unavailable(f"The running Penstock cannot be spoken to: {error}.", code="takeover_failed") from error


async def ask(path: Path, question: Question) -> Answer:
    """One question to the supervisor behind a socket, however long it takes.

    Raises:
        PenstockError: it said no, or is gone.
    """
    try:
        with contextlib.closing(connect(path)) as connection:
            await connection.send(question)
            answer = await connection.receive(Answer)
    except (OSError, msgspec.MsgspecError) as error:
        raise Unavailable(f"The running Penstock cannot be spoken to: {error}.", code="takeover_failed") from error
    if answer is None:
        raise Unavailable("The running Penstock ended before it answered.", code="takeover_failed")
    if answer.error is not None:
        raise Conflict(answer.error, code="takeover_refused")
    return answer


def connect(path: Path) -> Connection:
    """A connection to the supervisor behind a socket.

    Raises:
        OSError: nothing listens there.
    """
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(path) as short:
            connected.connect(short)
    except OSError:
        connected.close()
        raise
    return Connection(connected)


def _problem(one: Running, wanted: Mapping[str, int | None], host: str | None) -> str | None:
    """Why this one's place is not the one that was asked for."""
    if one.protocol != PROTOCOL:
        return f"The running Penstock is of version {one.program}, which cannot hand over to this one."
    for plane, port in wanted.items():
        place = one.planes[plane]
        if port and port != place.port:
            return f"The running {plane} listens on port {place.port}, and port {port} was asked for."
        if host is not None and host != place.host:
            return f"The running {plane} listens on {place.host}, and {host} was asked for."
    return None


@contextlib.contextmanager
def _short(path: Path) -> Generator[str]:
    """A name of a socket that is short enough for the system, whatever folder it lies in."""
    if len(os.fsencode(path)) <= MAX_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
