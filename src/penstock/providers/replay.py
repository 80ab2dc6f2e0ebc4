"""Whole answers as streams and streams as whole answers, within the caller's own dialect.

So an answer that was obtained in the one form serves a caller of the other. Nothing is converted between dialects,
and members that Penstock does not know are kept. Embeddings have no stream.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from penstock.core.errors import CorruptData
from penstock.providers.anthropic.assemble import MessageAssembler
from penstock.providers.anthropic.replay import replay_message
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.openai.assemble import ChatAssembler
from penstock.providers.openai.replay import replay_chat
from penstock.providers.openai.responses.replay import ResponseAssembler, replay_response
from penstock.providers.types import InboundCall, Operation
from penstock.wire.usage import Usage

__all__ = ["CHUNK_CHARACTERS", "MAX_BODY", "Assembler", "for_caller", "stream_of", "whole_of"]

CHUNK_CHARACTERS: Final = 80
"""Characters of one piece of text: large enough to be cheap, small enough to look like a stream."""
MAX_BODY: Final = 1024 * 1024
"""Bytes of a body that is put together, at most."""
STREAM_OVERHEAD: Final = 16
"""How many times the limit a stream may be: each of its events repeats everything that names the answer."""


def stream_of(
    operation: Operation, body: bytes, *, include_usage: bool, chunk_characters: int = CHUNK_CHARACTERS
) -> Iterator[bytes]:
    """A whole answer as the events of its dialect, in the vendor's order, one event at a time.

    Args:
        operation: `chat`, `responses` or `messages`: the dialect of `body`.
        body: The whole answer, JSON.
        include_usage: Whether the caller asked for the usage chunk; only a chat makes the difference.
        chunk_characters: Length of the pieces of text, reasoning and tool arguments.

    Raises:
        CorruptData: the body is no answer of that dialect; raised before the first event.
    """
    try:
        if b"\n" in body or b"\r" in body:
            # Some vendors print JSON over several lines, and a line ends an event's data.
            body = msgspec.json.format(body, indent=-1)
        # Taken apart as a whole before anything is given out: a caller must not see half an answer.
        return iter(list(_events(operation, body, include_usage=include_usage, chunk_characters=chunk_characters)))
    except (*JSON_ERRORS, KeyError) as error:
        raise _unreadable(operation, str(error)) from error


def _events(operation: Operation, body: bytes, *, include_usage: bool, chunk_characters: int) -> Iterator[bytes]:
    match operation:
        case "chat":
            return replay_chat(body, include_usage=include_usage, chunk_characters=chunk_characters)
        case "responses":
            return replay_response(body, chunk_characters=chunk_characters)
        case "messages":
            return replay_message(body, chunk_characters=chunk_characters)
        case "embeddings" | "count_tokens":
            raise _unreadable(operation, "it has no stream")


class Assembler:
    """Puts a whole answer together from the stream that a caller is given, as it goes by.

    Args:
        operation: `chat`, `responses` or `messages`.
        limit: Bytes of the whole answer, at most. A stream that cannot stay within it is no longer looked at.
    """

    def __init__(self, operation: Operation, *, limit: int = MAX_BODY) -> None:
        self._operation = operation
        self._limit = limit
        self._left = limit * STREAM_OVERHEAD
        self._assembler: ChatAssembler | MessageAssembler | ResponseAssembler | None
        match operation:
            case "chat":
                self._assembler = ChatAssembler()
            case "messages":
                self._assembler = MessageAssembler()
            case "responses":
                self._assembler = ResponseAssembler()
            case "embeddings" | "count_tokens":
                self._assembler = None

    def feed(self, data: bytes) -> None:
        """More of the stream, cut anywhere. Never raises for what it may hold."""
        if self._assembler is None:
            return
        self._left -= len(data)
        if self._left >= 0:
            self._assembler.feed(data)
        if self._left < 0 or self._assembler.broken:
            self._assembler = None

    def result(self, usage: Usage | None = None) -> bytes | None:
        """The whole answer, JSON.

        None when the stream was not whole, held an error or what this version cannot put together, or is larger
        than the limit.

        Args:
            usage: What the call used, for a chat whose caller did not ask for the usage chunk.
        """
        if self._assembler is None:
            return None
        if isinstance(self._assembler, ResponseAssembler):
            body = self._assembler.result()
        else:
            body = self._assembler.result(usage)
        return body if body is not None and len(body) <= self._limit else None


def whole_of(operation: Operation, events: bytes, *, usage: Usage | None = None) -> bytes | None:
    """The whole answer of a whole stream; see `Assembler`."""
    assembler = Assembler(operation)
    assembler.feed(events)
    return assembler.result(usage)


_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_ECHOED: Final = {
    "metadata": msgspec.Raw(b"{}"),
    "user": msgspec.Raw(b"null"),
    "safety_identifier": msgspec.Raw(b"null"),
    "prompt_cache_key": msgspec.Raw(b"null"),
}
"""Members of the request that a response repeats, and what stands there for a request without."""


def for_caller(call: InboundCall, body: bytes) -> bytes:
    """A kept answer with this caller's own labels in place of those of the caller that it was made for.

    Only a response of the Responses API repeats any (FAILURES G23).

    Raises:
        CorruptData: the body is no JSON object.
    """
    if call.operation != "responses":
        return body
    try:
        members = _decode_members(body)
    except JSON_ERRORS as error:
        raise _unreadable(call.operation, str(error)) from error
    own = {name: call.fields.get(name, none) for name, none in _ECHOED.items() if name in members}
    return msgspec.json.encode({**members, **own}) if own else body


def _unreadable(operation: Operation, why: str) -> CorruptData:
    return CorruptData(
        f"A kept answer to a call of {operation} cannot be read: {why}.", code="cached_answer_unreadable"
    )
