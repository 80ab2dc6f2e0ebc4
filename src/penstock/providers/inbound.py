"""A caller's body, parsed as far as every path needs and no further."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn, TypeVar, cast

import msgspec

from penstock.core.errors import InvalidInput
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.types import InboundCall, Operation

__all__ = ["parse_call", "require_messages", "wrong_member"]

T = TypeVar("T")

MAX_ID: Final = 256
"""Characters of an end user's or session's id that are read."""

_POSITION: Final = re.compile(r"\(byte (\d+)\)")
_PATH: Final = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_NULL: Final = b"null"
_TRUE: Final = b"true"
_FALSE: Final = b"false"


class _HasRole(msgspec.Struct):
    role: str


_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_messages = msgspec.json.Decoder(list[_HasRole]).decode
_decode_any = msgspec.json.Decoder().decode


def parse_call(operation: Operation, body: bytes, headers: Mapping[str, str]) -> InboundCall:
    """The call in `body`.

    What only the upstream can judge is left to it: members that nobody here knows are carried along.

    Args:
        operation: What the path says is asked.
        body: JSON as it came.
        headers: The caller's vendor headers, names in lower case.

    Raises:
        InvalidInput: the body is no JSON object, or a member that Penstock reads has the wrong type.
    """
    fields = _parse_object(body)
    model = _text(fields, "model")
    if not model:
        raise InvalidInput(
            "model: expected the name of a model, got nothing.",
            field="model",
            hint="GET /v1/models lists the models that this key may call.",
            code="missing_required_parameter",
        )
    bare = "variables" in fields and _is_bare(operation, fields)
    if not bare:
        _CHECKS[operation](fields)
    stream = operation not in _NEVER_STREAMED and _boolean(fields, "stream")
    user, session = _identities(operation, fields)
    return InboundCall(
        operation=operation,
        fields=fields,
        model=model,
        stream=stream,
        bare=bare,
        wants_usage=stream and operation == "chat" and _wants_usage(fields),
        session=session,
        user=user,
        headers=headers,
    )


def require_messages(call: InboundCall) -> None:
    """Refuse a call without messages, for which no prompt makes any.

    Raises:
        InvalidInput: as `parse_call`.
    """
    _CHECKS[call.operation](call.fields)


def wrong_member(error: Exception, prefix: str = "") -> InvalidInput:
    """A decoder's complaint as one that names the member: `messages[0].content: expected str, got int.`"""
    text = str(error)
    found = _PATH.search(text)
    path = found["path"] if found else ""
    field = (prefix + path).removeprefix(".")
    what = (text[: found.start()] if found else text).replace("`", "")
    what = what[:1].lower() + what[1:]
    return InvalidInput(f"{field}: {what}." if field else f"The body is wrong: {what}.", field=field or None)


def _parse_object(body: bytes) -> dict[str, msgspec.Raw]:
    try:
        if not body.isascii():
            # The decoder skips over strings that nobody asked for, and bytes that are no text must not pass.
            body.decode("utf-8")
        return _decode_fields(body)
    except UnicodeDecodeError as error:
        _refuse(f"The body is not UTF-8: byte {error.start} begins no character.", error)
    except RecursionError as error:
        _refuse("The body is nested too deeply.", error)
    except msgspec.ValidationError as error:
        _refuse(f"The body must be a JSON object, got {_json_kind(body)}.", error)
    except msgspec.DecodeError as error:
        if not body.strip():
            _refuse("The body is empty; expected a JSON object.", error)
        found = _POSITION.search(str(error))
        where = f" at byte {found[1]}" if found else f" at byte {len(body)}"
        reason = str(error).removeprefix("JSON is malformed: ").split(" (byte")[0]
        _refuse(f"The body is not valid JSON{where}: {reason}.", error)


def _refuse(message: str, cause: Exception) -> NoReturn:
    raise InvalidInput(message, hint="Send one JSON object, UTF-8.", code="invalid_json") from cause


def _json_kind(body: bytes) -> str:
    kinds = {b"[": "an array", b'"': "a string", b"t": "a boolean", b"f": "a boolean", b"n": "null"}
    return kinds.get(body.lstrip()[:1], "a number")


def _kind(raw: msgspec.Raw) -> str:
    return "an object" if _first_byte(raw) == b"{" else _json_kind(_first_byte(raw))


def _first_byte(raw: msgspec.Raw) -> bytes:
    # A raw value has no whitespace around it; taking bytes of all of it would copy it.
    return bytes(memoryview(raw)[:1])


