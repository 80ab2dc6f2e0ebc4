"""Plays an answer in time, with the fault that befalls it."""

import asyncio
from collections.abc import Iterator
from typing import Final

import msgspec

from penstock.core.clock import Clock
from penstock.simulator.ask import Ask
from penstock.simulator.caller import Caller, Headers
from penstock.simulator.completion import Completion
from penstock.simulator.dialects.types import Dialect, Event, StreamStyle
from penstock.simulator.faults import Fault

__all__ = ["HTML_PAGE", "Player", "enlarge"]

HTML_PAGE: Final = (
    b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)
FAILED_MIDWAY: Final = "The simulated server had an error while it answered."
SLOW_PIECES: Final = 8
"""Pieces in which a slow answer that is not streamed arrives."""
GRAIN: Final = 0.0005
"""Seconds below which waiting is put off: timers have a grain of a millisecond."""
_KEEP_ALIVE: Final = b": keep-alive\n\n"
_NOISE: Final = (
    b': a comment\n\n\n\nevent: simulated_unknown\ndata: {"type":"simulated_unknown"}\n\nid: 7\nretry: 1000\n'
)


class Player:
    """Plays one answer to one caller."""

    def __init__(self, caller: Caller, fault: Fault, *, clock: Clock, events_per_write: int = 1) -> None:
        self._caller = caller
        self.fault = fault
        self._clock = clock
        self._per_write = events_per_write
        self._pending: list[bytes] = []
        self.given = 0
        """Tokens of content that went out as events."""
        self.told = False
        """The answer went out to its end, and told its usage."""
        self._tells = True
        self._due = 0.0

    async def whole(self, status: int, headers: Headers, body: bytes, *, after: float = 0.0) -> None:
        """An answer that is not streamed, `after` seconds from now."""
        fault = self.fault
        await self._caller.wait(after + (fault.delay or 0.0))
        if fault.malformed is not None:
            body = body[:-1] + b",,}"
        if fault.truncate is not None:
            body = body[: len(body) // 2]
        if not self._is_piecemeal():
            await self._caller.answer(status, headers, body)
            self.told = fault.malformed is None and fault.truncate is None
            return
        await self._caller.start(status, [*headers, (b"content-length", b"%d" % len(body))])
        half = len(body) // 2
        if fault.cut is not None or fault.reset is not None or fault.hang is not None:
            await self._caller.write(body[:half])
            await self._end_early()
        size = fault.split or max(1, -(-len(body) // SLOW_PIECES))
        for start in range(0, len(body), size):
            if start:
                await self._breathe(fault.slow or (fault.gap if start // size == fault.gap_after else None) or 0.0)
            await self._caller.write(body[start : start + size])
        await self._caller.write(b"", last=True)
        self.told = fault.malformed is None and fault.truncate is None

    def _is_piecemeal(self) -> bool:
        fault = self.fault
        return any(
            value is not None for value in (fault.cut, fault.reset, fault.hang, fault.slow, fault.split, fault.gap)
        )

    async def _end_early(self) -> None:
        """The ends that leave the body incomplete; each raises."""
        if self.fault.reset is not None:
            await self._breathe(0.0)
            await self._caller.reset()
        if self.fault.cut is not None:
            await self._caller.close()
        await self._caller.wait(None)

    async def _breathe(self, seconds: float) -> None:
        """Wait, and in any case let the loop write what is buffered."""
        await self._caller.wait(seconds)
        await asyncio.sleep(0)

    async def stream(
        self, headers: Headers, dialect: Dialect, ask: Ask, completion: Completion, *, style: StreamStyle
    ) -> None:
        """A streamed answer."""
        await self._caller.wait(self.fault.delay or 0.0)
        await self._caller.start(200, headers)
        if completion.pace.ttft or completion.pace.per_token:
            self._due = self._clock.monotonic() + completion.pace.ttft
        self._tells = style.usage != "none"
        whole = await self._events(dialect, dialect.events(ask, completion, style), completion.pace.per_token)
        await self._flush(last=True)
        self.told = self.told or (whole and self._tells)

    async def _events(self, dialect: Dialect, events: Iterator[Event], per_token: float) -> bool:
        """Sends events until the end, or until a fault ends the stream; whether all were sound."""
        fault = self.fault
        sent = 0
        event = next(events, None)
        while event is not None:
            after = next(events, None)
            if event.tokens:
                if not sent and await self._strikes(0, dialect):
                    return False
                await self._until_due()
                if per_token:
                    self._due += event.tokens * per_token
            await self._put(event.data)
            if event.tokens:
                sent += 1
                self.given += event.tokens
                # Gemini's last content tells the usage too: a cut after it takes nothing away.
                self.told = after is None and self._tells and fault.malformed is None
                if await self._strikes(sent, dialect):
                    return False
            if fault.slow is not None:
                await self._pause(fault.slow)
                self._postpone(fault.slow)
            event = after
        return fault.malformed is None or fault.malformed > sent

    async def _strikes(self, sent: int, dialect: Dialect) -> bool:
        """The fault's part after so many content events. True ends the stream cleanly."""
        fault = self.fault
        if fault.malformed == sent:
            await self._put(b'data: {"id": "broken", "choices": [{\n\n')
        if fault.gap is not None and fault.gap_after == sent:
            await self._pause(fault.gap)
            self._postpone(fault.gap)
        if sent in (fault.hang, fault.cut, fault.reset):
            await self._flush()
            if fault.hang == sent:
                await self._pause(None)
            await self._end_early()
        if fault.error_event == sent:
            await self._put(dialect.error_event(fault.message or FAILED_MIDWAY))
        return sent in (fault.error_event, fault.truncate)

    def _postpone(self, seconds: float) -> None:
        """An ordered silence comes on top of the pace."""
        if self._due > 0.0:
            self._due += seconds

    async def _until_due(self) -> None:
        if self._due <= 0.0:
            return
        missing = self._due - self._clock.monotonic()
        if missing > GRAIN:
            await self._pause(missing)

    async def _pause(self, seconds: float | None) -> None:
        """Wait, with comments at the heartbeat's interval where one was ordered."""
        await self._flush()
        beat = self.fault.heartbeat
        while beat is not None and (seconds is None or seconds > beat):
            await self._caller.wait(beat)
            await self._caller.write(_KEEP_ALIVE)
            seconds = None if seconds is None else seconds - beat
        await self._caller.wait(seconds)

    async def _put(self, data: bytes) -> None:
        if self.fault.noise:
            data = _NOISE + data
        if self.fault.crlf:
            data = data.replace(b"\n", b"\r\n")
        self._pending.append(data)
        if len(self._pending) >= self._per_write:
            await self._flush()

    async def _flush(self, *, last: bool = False) -> None:
        data = b"".join(self._pending)
        self._pending.clear()
        size = self.fault.split
        if size:
            for start in range(0, len(data), size):
                await self._caller.write(data[start : start + size])
                await asyncio.sleep(0)
            data = b""
        if data or last:
            await self._caller.write(data, last=last)


def enlarge(completion: Completion, size: int) -> Completion:
    """The completion with at least `size` bytes of text, as one token."""
    first, *others = completion.choices
    text = (first.content + " ") or "x"
    whole = (text * (size // len(text) + 1))[:size]
    return msgspec.structs.replace(
        completion, choices=[msgspec.structs.replace(first, text=[whole], logprobs=[]), *others]
    )
