"""Faults: what a provider may do wrong, on order, by rate, by schedule or by request header.

A fault is written `status=429;retry_after=2;rate=0.1`, as a JSON object of the same names, or as a
list of either in a file. Several that match the same request are laid over one another, the later
wins. `docs/simulator.md` explains each.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from random import Random
from typing import Any, Literal

import msgspec

from penstock.core.errors import InvalidInput
from penstock.simulator.units import parse_duration, parse_size

__all__ = ["NO_FAULT", "Fault", "FaultPlan", "UsageStyle", "overlay", "parse_fault", "parse_faults"]

UsageStyle = Literal["own_chunk", "on_choices", "after_finish", "cumulative", "none", "x_groq"]
Finish = Literal["stop", "length", "content_filter"]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One misbehaviour and the requests it befalls. Durations are seconds; K counts content events of a stream."""

    rate: float = 1.0
    """Share of the matching requests, 0 to 1."""
    times: int | None = None
    """At most so many requests, then never again."""
    since: float | None = None
    """From this long after the start (or the last reset) on."""
    until: float | None = None
    """Until this long after the start (or the last reset)."""
    path: str | None = None
    """Only paths that match this glob."""
    model: str | None = None
    """Only models that match this glob."""
    stream: bool | None = None
    """Only streams, or only others."""

    status: int | None = None
    """Answer with this HTTP status and the vendor's error object."""
    message: str | None = None
    """Text of the error."""
    retry_after: float | None = None
    """`Retry-After` of the error, seconds."""
    delay: float | None = None
    """Wait so much longer before the answer."""
    slow: float | None = None
    """Wait this long between any two events."""
    silent: bool = False
    """Accept the request and never answer."""
    drop: bool = False
    """Close the connection without an answer."""
    reset: int | None = None
    """Reset the connection (RST) after K events; alone, before the answer."""
    cut: int | None = None
    """Close the connection after K events, within the body; alone, K is 1. Not streamed: after half of the body."""
    truncate: int | None = None
    """End the body cleanly after K events, without finish reason or end marker. Not streamed: half of the body."""
    hang: int | None = None
    """Say nothing more after K events, and keep the connection."""
    gap: float | None = None
    """Be silent for so long after `gap_after` events, then go on."""
    gap_after: int = 1
    heartbeat: float | None = None
    """Send an SSE comment at this interval wherever the stream waits."""
    noise: bool = False
    """Comments, blank lines, an unknown event and unknown fields between the events, all of them legal."""
    malformed: int | None = None
    """A line of broken JSON after K events."""
    error_event: int | None = None
    """The vendor's error event after K events, then the end. 0: before any content."""
    usage: UsageStyle | None = None
    """Where a stream reports usage."""
    finish: Finish | None = None
    """End with this reason."""
    content_type: str | None = None
    """This `Content-Type`, with an unchanged body."""
    html: bool = False
    """200 and a page of HTML, as a proxy in between may answer."""
    huge: int | None = None
    """Answer with at least so many bytes of text, in one event when streamed."""
    split: int | None = None
    """Write the body in pieces of so many bytes, wherever they cut."""
    crlf: bool = False
    """End the lines of a stream with CR LF."""
    tokens: int | None = None
    """Answer with so many tokens of text. No fault, but ordered the same way."""
    tool_calls: int | None = None
    """Call tools so many times, when tools are offered. No fault, but ordered the same way."""

    def befalls(self, path: str, model: str, *, stream: bool, elapsed: float) -> bool:
        """Whether a request is one of those that the fault is for; rate and times aside."""
        return not (
            (self.since is not None and elapsed < self.since)
            or (self.until is not None and elapsed >= self.until)
            or (self.stream is not None and self.stream != stream)
            or (self.path is not None and not fnmatchcase(path, self.path))
            or (self.model is not None and not fnmatchcase(model, self.model))
        )


