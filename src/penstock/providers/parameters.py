"""Parameters that a route sets on a call, in whatever dialect the caller speaks."""

from typing import Any, Final

import msgspec

from penstock.providers.failures import JSON_ERRORS
from penstock.providers.openai.endpoints import is_openai
from penstock.providers.types import InboundCall, Operation, Target
from penstock.wire.routing import Parameters

__all__ = ["asked_output_tokens", "with_parameters"]

_encode = msgspec.json.Encoder().encode
_decode_integer = msgspec.json.Decoder(int).decode

_CEILINGS: Final[dict[Operation, tuple[str, ...]]] = {
    "chat": ("max_completion_tokens", "max_tokens"),
    "responses": ("max_output_tokens",),
    "messages": ("max_tokens",),
}
"""Where a dialect says how long an answer may be; the first that stands counts."""
_STOP: Final[dict[Operation, str]] = {"chat": "stop", "messages": "stop_sequences"}


def asked_output_tokens(call: InboundCall) -> int | None:
    """The longest answer that the caller asked for, all choices together; None when it set no bound."""
    for name in _CEILINGS.get(call.operation, ()):
        bound = _integer(call, name)
        if bound is not None:
            return bound * max(1, _integer(call, "n") or 1)
    return None


def with_parameters(call: InboundCall, parameters: Parameters, target: Target) -> InboundCall:
    """The call with what the variant sets; the caller's own values stay where it sets none.

    What a dialect has no place for is left out: a seed for Anthropic's Messages, anything for embeddings.

    Args:
        call: As the caller sent it.
        parameters: Of the variant.
        target: Decides how a chat's bound is spelled: OpenAI's newer models know only `max_completion_tokens`,
            servers that are compatible with it often only `max_tokens`.
    """
    if call.operation not in _CEILINGS:
        return call
    values: dict[str, Any] = {}
    if parameters.temperature is not None:
        values["temperature"] = parameters.temperature
    if parameters.top_p is not None:
        values["top_p"] = parameters.top_p
    if parameters.stop is not None and call.operation in _STOP:
        values[_STOP[call.operation]] = parameters.stop
    if parameters.seed is not None and call.operation == "chat":
        values["seed"] = parameters.seed
    if parameters.max_output_tokens is not None:
        name = _ceiling(call, target)
        asked = _integer(call, name)
        values[name] = parameters.max_output_tokens if asked is None else min(asked, parameters.max_output_tokens)
    if not values:
        return call
    fields = {**call.fields, **{name: msgspec.Raw(_encode(value)) for name, value in values.items()}}
    return msgspec.structs.replace(call, fields=fields)


def _ceiling(call: InboundCall, target: Target) -> str:
    names = _CEILINGS[call.operation]
    for name in names:
        if _integer(call, name) is not None:
            return name
    return names[0] if is_openai(target.provider) else names[-1]


def _integer(call: InboundCall, name: str) -> int | None:
    raw = call.fields.get(name)
    if raw is None:
        return None
    try:
        return _decode_integer(raw)
    except JSON_ERRORS:
        return None
