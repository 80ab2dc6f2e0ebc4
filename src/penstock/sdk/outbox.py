"""A bounded queue and one thread that empties it, so that an application never waits for what it tells."""

import logging
import os
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from penstock.core.clock import Clock
from penstock.sdk.state import Delivery

__all__ = ["Bounds", "Outbox"]

logger = logging.getLogger("penstock")

T = TypeVar("T")
WARN_SECONDS = 30.0
"""Between two warnings about what was lost."""


class Bounds(NamedTuple):
    """How much waits, and how much is sent at once."""

    items: int = 8192
    """That wait at most."""
    weight: int = 64 * 1024 * 1024
    """Bytes, roughly, that wait at most."""
    batch: int = 512
    batch_weight: int = 4 * 1024 * 1024
    """Bytes, roughly, of one batch; a single heavier item is sent alone."""
    seconds: float = 1.0
    """How long an item waits for others to be sent with."""


class Outbox(Generic[T]):
    """Takes items from any thread and hands them to `send` in batches, in order, from a thread of its own.

    When it is full, an item is dropped and counted: one that is not `vital` before one that is. After a fork the
    child begins empty, with a thread of its own when it needs one; what waited stays with the parent.

    Args:
        send: Delivers a batch; True when it arrived. It may block, hang or raise: only the outbox's thread waits.
        name: Of what is sent, in warnings: `spans`.
        weigh: Bytes of an item, roughly.
        bounds: How much waits.
        clock: Says how long an item has waited.
        finish: Called on the outbox's thread once everything is sent and no more will come.
    """

    def __init__(
        self,
        send: Callable[[list[T]], bool],
        *,
        name: str,
        weigh: Callable[[T], int],
        clock: Clock,
        bounds: Bounds = Bounds(),  # noqa: B008 - immutable
        finish: Callable[[], None] | None = None,
    ) -> None:
        self._send = send
        self._name = name
        self._weigh = weigh
        self._bounds = bounds
        self._clock = clock
        self._finish = finish
        self._start_over()
        _outboxes.add(self)

    def _start_over(self) -> None:
        self._changed = threading.Condition()
        self._items: OrderedDict[int, tuple[T, int]] = OrderedDict()
        self._expendable: deque[int] = deque()
        self._weight = 0
        self._last = 0
        self._flush_to = 0
        self._since = 0.0
        self._sending: list[int] = []
        self._thread: threading.Thread | None = None
        self._closed = False
        self._abandoned = False
        self._sent = self._dropped = self._failed = 0
        self._warned_at = float("-inf")

    @property
    def delivery(self) -> Delivery:
        with self._changed:
            return Delivery(
                queued=len(self._items) + len(self._sending),
                sent=self._sent,
                dropped=self._dropped,
                failed=self._failed,
            )

    def put(self, item: T, *, vital: bool = False) -> bool:
        """Take an item; False when it, or one that matters less, had to be dropped. Never blocks on sending."""
        weight = self._weigh(item)
        with self._changed:
            if self._closed:
                self._lose(1)
                return False
            kept = self._make_room(weight, vital=vital)
            if kept is None:
                return False
            if not self._items:
                self._since = self._clock.monotonic()
            self._last += 1
            self._items[self._last] = (item, weight)
            self._weight += weight
            if not vital:
                self._expendable.append(self._last)
            if self._thread is None:
                self._start()
            if len(self._items) == 1 or self._is_full_batch():
                self._changed.notify_all()
        return kept

    def _make_room(self, weight: int, *, vital: bool) -> bool | None:
        """True: there is room. False: there is, since others gave way. None: the item itself is dropped."""
        bounds = self._bounds
        room = True
        while len(self._items) >= bounds.items or (self._items and self._weight + weight > bounds.weight):
            room = False
            if not vital or not self._expendable:
                self._lose(1)
                return None
            # The newest: what waits longest belongs to traces that are nearer to being whole.
            _, freed = self._items.pop(self._expendable.pop())
            self._weight -= freed
            self._lose(1)
        return room

    def _is_full_batch(self) -> bool:
        return len(self._items) >= self._bounds.batch or self._weight >= self._bounds.batch_weight

    def flush(self, timeout: float) -> bool:
        """Send what has been put so far; False when that was not done within `timeout` seconds."""
        with self._changed:
            goal = self._flush_to = self._last
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._is_through(goal), timeout)

    def begin_close(self) -> None:
        """Take nothing more; what waits is sent."""
        with self._changed:
            self._closed = True
            if self._thread is None:
                self._start()
            self._changed.notify_all()

    def close(self, timeout: float) -> bool:
        """Take nothing more, and wait `timeout` seconds at most until what waits is sent. What is left is dropped."""
        self.begin_close()
        with self._changed:
            through = self._changed.wait_for(lambda: self._is_through(self._last), timeout)
            if not through and not self._abandoned:
                self._abandoned = True
                self._lose(len(self._items) + len(self._sending))
                self._items.clear()
                self._sending = []
                self._expendable.clear()
                self._weight = 0
                self._changed.notify_all()
            return through and not self._abandoned

    def _is_through(self, goal: int) -> bool:
        waiting = self._sending[0] if self._sending else next(iter(self._items), goal + 1)
        return waiting > goal

    def _start(self) -> None:
        # A daemon, so that a send that hangs cannot keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"penstock-{self._name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        changed = self._changed
        while True:
            with changed:
                while not self._is_due():
                    changed.wait(self._patience())
                if self._abandoned or not self._items:
                    break
                batch = self._take()
            arrived = self._deliver(batch)
            with changed:
                if self._abandoned:
                    break
                self._sending = []
                if arrived:
                    self._sent += len(batch)
                else:
                    self._failed += len(batch)
                    self._warn()
                changed.notify_all()
        if self._finish is not None and not self._abandoned:
            self._finish()

    def _is_due(self) -> bool:
        if self._closed:
            return True
        if not self._items:
            return False
        overdue = self._clock.monotonic() - self._since >= self._bounds.seconds
        return overdue or self._is_full_batch() or next(iter(self._items)) <= self._flush_to

    def _patience(self) -> float | None:
        """Seconds until something may be due; None while nothing waits, so that an idle process is not woken."""
        if not self._items:
            return None
        return max(0.001, self._since + self._bounds.seconds - self._clock.monotonic())

    def _take(self) -> list[T]:
        batch: list[T] = []
        weight = 0
        while self._items and len(batch) < self._bounds.batch:
            number, (item, its_weight) = next(iter(self._items.items()))
            if batch and weight + its_weight > self._bounds.batch_weight:
                break
            del self._items[number]
            self._sending.append(number)
            weight += its_weight
            batch.append(item)
        self._weight -= weight
        while self._expendable and self._expendable[0] <= self._sending[-1]:
            self._expendable.popleft()
        self._since = self._clock.monotonic()
        return batch

    def _deliver(self, batch: list[T]) -> bool:
        try:
            return self._send(batch)
        except Exception:
            # The boundary: an exporter is anybody's code, and the thread has to go on.
            logger.exception("%d %s could not be sent", len(batch), self._name)
            return False

    def _lose(self, count: int) -> None:
        self._dropped += count
        self._warn()

    def _warn(self) -> None:
        now = self._clock.monotonic()
        if now - self._warned_at >= WARN_SECONDS:
            self._warned_at = now
            logger.warning(
                "%s were lost since the start: %d dropped, %d not delivered", self._name, self._dropped, self._failed
            )

    def begin_in_child(self) -> None:
        """After a fork: nothing waits, nobody sends. The parent sends what waited there."""
        self._start_over()


_outboxes: "weakref.WeakSet[Outbox[Any]]" = weakref.WeakSet()


def _after_fork() -> None:
    for outbox in list(_outboxes):
        outbox.begin_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
