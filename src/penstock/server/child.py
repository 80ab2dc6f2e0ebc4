"""A process that is kept running."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from typing import Any

import msgspec

from penstock.core.errors import PenstockError, Unavailable

__all__ = ["STOP_SECONDS", "Child"]

logger = logging.getLogger(__name__)

STOP_SECONDS = 60.0
"""How long after the end of the drain what has not stopped is killed."""
LAST_BREATH_SECONDS = 5.0
FIRST_BACKOFF = 0.1
LAST_BACKOFF = 2.0
STEADY_SECONDS = 1.0
"""A child that served this long before it died is restarted at once; one that dies sooner waits longer each time."""


class Child:
    """A process that is kept running.

    Args:
        name: For people and logs.
        arguments: Command line after `python`.
        listener: Socket it inherits; None for none.
        lifeline: Read end of the pipe whose end tells it that the supervisor is gone.
        published: Read end of the pipe whose end tells it that the console has published; None when it need not know.
    """

    def __init__(
        self,
        name: str,
        arguments: list[str],
        *,
        listener: socket.socket | None,
        lifeline: int,
        published: int | None = None,
    ) -> None:
        self.name = name
        self.facts: dict[str, Any] = {}
        self.restarts = 0
        self._arguments = arguments
        self._listener = listener
        self._lifeline = lifeline
        self._published = published
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    @property
    def plane(self) -> str:
        """`gateway`, `console` or `simulator`."""
        return self.name.split()[0]

    def another(self) -> "Child":
        """A child like this one, not started."""
        return Child(
            self.name,
            self._arguments,
            listener=self._listener,
            lifeline=self._lifeline,
            published=self._published,
        )

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start it and wait until it says that it serves.

        Raises:
            Unavailable: it ended, or said nothing in time.
        """
        ready, tell = os.pipe()
        arguments = [*self._arguments, "--ready-fd", str(tell), "--parent-fd", str(self._lifeline)]
        inherited = [tell, self._lifeline]
        if self._listener is not None:
            arguments += ["--listen-fd", str(self._listener.fileno())]
            inherited.append(self._listener.fileno())
        if self._published is not None:
            arguments += ["--published-fd", str(self._published)]
            inherited.append(self._published)
        try:
            # A group of its own, so that Ctrl-C reaches the supervisor alone; but no session of its own: to each of
            # those the kernel gives an equal share, and the console's niceness would mean nothing to the gateway.
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, pass_fds=inherited, process_group=0, stdin=asyncio.subprocess.DEVNULL
            )
        finally:
            os.close(tell)
        line = await _read_line(ready)
        if not line:
            code = await self._ended()
            raise Unavailable(
                f"The {self.name} did not start (exit code {code}); its own message is above.", code="start_failed"
            )
        self.facts = msgspec.json.decode(line, type=dict[str, Any])

    async def keep(self) -> None:
        """Restart it whenever it dies, until `stop`."""
        loop = asyncio.get_running_loop()
        backoff = FIRST_BACKOFF
        while True:
            began = loop.time()
            assert self._process is not None  # noqa: S101 - keep() follows start()
            code = await self._process.wait()
            if self._stopping.is_set():
                return
            backoff = FIRST_BACKOFF if loop.time() - began > STEADY_SECONDS else min(backoff * 2, LAST_BACKOFF)
            logger.error("the %s died (%s); restarting it in %.1f s", self.name, _exit_text(code), backoff)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), backoff)
                return
            self.restarts += 1
            try:
                await self.start()
            except PenstockError as error:
                logger.error("%s", error)  # noqa: TRY400 - the child has printed its own traceback
            if self._stopping.is_set():
                # `stop` saw only the process before this one.
                await self.stop()

    async def stop(self, patience: float = STOP_SECONDS) -> None:
        """Ask it to finish its work and end; kill it when it has not after `patience` seconds."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), patience)
        except TimeoutError:
            logger.error("the %s did not stop within %.0f s and was killed", self.name, patience)  # noqa: TRY400 - nothing raised
            await self._end()

    async def _ended(self) -> int:
        """Exit code of one that has closed its pipe, which it does when it is about to end."""
        assert self._process is not None  # noqa: S101 - only after start()
        try:
            return await asyncio.wait_for(self._process.wait(), LAST_BREATH_SECONDS)
        except TimeoutError:
            return await self._end()

    async def _end(self) -> int:
        assert self._process is not None  # noqa: S101 - only after start()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        return await self._process.wait()


async def _read_line(fd: int) -> bytes:
    """The first line of a pipe; empty when the writer ends without one."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", 0))
    try:
        return await reader.readline()
    finally:
        transport.close()


def _exit_text(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
