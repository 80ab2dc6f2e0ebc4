"""Every caller's dialect meets every upstream's: the one module that knows all vendors.

The gateway parses a call once (`parse_call`), opens one exchange per attempt (`open_exchange`) and words
its errors here (`render_error`, `render_stream_error`).
"""

from collections.abc import Mapping
from typing import Final, assert_never

import msgspec

from penstock.core.clock import Clock, SystemClock
from penstock.core.errors import InvalidInput, UpstreamError
from penstock.providers.anthropic import messages as anthropic_messages
from penstock.providers.anthropic.passthrough import MessagesExchange
from penstock.providers.caller_errors import render_error, render_stream_error
from penstock.providers.conversion import ConvertedExchange
from penstock.providers.estimate import estimate_input_tokens
from penstock.providers.gemini import generate_content
from penstock.providers.gemini.embeddings import decode_embeddings, render_embeddings
from penstock.providers.gemini.request import render_count_tokens
from penstock.providers.gemini.response import decode_count_tokens
from penstock.providers.inbound import parse_call
from penstock.providers.openai import chat as openai_chat
from penstock.providers.openai import responses as openai_responses
from penstock.providers.openai.passthrough import ChatExchange, EmbeddingsExchange, ResponsesExchange
from penstock.providers.openai.relay import ChatRelay
from penstock.providers.recording import record_input, request_attributes
from penstock.providers.types import (
    Answer,
    Dialect,
    Exchange,
    InboundCall,
    Operation,
    Reply,
    StreamCodec,
    Target,
)
from penstock.providers.vendor import InboundDialect, UpstreamDialect

__all__ = [
    "dialect_of",
    "local_reply",
    "open_exchange",
    "parse_call",
    "record_input",
    "render_error",
    "render_stream_error",
    "request_attributes",
]

_CLOCK: Final = SystemClock()
_DIALECTS: Final[dict[Operation, Dialect]] = {
    "chat": "openai",
    "responses": "openai",
    "embeddings": "openai",
    "messages": "anthropic",
    "count_tokens": "anthropic",
}


def dialect_of(operation: Operation) -> Dialect:
    """Whose error object and stream framing the caller of this operation expects."""
    return _DIALECTS[operation]


def open_exchange(call: InboundCall, target: Target, *, clock: Clock = _CLOCK) -> Exchange:
    """Prepare the call for one target: passed through where the dialects agree, else converted.

    Raises:
        InvalidInput: the target cannot do what the call asks.
    """
    if call.operation == "embeddings":
        return _embeddings(call, target)
    if call.operation == "count_tokens":
        return _count(call, target)
    upstream = _upstream(target)
    match call.operation:
        case "chat":
            inbound: InboundDialect = openai_chat
            if upstream is openai_chat:
                return ChatExchange(call, target)
        case "responses":
            inbound = openai_responses
            if upstream is openai_chat and target.provider.responses == "native":
                return ResponsesExchange(call, target)
        case "messages":
            inbound = anthropic_messages
            if upstream is anthropic_messages:
                return MessagesExchange(call, target)
        case _:
            assert_never(call.operation)
    return ConvertedExchange(call, target, inbound=inbound, upstream=upstream, clock=clock)


def local_reply(call: InboundCall, target: Target) -> Reply | None:
    """The answer to a call that this target has no way to answer, where Penstock knows one; else None.

    `count_tokens` for an OpenAI-compatible upstream is answered with an estimate.
    """
    if call.operation != "count_tokens" or target.provider.kind not in {"openai", "azure"}:
        return None
    return _counted(estimate_input_tokens(call))


def _upstream(target: Target) -> UpstreamDialect:
    match target.provider.kind:
        case "openai" | "azure":
            return openai_chat
        case "anthropic":
            return anthropic_messages
        case "gemini":
            return generate_content
        case _:
            assert_never(target.provider.kind)


def _embeddings(call: InboundCall, target: Target) -> Exchange:
    match target.provider.kind:
        case "openai" | "azure":
            return EmbeddingsExchange(call, target)
        case "gemini":
            return _GeminiEmbeddings(call, target)
        case "anthropic":
            raise InvalidInput(
                f"model: provider {target.provider.name!r} (Anthropic) has no embeddings.",
                field="model",
                hint="Call an embedding model of another provider.",
                code="unsupported_operation",
            )
        case _:
            assert_never(target.provider.kind)


def _count(call: InboundCall, target: Target) -> Exchange:
    match target.provider.kind:
        case "anthropic":
            return MessagesExchange(call, target)
        case "gemini":
            return _GeminiCount(call, target)
        case "openai" | "azure":
            raise InvalidInput(
                f"model: provider {target.provider.name!r} counts no tokens.",
                field="model",
                code="unsupported_operation",
            )
        case _:
            assert_never(target.provider.kind)


def _counted(tokens: int) -> Reply:
    # Counting is free: there is no usage to report.
    return Reply(body=msgspec.json.encode({"input_tokens": tokens}), answer=Answer())


class _WholeAnswer:
    """What exchanges without a stream share."""

    def stream(self) -> StreamCodec:
        """These operations are never streamed; what came would be relayed and judged as a chat's."""
        return ChatRelay(wants_usage=True)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """A non-2xx answer as an error."""
        return generate_content.error(status, headers, body)


class _GeminiEmbeddings(_WholeAnswer):
    """OpenAI's embeddings by way of `batchEmbedContents`."""

    def __init__(self, call: InboundCall, target: Target) -> None:
        self.request = render_embeddings(call, target)
        self._call = call
        self._target = target

    def reply(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """OpenAI's list of embeddings."""
        del headers
        return decode_embeddings(self._call, self._target, body)


class _GeminiCount(_WholeAnswer):
    """Anthropic's `count_tokens` by way of `countTokens`."""

    def __init__(self, call: InboundCall, target: Target) -> None:
        asked = msgspec.structs.replace(anthropic_messages.parse_request(call), model=target.model)
        self.request = render_count_tokens(asked, target)

    def reply(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """Anthropic's `{"input_tokens": …}`."""
        del headers
        return _counted(decode_count_tokens(body))
