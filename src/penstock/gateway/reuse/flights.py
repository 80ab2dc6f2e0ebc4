"""Identical calls in flight: one goes to the provider, the others are given its answer.

The first caller of a key gets the `Lead` and makes the call; who comes while it is in flight gets a `Follower`.
A follower that wants the very bytes of the lead (`same_bytes`) is given them live, from the beginning; any other
waits for the whole answer. A lead that fails takes nobody with it, unless the provider's refusal speaks of the
question itself: its followers come back (`FlightLost`), and the first to do so leads the next flight, so that a
failing provider is asked by one at a time.

How a caller uses it: `join`, up to `JOINS` times. With a `Lead`, inside `with lead:` make the call, `publish` what
is written to the caller, then `finish` or `fail`. With a `Follower`, inside `with follower:` iterate `stream()` when
it is `live`, else await `wait()`; on `FlightLost` join again. A `FlightLost` without an error means that the answer
cannot be shared: make the call without a flight. After `JOINS` flights the last error is the caller's own.

Memory is bounded: per flight and over all flights. A flight that outgrows its bound takes no new followers and keeps
only what its slowest live follower has still to read; a follower that falls behind by more than the bound is dropped.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from types import TracebackType
from typing import Final, Self

from penstock.core.errors import PenstockError, Unavailable, UpstreamError
from penstock.wire.answers import CachedAnswer

__all__ = ["JOINS", "FlightLost", "Flights", "Follower", "Lead"]

JOINS: Final = 3
"""Flights that a caller takes at most: after that the last error is its own."""
FLIGHT_BYTES: Final = 1024 * 1024
ALL_FLIGHTS_BYTES: Final = 32 * 1024 * 1024

Form = Hashable


class FlightLost(Exception):
    """This follower was given nothing, and will not be.

    Attributes:
        error: Why the lead failed: join again, or tell the caller this. None: the lead has its answer, which is too
            large to be shared, so make the call without a flight.
    """

    def __init__(self, error: PenstockError | None = None) -> None:
        super().__init__("the answer cannot be shared" if error is None else str(error))
        self.error = error


class Flights:
    """The calls in flight of one worker.

    Args:
        flight_bytes: Bytes of one stream that are kept for followers, at most.
        all_bytes: Bytes of all streams together.
    """

    def __init__(self, *, flight_bytes: int = FLIGHT_BYTES, all_bytes: int = ALL_FLIGHTS_BYTES) -> None:
        self._flights: dict[str, _Flight] = {}
        self.flight_bytes = flight_bytes
        self.all_bytes = all_bytes
        self.held = 0
        """Bytes kept for followers now."""

    def __len__(self) -> int:
        """Flights that can be joined."""
        return len(self._flights)

    def join(self, key: str, form: Form) -> "Lead | Follower":
        """A place in the flight of this key; the lead's when there is none.

        Args:
            key: Of the cache: equal for calls that may be given each other's answers.
            form: Equal for calls whose bytes are the same; see `fingerprint.same_bytes`.
        """
        flight = self._flights.get(key)
        if flight is not None:
            return Follower(flight, live=flight.form == form)
        flight = self._flights[key] = _Flight(self, key, form)
        return Lead(flight)

    def close(self, flight: "_Flight") -> None:
        """Let nobody else join it."""
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]


class _Flight:
    """What the lead and its followers share."""

    def __init__(self, flights: Flights, key: str, form: Form) -> None:
        self.flights = flights
        self.key = key
        self.form = form
        self.followers: set[Follower] = set()
        self.chunks: list[bytes] = []
        self.first = 0
        """Number of the chunk that stands first in `chunks`: those before were read by all."""
        self.size = 0
        self.joinable = True
        self.over = False
        self.answer: CachedAnswer | None = None
        self.tail = b""
        self.error: PenstockError | None = None
        self.cancel: Callable[[], None] | None = None
        """How to stop the call once nobody wants it, when the lead's own caller has left."""

    def publish(self, chunk: bytes) -> None:
        if not self.joinable and not self.followers:
            return
        self.chunks.append(chunk)
        self.size += len(chunk)
        self.flights.held += len(chunk)
        if self.size > self.flights.flight_bytes or self.flights.held > self.flights.all_bytes:
            self.seal()
            self.trim()
        self.wake()

    def seal(self) -> None:
        self.joinable = False
        self.flights.close(self)

    def trim(self) -> None:
        """Forget what every follower has read; drop those that are too far behind."""
        for follower in list(self.followers):
            if follower.live and self._behind(follower) > self.flights.flight_bytes:
                follower.dropped = True
                follower.leave()
        self._forget(min((f.position for f in self.followers if f.live), default=self.first + len(self.chunks)))

    def release(self) -> None:
        """Nothing more is to be read."""
        self._forget(self.first + len(self.chunks))

    def wake(self) -> None:
        for follower in self.followers:
            follower.news.set()

    def settle(self) -> None:
        self.over = True
        self.seal()
        self.wake()
        if not self.followers:
            self.release()

    def _behind(self, follower: "Follower") -> int:
        return sum(len(chunk) for chunk in self.chunks[max(0, follower.position - self.first) :])

    def _forget(self, before: int) -> None:
        count = before - self.first
        if count <= 0:
            return
        gone = sum(len(chunk) for chunk in self.chunks[:count])
        del self.chunks[:count]
        self.first = before
        self.size -= gone
        self.flights.held -= gone


