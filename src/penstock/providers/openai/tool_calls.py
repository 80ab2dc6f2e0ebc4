"""Tool calls of a stream, told apart although servers number them in different ways (FAILURES G20)."""

from collections.abc import Iterable
from typing import Any

import msgspec

from penstock.providers.answers import CallParts
from penstock.providers.openai.wire import ToolCallPiece
from penstock.wire.chat import ChatEvent, ToolCallDelta, ToolCallStart

__all__ = ["ToolCalls", "argument_text", "call_id"]


class ToolCalls:
    """The tool calls of one choice, numbered 0, 1, 2 … in order of opening.

    OpenAI gives each call an `index`, and its id and name on the first piece. Other servers give every
    call index 0, or none at all; so a piece with another id than its index's call opens a new call.

    Args:
        calls: Where the calls are gathered; the choice's own list.
        choice: Index of the choice.
        response_id: Makes the ids unique that are given to calls which came without.
    """

    __slots__ = ("_at_index", "_calls", "_choice", "_response_id", "_unannounced")

    def __init__(self, calls: list[CallParts], choice: int, response_id: str | None) -> None:
        self._calls = calls
        self._choice = choice
        self._response_id = response_id
        self._at_index: dict[int, int] = {}
        self._unannounced: set[int] = set()

    def add(self, pieces: Iterable[ToolCallPiece]) -> list[ChatEvent]:
        """What the pieces say, as events. A call is announced once its name is known."""
        events: list[ChatEvent] = []
        for piece in pieces:
            number = self._number(piece)
            call = self._calls[number]
            function = piece.function
            if function is None:
                continue
            if function.name and not call.name:
                call.name = function.name
            arguments = argument_text(function.arguments)
            if arguments:
                call.arguments.append(arguments)
            if number in self._unannounced:
                if call.name:
                    events += self._announce(number)
            elif arguments:
                events.append(ToolCallDelta(index=number, arguments=arguments, choice=self._choice))
        return events

    def finish(self) -> list[ChatEvent]:
        """Announce calls whose name never came."""
        return [event for number in sorted(self._unannounced) for event in self._announce(number)]

    def _announce(self, number: int) -> list[ChatEvent]:
        call = self._calls[number]
        self._unannounced.discard(number)
        events: list[ChatEvent] = [ToolCallStart(index=number, id=call.id, name=call.name, choice=self._choice)]
        if call.arguments:
            events.append(ToolCallDelta(index=number, arguments="".join(call.arguments), choice=self._choice))
        return events

    def _number(self, piece: ToolCallPiece) -> int:
        calls = self._calls
        if piece.index is None:
            if piece.id:
                known = next((number for number, call in enumerate(calls) if call.id == piece.id), None)
                return self._open(piece) if known is None else known
            return len(calls) - 1 if calls else self._open(piece)
        number = self._at_index.get(piece.index)
        if number is None or (piece.id and piece.id != calls[number].id and piece.function and piece.function.name):
            number = self._at_index[piece.index] = self._open(piece)
        return number

    def _open(self, piece: ToolCallPiece) -> int:
        number = len(self._calls)
        self._calls.append(CallParts(piece.id or call_id(self._response_id, self._choice, number), ""))
        self._unannounced.add(number)
        return number


def call_id(response_id: str | None, choice: int, number: int) -> str:
    """An id for a call that came without one: the same for the same answer, different in the next turn."""
    return f"call_{response_id or 'x'}_{choice}_{number}"


def argument_text(arguments: str | dict[str, Any] | None) -> str:
    """The arguments as JSON text: as they came, or encoded when a server sent the object itself."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else msgspec.json.encode(arguments).decode()
