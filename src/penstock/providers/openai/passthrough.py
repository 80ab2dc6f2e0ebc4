"""Calls whose upstream speaks the caller's own dialect: what must change is changed, the rest goes as it came."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import msgspec

from penstock.core.errors import UpstreamError
from penstock.providers.answers import AnswerParts, CallParts
from penstock.providers.failures import JSON_ERRORS, malformed
from penstock.providers.openai.endpoints import reports_usage_unasked, request_headers, upstream_url
from penstock.providers.openai.errors import error, stream_error
from penstock.providers.openai.finish import finish_reason
from penstock.providers.openai.relay import ChatRelay
from penstock.providers.openai.responses.relay import ResponsesRelay
from penstock.providers.openai.responses.wire import Body, body_answer
from penstock.providers.openai.tool_calls import argument_text
from penstock.providers.openai.usage import parse_usage
from penstock.providers.openai.wire import NOTHING, Completion, MessagePiece, content_text, present
from penstock.providers.types import Answer, InboundCall, Reply, StreamCodec, Target, UpstreamRequest

__all__ = ["ChatExchange", "EmbeddingsExchange", "ResponsesExchange"]

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
_decode_completion = msgspec.json.Decoder(Completion).decode
_decode_body = msgspec.json.Decoder(Body).decode
_TRUE: Final = msgspec.Raw(b"true")
_ASK_FOR_USAGE: Final = msgspec.Raw(b'{"include_usage":true}')


class ChatExchange:
    """Chat Completions to a server that speaks them."""

    def __init__(self, call: InboundCall, target: Target) -> None:
        fields = {**call.fields, "model": msgspec.Raw(_encode(target.model))}
        if call.stream and not call.wants_usage and not reports_usage_unasked(target.provider):
            fields["stream_options"] = _with_usage(call.fields.get("stream_options"))
        self.request = UpstreamRequest(
            url=upstream_url(target, "chat/completions"),
            headers=request_headers(target, stream=call.stream, forwarded=call.headers),
            body=_encode(fields),
        )
        self._call = call

    def reply(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """The upstream's body, unchanged."""
        del headers
        completion = _read(_decode_completion, body)
        if present(completion.error):
            raise stream_error(completion.error)
        if completion.choices is None:
            raise malformed("it has no `choices`", body=body)
        return Reply(body=body, answer=_completion_answer(completion))

    def stream(self) -> StreamCodec:
        """A fresh codec."""
        return ChatRelay(wants_usage=self._call.wants_usage, choices=_choices(self._call))

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """A non-2xx answer as an error."""
        return error(status, headers, body)


class ResponsesExchange:
    """Responses to a server that has them."""

    def __init__(self, call: InboundCall, target: Target) -> None:
        self.request = UpstreamRequest(
            url=upstream_url(target, "responses"),
            headers=request_headers(target, stream=call.stream, forwarded=call.headers),
            body=_encode({**call.fields, "model": msgspec.Raw(_encode(target.model))}),
        )

    def reply(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """The upstream's body, unchanged. A response that failed within is still the caller's answer."""
        del headers
        read = _read(_decode_body, body)
        if read.output is None:
            if present(read.error):
                raise stream_error(read.error)
            raise malformed("it has no `output`", body=body)
        return Reply(body=body, answer=body_answer(read))

    def stream(self) -> StreamCodec:
        """A fresh codec."""
        return ResponsesRelay()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """A non-2xx answer as an error."""
        return error(status, headers, body)


class _Embeddings(msgspec.Struct):
    data: list[msgspec.Raw] | None = None
    model: str | None = None
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


_decode_embeddings = msgspec.json.Decoder(_Embeddings).decode


class EmbeddingsExchange:
    """Embeddings to a server that speaks OpenAI's form. The vectors are not recorded."""

    def __init__(self, call: InboundCall, target: Target) -> None:
        self.request = UpstreamRequest(
            url=upstream_url(target, "embeddings"),
            headers=request_headers(target, stream=False, forwarded=call.headers),
            body=_encode({**call.fields, "model": msgspec.Raw(_encode(target.model))}),
        )

    def reply(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """The upstream's body, unchanged."""
        del headers
        read = _read(_decode_embeddings, body)
        if present(read.error):
            raise stream_error(read.error)
        if read.data is None:
            raise malformed("it has no `data`", body=body)
        usage = parse_usage(read.usage) if present(read.usage) else None
        raw = bytes(read.usage) if usage is not None else None
        return Reply(body=body, answer=Answer(usage=usage, usage_raw=raw, served_model=read.model))

    def stream(self) -> StreamCodec:
        """Embeddings have no stream; what came is relayed and judged as a chat's."""
        return ChatRelay(wants_usage=True)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """A non-2xx answer as an error."""
        return error(status, headers, body)


def _read(decode: Callable[[bytes], T], body: bytes) -> T:
    try:
        return decode(body)
    except msgspec.ValidationError as wrong:
        raise malformed(f"it has another shape than the dialect's ({wrong})", body=body) from wrong
    except JSON_ERRORS as wrong:
        raise malformed("it is not JSON", body=body) from wrong


def _with_usage(options: msgspec.Raw | None) -> msgspec.Raw:
    """The caller's `stream_options` with usage asked for."""
    if options is None or bytes(options) == b"null":
        return _ASK_FOR_USAGE
    try:
        members = msgspec.json.decode(options, type=dict[str, msgspec.Raw])
    except JSON_ERRORS:
        # The upstream will say what is wrong with it.
        return options
    return msgspec.Raw(_encode({**members, "include_usage": _TRUE}))


def _choices(call: InboundCall) -> int:
    raw = call.fields.get("n")
    if raw is None:
        return 1
    try:
        return max(msgspec.json.decode(raw, type=int), 1)
    except JSON_ERRORS:
        return 1


def _completion_answer(completion: Completion) -> Answer:
    parts = AnswerParts()
    parts.response_id, parts.model = completion.id, completion.model
    if present(completion.usage):
        parts.usage = parse_usage(completion.usage)
        parts.usage_raw = bytes(completion.usage)
    for number, choice in enumerate(completion.choices or ()):
        taken = parts.choice(number if choice.index is None else choice.index)
        taken.finish_reason = finish_reason(choice.finish_reason) or "stop"
        message = choice.message
        text, thinking = content_text(message.content)
        taken.text.append(text)
        taken.reasoning.append(thinking + (message.reasoning_content or message.reasoning or ""))
        taken.refusal.append(message.refusal or "")
        taken.calls.extend(_calls(message))
    return parts.answer()


def _calls(message: MessagePiece) -> list[CallParts]:
    calls: list[CallParts] = []
    for piece in message.tool_calls or ():
        call = CallParts(piece.id or "", (piece.function and piece.function.name) or "")
        call.arguments.append(argument_text(piece.function.arguments) if piece.function else "")
        calls.append(call)
    return calls
