"""Messages of every spelling as OpenTelemetry GenAI's: `{"role", "parts": [{"type", …}], "finish_reason"?}`.

Pictures and sounds are not kept: of inline data stays the size and the SHA-256 of its base64 text, as in the gateway's
own records.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, cast

from penstock.tracing.otlp.mapping.values import encode, json_of, json_unbounded, json_within

__all__ = [
    "Message",
    "Part",
    "call_part",
    "content_parts",
    "fitted",
    "joined",
    "message_of",
    "messages_of",
    "result_part",
    "said",
]

Part = dict[str, Any]
Message = dict[str, Any]

MAX_CONTENT = 1024 * 1024
"""Bytes of all messages of one side, as in the gateway's records."""
SHORTEST = 2000
"""Characters that are left of a text when it is cut to make room."""
FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "STOP": "stop",
    "completed": "stop",
    "max_tokens": "length",
    "MAX_TOKENS": "length",
    "tool_use": "tool_calls",
    "tool_call": "tool_calls",
    "function_call": "tool_calls",
    "SAFETY": "content_filter",
    "refusal": "content_filter",
}
_OWN_ROLES = ("user", "assistant", "system", "tool")
_OWN_REASONS = ("stop", "length", "tool_calls", "content_filter")
_ROLES = {"human": "user", "ai": "assistant", "model": "assistant", "developer": "system", "function": "tool"}


def role_of(role: object, default: str = "user") -> str:
    """OpenTelemetry's name of a role."""
    if not isinstance(role, str) or not role:
        return default
    return _ROLES.get(role, role)


def finish_reason_of(reason: object) -> str | None:
    """OpenTelemetry's name of a finish reason; what is none of its own stays."""
    return FINISH_REASONS.get(reason, reason) if isinstance(reason, str) and reason else None


def said(content: object, *, role: str = "user") -> list[Message]:
    """A value that somebody gave or got, as one message; none when there is nothing."""
    if content is None or content == "":
        return []
    return [
        {"role": role, "parts": [{"type": "text", "content": content if isinstance(content, str) else _json(content)}]}
    ]


def call_part(name: object, arguments: object, *, id: object = None) -> Part:  # noqa: A002 - its name in the form
    given = json_of(arguments) if isinstance(arguments, str) else arguments
    return {"type": "tool_call", "id": _plain(id), "name": _plain(name), "arguments": given}


def result_part(response: object, *, id: object = None) -> Part:  # noqa: A002 - as above
    return {"type": "tool_call_response", "id": _plain(id), "response": response}


def messages_of(value: object, *, role: str = "user") -> list[Message]:
    """Messages in any of the forms that applications send: GenAI's, OpenAI's, Anthropic's, or plain text."""
    if value is None:
        return []
    if isinstance(value, str):
        parsed = json_unbounded(value)
        if isinstance(parsed, list) and _are_plain(cast("list[Any]", parsed)):
            return cast("list[Message]", parsed)
        value = json_within(value, parsed)
    if isinstance(value, list):
        entries = cast("list[object]", value)
        if entries and _is_part(entries[0]) and all(map(_is_part, entries)):
            return [{"role": role, "parts": [_part(cast("Part", entry)) for entry in entries]}]
        return [message for entry in entries for message in _entry(entry, role)]
    return _entry(value, role)


def _are_plain(messages: list[Any]) -> bool:
    """Whether these are messages of GenAI's form and of nothing but text, as most are: they are kept as they came."""
    for message in messages:
        if not isinstance(message, dict):
            return False
        fields = cast("Message", message)
        if fields.get("role") not in _OWN_ROLES or not isinstance(fields.get("parts"), list):
            return False
        if len(fields) != 2 and (len(fields) != 3 or fields.get("finish_reason") not in _OWN_REASONS):
            return False
        for part in fields["parts"]:
            if not _is_plain_text(part):
                return False
    return True


def _is_plain_text(part: Any) -> bool:
    return (
        isinstance(part, dict)
        and len(cast("Part", part)) == 2
        and cast("Part", part).get("type") == "text"
        and isinstance(cast("Part", part).get("content"), str)
    )


def _entry(value: object, role: str) -> list[Message]:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        if "messages" in fields and isinstance(fields["messages"], list):
            return messages_of(cast("object", fields["messages"]), role=role)
        if fields.keys() & {"role", "parts", "content", "tool_calls", "kind"}:
            return [message_of(fields, role=role)]
    return said(cast("object", value), role=role)


def message_of(fields: dict[str, Any], *, role: str = "user") -> Message:
    """One message. `parts` are GenAI's; else `content`, `tool_calls`, `tool_call_id` as vendors have them."""
    message: Message = {"role": role_of(fields.get("role"), role), "parts": []}
    parts = cast("object", fields.get("parts"))
    if isinstance(parts, list):
        entries = cast("list[object]", parts)
        message["parts"] = [_part(cast("Part", part)) if isinstance(part, dict) else _text(part) for part in entries]
    else:
        message["parts"] = _vendor_parts(fields)
    reason = finish_reason_of(fields.get("finish_reason"))
    if reason is not None:
        message["finish_reason"] = reason
    if isinstance(fields.get("name"), str) and fields["name"]:
        message["name"] = fields["name"]
    return message


def _vendor_parts(fields: dict[str, Any]) -> list[Part]:
    answered = fields.get("tool_call_id") or (fields.get("id") if fields.get("role") == "tool" else None)
    content = cast("object", fields.get("content"))
    if answered:
        return [result_part(content, id=answered)]
    parts = content_parts(content)
    for call in cast("list[Any]", fields.get("tool_calls") or []):
        if isinstance(call, dict):
            parts.append(_call(cast("dict[str, Any]", call)))
    function = cast("object", fields.get("function_call"))
    if isinstance(function, dict):
        called = cast("dict[str, Any]", function)
        parts.append(call_part(called.get("name"), called.get("arguments")))
    return parts