def _member(fields: Mapping[str, msgspec.Raw], name: str) -> msgspec.Raw | None:
    raw = fields.get(name)
    return None if raw is None or (len(raw) == 4 and bytes(raw) == _NULL) else raw


def _typed(name: str, raw: msgspec.Raw, decode: Callable[[msgspec.Raw], T]) -> T:
    try:
        return decode(raw)
    except JSON_ERRORS as error:
        raise wrong_member(error, name) from error


def _text(fields: Mapping[str, msgspec.Raw], name: str) -> str | None:
    raw = _member(fields, name)
    return None if raw is None else _typed(name, raw, _decode_text)


def _boolean(fields: Mapping[str, msgspec.Raw], name: str) -> bool:
    raw = _member(fields, name)
    if raw is None:
        return False
    value = bytes(raw)
    if value not in {_TRUE, _FALSE}:
        raise InvalidInput(f"{name}: expected true or false, got {_kind(raw)}.", field=name)
    return value == _TRUE


def _required(fields: Mapping[str, msgspec.Raw], name: str, expected: str) -> msgspec.Raw:
    raw = _member(fields, name)
    if raw is None:
        raise InvalidInput(f"{name}: expected {expected}, got nothing.", field=name, code="missing_required_parameter")
    return raw


def _check_messages(fields: Mapping[str, msgspec.Raw]) -> None:
    raw = _required(fields, "messages", "a list of messages")
    if not _typed("messages", raw, _decode_messages):
        raise InvalidInput("messages: expected at least one message, the list is empty.", field="messages")


def _check_input(fields: Mapping[str, msgspec.Raw]) -> None:
    raw = _required(fields, "input", "text or a list")
    first = _first_byte(raw)
    if first not in {b'"', b"["}:
        raise InvalidInput(f"input: expected text or a list, got {_kind(raw)}.", field="input")
    if first == b'"':
        _typed("input", raw, _decode_text)


def _check_response(fields: Mapping[str, msgspec.Raw]) -> None:
    # With a stored prompt, a conversation or a previous response, there may be no input.
    elsewhere = any(_member(fields, name) is not None for name in ("prompt", "conversation", "previous_response_id"))
    if not elsewhere or _member(fields, "input") is not None:
        _check_input(fields)


def _is_bare(operation: Operation, fields: Mapping[str, msgspec.Raw]) -> bool:
    """Whether there is no message at all, so that a prompt has to give them."""
    name = "input" if operation in {"responses", "embeddings"} else "messages"
    raw = _member(fields, name)
    return operation != "embeddings" and (raw is None or bytes(raw) in _EMPTY)


_EMPTY: Final = frozenset({b"[]", b'""'})
_CHECKS: Final[dict[Operation, Callable[[Mapping[str, msgspec.Raw]], None]]] = {
    "chat": _check_messages,
    "messages": _check_messages,
    "count_tokens": _check_messages,
    "responses": _check_response,
    "embeddings": _check_input,
}
_NEVER_STREAMED: Final = frozenset({"embeddings", "count_tokens"})


def _wants_usage(fields: Mapping[str, msgspec.Raw]) -> bool:
    raw = _member(fields, "stream_options")
    return raw is not None and _boolean(_typed("stream_options", raw, _decode_object), "include_usage")


def _identities(operation: Operation, fields: Mapping[str, msgspec.Raw]) -> tuple[str | None, str | None]:
    """End user and session, where the dialect has a place for them.

    OpenAI: `safety_identifier` or `user`, `metadata.session_id`, and a response's `conversation`.
    Anthropic: `metadata.user_id`. Values of another type are the upstream's to judge.
    """
    metadata = _loose_object(fields.get("metadata"))
    if operation in {"messages", "count_tokens"}:
        return _loose_text(metadata.get("user_id")), _loose_text(metadata.get("session_id"))
    user = _loose_text(_loose(fields.get("safety_identifier"))) or _loose_text(_loose(fields.get("user")))
    session = _loose_text(metadata.get("session_id"))
    if session is None and operation == "responses":
        conversation = _loose(fields.get("conversation"))
        if isinstance(conversation, dict):
            conversation = cast("dict[str, Any]", conversation).get("id")
        session = _loose_text(conversation)
    return user, session


def _loose(raw: msgspec.Raw | None) -> Any:
    if raw is None:
        return None
    try:
        return _decode_any(raw)
    except JSON_ERRORS:
        return None


def _loose_object(raw: msgspec.Raw | None) -> dict[str, Any]:
    value = _loose(raw)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _loose_text(value: Any) -> str | None:
    return value[:MAX_ID] if isinstance(value, str) and value else None