class Lead:
    """The place of the caller that makes the call. A context manager: left unsettled, the flight has failed."""

    def __init__(self, flight: _Flight) -> None:
        self._flight = flight

    @property
    def followers(self) -> int:
        return len(self._flight.followers)

    def publish(self, chunk: bytes) -> None:
        """Bytes that the lead's caller is given, content included, in the caller's dialect. Never waits."""
        if chunk and not self._flight.over:
            self._flight.publish(chunk)

    def finish(self, answer: CachedAnswer | None, *, tail: bytes = b"") -> None:
        """The call has succeeded.

        Args:
            answer: The whole of it, cacheable or not; None when it is not known as a whole (too large to put
                together): who waits for it then makes the call by itself.
            tail: The last bytes of a stream, which followers send after their own record.
        """
        flight = self._flight
        if not flight.over:
            flight.answer, flight.tail = answer, tail
            flight.settle()

    def fail(self, error: PenstockError) -> None:
        """The call has failed."""
        if not self._flight.over:
            self._flight.error = error
            self._flight.settle()

    def leave(self, cancel: Callable[[], None]) -> bool:
        """The lead's own caller has gone.

        Returns:
            True: others want the answer, so the call must go on; `cancel` is called if all of them leave too.
            False: nobody does, and nobody can join any more: cancel it now.
        """
        flight = self._flight
        if flight.over:
            return False
        if flight.followers:
            flight.cancel = cancel
            return True
        flight.seal()
        flight.release()
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._flight.over:
            self.fail(error if isinstance(error, PenstockError) else _abandoned())
        self._flight.cancel = None


class Follower:
    """A place beside the lead. A context manager: leave it when the caller has gone or was answered.

    Attributes:
        live: The bytes of the lead are right for this caller: `stream` gives them as they come.
        tail: After `stream`: the last bytes, to be sent once the call is recorded.
        answer: After `stream` or `wait`: the whole answer, for the record; None when it is not known.
    """

    def __init__(self, flight: _Flight, *, live: bool) -> None:
        self._flight = flight
        self.live = live
        self.news = asyncio.Event()
        self.position = flight.first
        """Number of the chunk that is read next."""
        self.dropped = False
        flight.followers.add(self)

    @property
    def answer(self) -> CachedAnswer | None:
        return self._flight.answer

    @property
    def tail(self) -> bytes:
        return self._flight.tail

    async def wait(self) -> CachedAnswer:
        """The whole answer.

        Raises:
            FlightLost: the lead failed, or its answer is not known as a whole.
            UpstreamError: the provider refused the question itself, which it would do again.
        """
        while not self._flight.over:
            await self._next_news()
        self._check(given=False)
        if self._flight.answer is None:
            raise FlightLost
        return self._flight.answer

    async def stream(self) -> AsyncIterator[bytes]:
        """The lead's bytes from the beginning, all but the tail. Only for a `live` follower.

        Raises:
            FlightLost: the lead failed before this caller was given anything, or ran away from it.
            UpstreamError: the provider refused the question itself.
            PenstockError: the lead failed later; this caller's stream ends with that error.
        """
        flight = self._flight
        given = False
        while True:
            if flight.over and not given:
                self._check(given=False)
            while not self.dropped and self.position < flight.first + len(flight.chunks):
                chunk = flight.chunks[self.position - flight.first]
                self.position += 1
                given = True
                yield chunk
            if self.dropped:
                raise _too_slow() if given else FlightLost
            if flight.over:
                self._check(given=given)
                return
            if not flight.joinable:
                flight.trim()
            await self._next_news()

    def leave(self) -> None:
        """The caller has gone or was answered. The last to leave a call whose own caller has gone stops it."""
        flight = self._flight
        if self not in flight.followers:
            return
        flight.followers.discard(self)
        self.news.set()
        if flight.followers:
            return
        if flight.over or not flight.joinable:
            flight.release()
        if flight.cancel is not None and not flight.over:
            cancel, flight.cancel = flight.cancel, None
            flight.seal()
            cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    async def _next_news(self) -> None:
        await self.news.wait()
        self.news.clear()

    def _check(self, *, given: bool) -> None:
        error = self._flight.error
        if error is None:
            return
        if given or (isinstance(error, UpstreamError) and not error.retryable):
            raise error
        raise FlightLost(error)


def _abandoned() -> PenstockError:
    return Unavailable("The identical call that this one waited for was given up.", code="flight_abandoned")


def _too_slow() -> PenstockError:
    return Unavailable(
        "The answer of an identical call came faster than this caller read it, and is not kept any longer.",
        hint="Send the call again.",
        code="flight_outrun",
    )