def _call(call: dict[str, Any]) -> Part:
    function = cast("object", call.get("function"))
    named = cast("dict[str, Any]", function) if isinstance(function, dict) else call
    arguments = next((named[name] for name in ("arguments", "args", "input") if name in named), None)
    return call_part(named.get("name"), arguments, id=call.get("id"))


def content_parts(content: object) -> list[Part]:
    """The parts of a message's content: text, or a list of a vendor's blocks."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        blocks = json_of(content) if content.startswith('[{"') else None
        if isinstance(blocks, list) and all(_is_part(block) for block in cast("list[object]", blocks)):
            return [_part(cast("Part", block)) for block in cast("list[object]", blocks)]
        return [_text(content)]
    if isinstance(content, list):
        blocks = cast("list[object]", content)
        return [_part(cast("Part", block)) if isinstance(block, dict) else _text(block) for block in blocks]
    return [_part(cast("Part", content))] if isinstance(content, dict) else [_text(content)]


def _is_part(entry: object) -> bool:
    return isinstance(entry, dict) and "role" not in entry and isinstance(cast("Part", entry).get("type"), str)


def _part(part: Part) -> Part:  # noqa: PLR0911 - one for each kind of part
    """One part of GenAI's, or a vendor's block as one."""
    kind = part.get("type")
    if kind == "text" and isinstance(part.get("content"), str):
        return part
    match kind:
        case "text" | "input_text" | "output_text":
            content = part.get("content", part.get("text"))
            return _text(content if content is not None else "")
        case "reasoning" | "thinking":
            return {
                "type": "reasoning",
                "content": _string(part.get("content", part.get("thinking", part.get("text")))),
            }
        case "tool_call":
            arguments = part.get("arguments", part.get("args"))
            return part | call_part(part.get("name"), arguments, id=part.get("id"))
        case "tool_use" | "function_call" | "toolCall":
            return call_part(
                part.get("name"), part.get("input", part.get("arguments")), id=part.get("id", part.get("call_id"))
            )
        case "tool_call_response":
            return result_part(part.get("response", part.get("result")), id=part.get("id")) | _error(part)
        case "tool_result" | "function_call_output":
            return result_part(
                part.get("content", part.get("output")), id=part.get("tool_use_id", part.get("call_id"))
            ) | _error(part)
        case "blob" | "image" | "image_url" | "input_image" | "input_audio" | "audio" | "image-url" | "binary":
            return _medium(part)
        case _:
            return part if isinstance(kind, str) else _text(_json(part))


def _error(part: Part) -> Part:
    return {"is_error": True} if part.get("is_error") else {}


def _medium(part: Part) -> Part:
    kind = str(part.get("type"))
    modality = str(part.get("modality") or ("audio" if "audio" in kind else "image"))
    source = part.get("source") or part.get("image_url") or part.get("input_audio") or part.get("audio") or part
    data: object = source
    media: object = part.get("mime_type")
    if isinstance(source, dict):
        fields = cast("dict[str, Any]", source)
        data = next(
            (fields[name] for name in ("data", "url", "content", "uri") if isinstance(fields.get(name), str)), None
        )
        media = fields.get("media_type") or fields.get("mime_type") or media
    if not isinstance(data, str):
        return {name: value for name, value in part.items() if isinstance(value, str) and len(value) <= SHORTEST}
    if data.startswith("data:"):
        head, _, data = data.partition(",")
        media = head[5:].partition(";")[0] or media
    elif data.startswith(("http://", "https://", "gs://", "s3://")):
        return {"type": "uri", "modality": modality, "mime_type": _plain(media), "uri": data}
    return {
        "type": "blob",
        "modality": modality,
        "mime_type": _plain(media),
        "size": len(data) * 3 // 4 - data[-2:].count("="),
        "sha256": hashlib.sha256(data.encode()).hexdigest(),
    }


def fitted(messages: list[Message]) -> bytes | None:
    """The messages as JSON, long texts cut until all fit within `MAX_CONTENT`; None when there are none."""
    if not messages:
        return None
    data = encode(messages)
    longest = MAX_CONTENT
    while len(data) > MAX_CONTENT and longest > SHORTEST:
        longest //= 4
        data = encode(_cut(messages, max(longest, SHORTEST)))
    if len(data) > MAX_CONTENT:
        note = (
            f"{len(messages)} messages of {len(data)} bytes were left out: they do not fit the {MAX_CONTENT} of a span."
        )
        return encode(said(note, role=str(messages[0].get("role"))))
    return data


def _cut(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return (
            value if len(value) <= longest else f"{value[:longest]}… [{len(value) - longest} more characters were cut]"
        )
    if isinstance(value, list):
        return [_cut(each, longest) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: _cut(each, longest) for name, each in cast("dict[str, Any]", value).items()}
    return value


def joined(messages: Iterable[Message]) -> list[str]:
    """Finish reasons of output messages."""
    return [reason for message in messages if isinstance(reason := message.get("finish_reason"), str)]


def _text(content: object) -> Part:
    return {"type": "text", "content": _string(content)}


def _string(content: object) -> str:
    if content is None:
        return ""
    return content if isinstance(content, str) else _json(content)


def _plain(value: object) -> str | None:
    return None if value is None else str(value)


def _json(value: object) -> str:
    return encode(value).decode()
