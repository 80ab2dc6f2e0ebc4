"""Whole answers: Messages JSON as the neutral form, and back."""

import msgspec

from penstock.core.errors import UpstreamError
from penstock.providers import failures
from penstock.providers.anthropic.stop import finish_reason, stop_reason
from penstock.providers.anthropic.usage import encode_usage, read_usage
from penstock.providers.anthropic.wire import Block, MessageBody, given
from penstock.providers.failures import JSON_ERRORS
from penstock.wire.chat import (
    ChatRequest,
    ChatResponse,
    Choice,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from penstock.wire.usage import Usage

__all__ = ["decode_response", "encode_response"]

_decode_message = msgspec.json.Decoder(MessageBody).decode


def decode_response(body: bytes) -> ChatResponse:
    """A whole 2xx body in the neutral form; `created` is 0, the API does not tell.

    Raises:
        UpstreamError: the body is no message (`upstream_malformed`).
    """
    try:
        message = _decode_message(body)
    except JSON_ERRORS as error:
        raise failures.malformed(f"expected an Anthropic message, {error}", body=body) from error
    usage = given(message.usage)
    parts = [part for block in message.content if (part := _part(block)) is not None]
    choice = Choice(parts=parts, finish_reason=finish_reason(message.stop_reason), stop_sequence=message.stop_sequence)
    return ChatResponse(
        id=message.id,
        model=message.model,
        created=0,
        choices=[choice],
        usage=read_usage(usage),
        usage_raw=usage,
    )


def _part(block: Block) -> Part | None:
    """A block of an answer as a part; None for what only Anthropic's own tools produce."""
    part: Part | None = None
    match block.type:
        case "text":
            part = Text(text=block.text or "")
        case "thinking":
            part = Reasoning(text=block.thinking or "", signature=block.signature or None)
        case "redacted_thinking":
            part = Reasoning(redacted=block.data)
        case "tool_use":
            part = ToolCall(
                id=block.id or "", name=block.name or "", arguments=bytes(block.input).decode("utf-8", "replace")
            )
        case _:
            pass
    return part


def encode_response(response: ChatResponse, _request: ChatRequest) -> bytes:
    """A whole answer as Messages JSON: the first choice, Anthropic knows only one.

    Raises:
        UpstreamError: a tool call's arguments are no JSON object, the only form Anthropic has for them.
    """
    choice = response.choices[0] if response.choices else Choice(parts=[])
    cut_short = choice.finish_reason == "length"
    return msgspec.json.encode(
        {
            "id": response.id,
            "type": "message",
            "role": "assistant",
            "model": response.model,
            "content": [block for part in choice.parts if (block := _block(part, cut_short=cut_short)) is not None],
            "stop_reason": stop_reason(
                choice.finish_reason,
                stop_sequence=choice.stop_sequence,
                refused=any(isinstance(part, Refusal) for part in choice.parts),
            ),
            "stop_sequence": choice.stop_sequence,
            "usage": encode_usage(response.usage or Usage()),
        }
    )


def _block(part: Part, *, cut_short: bool) -> dict[str, object] | None:
    match part:
        case Text() | Refusal():
            return {"type": "text", "text": part.text}
        case Reasoning(redacted=str(data)):
            return {"type": "redacted_thinking", "data": data}
        case Reasoning():
            return {"type": "thinking", "thinking": part.text, "signature": part.signature or ""}
        case ToolCall():
            arguments = _input(part, cut_short=cut_short)
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments}
        case _:
            return None


def _input(call: ToolCall, *, cut_short: bool) -> msgspec.Raw:
    text = call.arguments.strip() or "{}"
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except JSON_ERRORS as error:
        if cut_short:
            # The token limit fell inside the arguments; `max_tokens` tells the caller not to use them.
            return msgspec.Raw(b"{}")
        raise _bad_arguments(call, error) from error
    return msgspec.Raw(text.encode())


def _bad_arguments(call: ToolCall, error: Exception) -> UpstreamError:
    return failures.malformed(f"the arguments of tool call {call.id!r} ({call.name}) are no JSON object, {error}")