NO_FAULT = Fault()
_SELECTORS = frozenset({"rate", "times", "since", "until", "path", "model", "stream"})
_DURATIONS = frozenset({"since", "until", "retry_after", "delay", "slow", "gap", "heartbeat"})
_SIZES = frozenset({"huge", "split"})
_ALONE: Mapping[str, str] = {
    "cut": "1",
    "truncate": "1",
    "hang": "1",
    "malformed": "1",
    "error_event": "1",
    "reset": "-1",
}
"""What a name without a value means; any other name alone is `true`."""
_DEFAULTS = msgspec.structs.asdict(NO_FAULT)
_EFFECTS = tuple(name for name in _DEFAULTS if name not in _SELECTORS)


def parse_fault(order: object) -> Fault:
    """A fault from its text (`status=429;retry_after=2`) or from a mapping of the same names.

    Raises:
        InvalidInput: unknown name, or a value that does not fit.
    """
    if isinstance(order, str):
        pairs = (part.partition("=") for part in order.split(";") if part.strip())
        fields: dict[str, Any] = {
            name.strip(): value.strip() if equals else _ALONE.get(name.strip(), "true") for name, equals, value in pairs
        }
    elif isinstance(order, Mapping):
        fields = {str(name): value for name, value in order.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON
    else:
        raise InvalidInput(f"A fault is text like status=429;retry_after=2, or an object; got {order!r}.")
    unknown = sorted(fields.keys() - _DEFAULTS.keys())
    if unknown:
        raise InvalidInput(f"There is no fault {unknown[0]!r}; there are {', '.join(sorted(_DEFAULTS))}.")
    try:
        return msgspec.convert({name: _value(name, value) for name, value in fields.items()}, Fault, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"The fault {order!r} does not fit: {error}.") from error


def _value(name: str, value: Any) -> Any:
    if value is True and name in _ALONE:
        return _ALONE[name]
    if isinstance(value, str) and name in _DURATIONS:
        return parse_duration(value)
    if isinstance(value, str) and name in _SIZES:
        return parse_size(value)
    return value


def parse_faults(orders: object) -> tuple[Fault, ...]:
    """Faults from one order, a list of them, or an object `{"faults": [...]}`.

    Raises:
        InvalidInput: as `parse_fault`.
    """
    if isinstance(orders, Mapping) and "faults" in orders:
        orders = orders["faults"]  # pyright: ignore[reportUnknownVariableType] - JSON
    if isinstance(orders, Sequence) and not isinstance(orders, str):
        return tuple(parse_fault(order) for order in orders)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - JSON
    if orders is None:
        return ()
    return (parse_fault(orders),)  # pyright: ignore[reportUnknownArgumentType] - JSON


class FaultPlan:
    """The standing faults and the dice that decide whom they befall.

    Args:
        faults: In order; a later one overrides an earlier.
        seed: Of the dice. The n-th request meets the same fate with the same seed.
    """

    def __init__(self, faults: Sequence[Fault], *, seed: int) -> None:
        self.faults = tuple(faults)
        self._left = [fault.times for fault in self.faults]
        self._random = Random(seed)  # noqa: S311 - dice of a simulation

    def choose(self, path: str, model: str, *, stream: bool, elapsed: float) -> Fault:
        """What befalls the next request, `elapsed` seconds after the start."""
        if not self.faults:
            return NO_FAULT
        chosen: list[Fault] = []
        for number, fault in enumerate(self.faults):
            if not fault.befalls(path, model, stream=stream, elapsed=elapsed):
                continue
            left = self._left[number]
            if left == 0 or (fault.rate < 1 and self._random.random() >= fault.rate):
                continue
            if left is not None:
                self._left[number] = left - 1
            chosen.append(fault)
        return overlay(chosen)


def overlay(faults: Sequence[Fault]) -> Fault:
    """One fault with the effects of all; a later one overrides an earlier."""
    faults = [fault for fault in faults if fault is not NO_FAULT]
    if len(faults) <= 1:
        return faults[0] if faults else NO_FAULT
    merged: dict[str, Any] = {}
    for fault in faults:
        for name in _EFFECTS:
            value = getattr(fault, name)
            if value != _DEFAULTS[name]:
                merged[name] = value
    return Fault(**merged)
