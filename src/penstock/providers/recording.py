"""What the record keeps of a request: its messages, and its parameters as attributes."""

from typing import Any, Final

import msgspec

from penstock.core.errors import InvalidInput
from penstock.providers.anthropic.messages import parse_request as parse_anthropic
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.messages import Recorded, RecordedText, encode_recorded, input_messages
from penstock.providers.openai.request import parse_messages
from penstock.providers.openai.responses.request import parse_conversation
from penstock.providers.openai.wire import present
from penstock.providers.types import InboundCall, Operation

__all__ = ["record_input", "request_attributes"]


class _PlainMessage(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    role: str
    content: str


_decode_plain = msgspec.json.Decoder(list[_PlainMessage]).decode
_decode_text = msgspec.json.Decoder(str).decode
_decode_any = msgspec.json.Decoder().decode

_DEVELOPER: Final = "developer"
_NOTHING: Final = msgspec.Raw(b"null")


def record_input(call: InboundCall) -> bytes:
    """The prompt as OpenTelemetry input messages, JSON array.

    The system prompt stands as a message of role `system`, wherever the dialect puts it. What cannot be
    read as messages is recorded as it came, in one part of type `raw`.
    """
    if call.operation == "embeddings":
        return _embedding_input(call)
    if call.operation != "responses" and not present(call.fields.get("system", _NOTHING)):
        try:
            plain = _decode_plain(call.fields.get("messages", _NOTHING))
        except JSON_ERRORS:
            pass
        else:
            # Nearly every call: text only, so there is no need of the neutral form.
            return encode_recorded(
                [Recorded(_role(message.role), [RecordedText(message.content)]) for message in plain]
            )
    try:
        return input_messages(_MESSAGES[call.operation](call))
    except InvalidInput:
        return _raw_input(call)


def _role(role: str) -> str:
    return "system" if role == _DEVELOPER else role


def _chat_messages(call: InboundCall) -> Any:
    return parse_messages(call.fields.get("messages", _NOTHING))


def _anthropic_messages(call: InboundCall) -> Any:
    kept = {name: value for name, value in call.fields.items() if name in {"messages", "system", "max_tokens"}}
    # Only the conversation is recorded, so no other member may stand in its way.
    return parse_anthropic(msgspec.structs.replace(call, operation="count_tokens", fields=kept)).messages


_MESSAGES: Final[dict[Operation, Any]] = {
    "chat": _chat_messages,
    "responses": parse_conversation,
    "messages": _anthropic_messages,
    "count_tokens": _anthropic_messages,
}


def _raw_input(call: InboundCall) -> bytes:
    members = ("instructions", "system", "messages", "input")
    kept = {name: call.fields[name] for name in members if name in call.fields}
    part = msgspec.Raw(msgspec.json.encode({"type": "raw", "content": kept}))
    return encode_recorded([Recorded("user", [part])])


def _embedding_input(call: InboundCall) -> bytes:
    raw = call.fields.get("input", _NOTHING)
    try:
        value: Any = _decode_any(raw)
    except JSON_ERRORS:
        return b"[]"
    texts: list[Any] = value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType] - JSON
    if all(isinstance(text, str) for text in texts):
        return encode_recorded([Recorded("user", [RecordedText(text) for text in texts])])
    part = msgspec.Raw(msgspec.json.encode({"type": "tokens", "content": raw}))
    return encode_recorded([Recorded("user", [part])])


_NUMBERS: Final = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "n": "gen_ai.request.choice.count",
    "dimensions": "gen_ai.embeddings.dimension.count",
}
_OTHERS: Final = {
    "stop": "gen_ai.request.stop_sequences",
    "stop_sequences": "gen_ai.request.stop_sequences",
    "encoding_format": "gen_ai.request.encoding_formats",
    "reasoning_effort": "penstock.request.reasoning_effort",
    "reasoning": "penstock.request.reasoning",
    "thinking": "penstock.request.thinking",
    "response_format": "penstock.request.response_format",
    "tool_choice": "penstock.request.tool_choice",
    "tools": "penstock.request.tools",
}
_LISTS: Final = frozenset({"gen_ai.request.stop_sequences", "gen_ai.request.encoding_formats"})
_MAX_ATTRIBUTE: Final = 4096
"""Bytes of a member that are kept as an attribute; longer ones are left out."""


def request_attributes(call: InboundCall) -> dict[str, Any]:
    """Parameters of the request under OpenTelemetry's names, and `penstock.request.*` where it has none.

    `penstock.request.tools` is the number of tools that were offered.
    """
    attributes: dict[str, Any] = {}
    for name, raw in call.fields.items():
        key = _NUMBERS.get(name) or _OTHERS.get(name)
        if key is None:
            continue
        value = _attribute(key, raw)
        if value is not None:
            attributes[key] = value
    return attributes


def _attribute(key: str, raw: msgspec.Raw) -> Any:
    tools = key == "penstock.request.tools"
    if len(raw) > _MAX_ATTRIBUTE and not tools:
        return None
    try:
        if tools:
            return len(_decode_list(raw))
        value = _decode_any(raw)
    except JSON_ERRORS:
        return None
    return [value] if key in _LISTS and isinstance(value, str) else value


_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
