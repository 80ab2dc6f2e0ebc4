"""`/sim/…`: what a test asks of the simulator and orders from it."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Protocol
from urllib.parse import parse_qs

import msgspec

from penstock.core.errors import InvalidInput, NotFound, PenstockError
from penstock.simulator.caller import Caller, Headers, Scope
from penstock.simulator.faults import Fault, parse_faults
from penstock.simulator.ledger import Ledger
from penstock.simulator.models import SIMULATED_MODELS
from penstock.simulator.record import Recorder
from penstock.simulator.units import parse_duration

__all__ = ["Control", "Controlled"]

MAX_ORDER: Final = 1024 * 1024
"""Bytes of a body that `/sim` reads."""
LONGEST_WAIT: Final = 60.0
COUNTS: Final = ("started", "active", "finished", "cancelled", "broken")


class Controlled(Protocol):
    """What is controlled: the simulator."""

    @property
    def faults(self) -> tuple[Fault, ...]: ...

    @property
    def ledger(self) -> Ledger: ...

    def set_faults(self, faults: tuple[Fault, ...]) -> None: ...

    def reset(self) -> None: ...


class Control:
    """Answers `/sim/…` with JSON; an error is `{"error": text}`."""

    def __init__(self, simulator: Controlled, recorder: Recorder) -> None:
        self._simulator = simulator
        self._recorder = recorder

    async def answer(self, caller: Caller, scope: Scope) -> None:
        headers: Headers = [(b"content-type", b"application/json")]
        query = parse_qs(scope["query_string"].decode("latin-1"))
        try:
            body = await caller.body(MAX_ORDER)
            content = await self._content(scope["method"], scope["path"], query, body)
        except PenstockError as error:
            await caller.answer(error.status, headers, msgspec.json.encode({"error": str(error)}))
            return
        await caller.answer(200, headers, msgspec.json.encode(content))

    async def _content(  # noqa: PLR0911 - one case per path reads best
        self, method: str, path: str, query: Mapping[str, list[str]], body: bytes
    ) -> Any:
        match method, path:
            case "GET", "/" | "/sim/health":
                return {
                    "simulator": True,
                    "models": {vendor: list(names) for vendor, names in SIMULATED_MODELS.items()},
                }
            case "GET", "/sim/requests":
                seen = [sighting.render() for sighting in self._recorder.requests()]
                return {"items": seen[-_number(query, "last", len(seen)) or len(seen) :]}
            case "GET", "/sim/stats":
                return self._recorder.stats()
            case "GET", "/sim/ledger":
                return self._simulator.ledger.render()
            case "GET", "/sim/wait":
                return await self._wait(query)
            case "GET", "/sim/faults":
                return {"faults": [_shown(fault) for fault in self._simulator.faults]}
            case "POST", "/sim/faults":
                self._simulator.set_faults(parse_faults(_json(body)))
                return {"faults": [_shown(fault) for fault in self._simulator.faults]}
            case "POST", "/sim/reset":
                self._simulator.reset()
                return {"reset": True}
            case _:
                raise NotFound(f"The simulator has no {method} {path}.", hint="See docs/simulator.md.")

    async def _wait(self, query: Mapping[str, list[str]]) -> dict[str, Any]:
        """The counts, once each of those named has come to at least its number.

        Raises:
            InvalidInput: no count is named, or the time is over.
        """
        wanted = {name: _number(query, name, 0) for name in COUNTS if name in query}
        if not wanted:
            raise InvalidInput(f"/sim/wait expects one of {', '.join(COUNTS)} with a number.")
        timeout = min(parse_duration(query.get("timeout", ["10s"])[-1]), LONGEST_WAIT)
        path = query.get("path", [None])[-1]

        def reached(stats: dict[str, Any]) -> bool:
            counts = stats["total"] if path is None else stats["paths"].get(path, {})
            return all(_matches(name, counts.get(name, 0), number) for name, number in wanted.items())

        try:
            async with asyncio.timeout(timeout):
                return await self._recorder.until(reached)
        except TimeoutError:
            stats = msgspec.json.encode(self._recorder.stats()).decode()
            raise InvalidInput(f"Waited {timeout:g} s for {wanted}, and it did not come: {stats}.") from None


def _matches(name: str, count: int, number: int) -> bool:
    """`active` is waited for exactly, as it goes down too; the others at least."""
    return count == number if name == "active" else count >= number


def _number(query: Mapping[str, list[str]], name: str, default: int) -> int:
    text = query.get(name, [str(default)])[-1]
    if not text.isdecimal():
        raise InvalidInput(f"Expected {name!r} to be a whole number, got {text!r}.")
    return int(text)


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise InvalidInput(f"Expected JSON: a fault, a list of faults, or an object with faults: {error}.") from error


def _shown(fault: Fault) -> dict[str, Any]:
    """The fields of a fault that say something."""
    plain = msgspec.structs.asdict(Fault())
    return {name: value for name, value in msgspec.structs.asdict(fault).items() if value != plain[name]}
