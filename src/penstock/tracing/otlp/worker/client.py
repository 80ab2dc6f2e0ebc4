"""The console's side of the process that maps large requests."""

import asyncio
import logging
import queue
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from penstock.core.clock import Clock
from penstock.core.errors import PenstockError, Unavailable
from penstock.tracing.otlp.request import Arrived
from penstock.tracing.otlp.types import Mapped
from penstock.tracing.otlp.worker.frames import READY, receive_answer, send_request

__all__ = ["MappingWorker"]

logger = logging.getLogger(__name__)

LANES = 2
"""Requests under way at a time: one is mapped while the next is handed over."""
START_SECONDS = 5.0
"""Between two starts, so that a process that cannot live does not keep the machine busy."""
STOP_SECONDS = 5.0
PATIENCE = struct.pack("ll", 120, 0)
"""A `timeval`: how long a process may take that is neither dead nor done. Then it is killed."""


class MappingWorker:
    """Maps requests in a process of its own, which is started with the first of them.

    Until the process is ready, and while it cannot be started, `map` answers None, and the caller maps by itself. The
    process ends by itself after a while without requests, and with this process, however that ends.

    Args:
        command: Arguments after `python`, without those of the lanes: `--lanes 5,7`.
        clock: Time between starts.
    """

    def __init__(self, command: Sequence[str], *, clock: Clock) -> None:
        self._command = [sys.executable, *command]
        self._clock = clock
        self._running: _Process | None = None
        self._started_at = float("-inf")
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(max_workers=LANES, thread_name_prefix="mapping")
        self.starts = 0
        """How often the process was started."""

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one that is ready."""
        running = self._running
        return running.pid if running is not None and running.ready else None

    def wanted(self) -> bool:
        """Whether a request can be handed over now. Starts the process where there is none; that takes milliseconds."""
        with self._lock:
            if self._running is None:
                self._start()
            elif not self._running.ready and self._running.has_died():
                logger.error("the process that maps spans died before it was ready")
                self._running.end()
                self._running = None
            return self._running is not None and self._running.ready

    async def map(self, arrived: Arrived, parts: list[bytes]) -> Mapped | None:
        """The lines of a request; None when the process has ended by itself and has not seen it.

        Args:
            arrived: What is known of the request.
            parts: Its body; still whole when None is returned.

        Raises:
            Unavailable: the process died with the request in hand, which may be why.
            UnsupportedMedia, InvalidInput, TooLarge: as `map_request` does.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._exchange, arrived, parts)

    def close(self) -> None:
        """Wait for the requests under way and end the process."""
        self._threads.shutdown(wait=True)
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            running.end()

    def _start(self) -> None:
        now = self._clock.monotonic()
        if now - self._started_at < START_SECONDS:
            return
        self._started_at = now
        try:
            self._running = _Process(self._command)
        except OSError as error:
            logger.error("the process that maps spans cannot be started: %s", error)  # noqa: TRY400 - no defect of ours
            return
        self.starts += 1

    def _exchange(self, arrived: Arrived, parts: Sequence[bytes]) -> Mapped | None:
        """On a thread: hand the request over and wait for its lines."""
        running = self._running
        lane = None if running is None else running.take_lane()
        if running is None or lane is None:
            return None
        try:
            send_request(lane, arrived, parts)
            answer = receive_answer(lane)
        except OSError:
            answer = None
        except PenstockError:
            running.give_back(lane)
            raise
        if isinstance(answer, Mapped):
            running.give_back(lane)
            return answer
        lane.close()
        return self._lost(running)

    def _lost(self, running: "_Process") -> None:
        """The process is gone. Returns when it left by itself, which it does between requests only."""
        with self._lock:
            if self._running is running:
                self._running = None
        code = running.end()
        if code == 0:
            return
        logger.error("the process that maps spans died (exit code %d); it is started again when it is needed", code)
        raise Unavailable(
            "The process that maps spans died with this request in hand.",
            hint="Send it again.",
            code="mapping_interrupted",
            retry_after=1,
        )


class _Process:
    """One process and its lanes."""

    def __init__(self, command: Sequence[str]) -> None:
        pairs = [socket.socketpair() for _ in range(LANES)]
        theirs = [their for _, their in pairs]
        numbers = ",".join(str(their.fileno()) for their in theirs)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*command, "--lanes", numbers],
                stdin=subprocess.DEVNULL,
                pass_fds=[their.fileno() for their in theirs],
                # What the terminal sends to stop everything is not for it: it ends with the console.
                start_new_session=True,
            )
        except BaseException:
            for our, _ in pairs:
                our.close()
            raise
        finally:
            for their in theirs:
                their.close()
        self.pid = self._process.pid
        self.ready = False
        self._over = False
        self._first = pairs[0][0]
        self._lanes: queue.SimpleQueue[socket.socket] = queue.SimpleQueue()
        for our, _ in pairs:
            our.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, PATIENCE)
            our.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, PATIENCE)
            self._lanes.put(our)

    def has_died(self) -> bool:
        """Looks for its first word, which makes it `ready`, or its end."""
        try:
            word = self._first.recv(len(READY), socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
        self.ready = word == READY
        return not self.ready

    def take_lane(self) -> socket.socket | None:
        """One that nobody uses; None when the process has been given up."""
        try:
            return self._lanes.get_nowait()
        except queue.Empty:
            return None

    def give_back(self, lane: socket.socket) -> None:
        self._lanes.put(lane)
        if self._over:
            self._close_lanes()

    def end(self) -> int:
        """Close the lanes that nobody uses, wait for the process to end; returns its exit code."""
        self._over = True
        self._close_lanes()
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _close_lanes(self) -> None:
        while (lane := self.take_lane()) is not None:
            lane.close()
