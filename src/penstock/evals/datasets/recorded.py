"""What spans recorded, as inputs and references of rows.

Messages are recorded in OpenTelemetry's GenAI form: `{"role", "parts": [{"type", "content", …}]}`. Rows have them in
the form of a chat completion, which variants of an experiment ask as it is.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

__all__ = ["answer_of", "chat_of", "last_question"]


def chat_of(recorded: Any) -> Any:
    """Recorded messages as those of a chat completion; one text of a user as the text; anything else as it is."""
    messages = _messages(recorded)
    if messages is None:
        return recorded
    chat = [one for message in messages for one in _chat(message)]
    if len(chat) == 1 and chat[0]["role"] == "user" and isinstance(chat[0]["content"], str):
        return chat[0]["content"]
    return chat


def last_question(recorded: Any) -> Any:
    """The text of the last message of a user; what was recorded where there is none."""
    messages = _messages(recorded)
    for message in reversed(messages or []):
        if message.get("role") == "user":
            content = _content(message)
            if content:
                return content
    return chat_of(recorded)


def answer_of(recorded: Any) -> Any:
    """The text of an answer; the message where it calls tools; None where there is nothing."""
    messages = _messages(recorded)
    if messages is None:
        return recorded
    chat = [one for message in messages for one in _chat(message)]
    if not chat:
        return None
    (first, *more) = chat
    if more or "tool_calls" in first:
        return chat if more else first
    return first["content"] or None


def _messages(recorded: Any) -> list[Mapping[str, Any]] | None:
    """The messages, where it is a list of such."""
    if not isinstance(recorded, list) or not recorded:
        return None
    entries = cast("list[Any]", recorded)
    if not all(isinstance(one, Mapping) for one in entries):
        return None
    messages = cast("list[Mapping[str, Any]]", entries)
    return messages if all(isinstance(one.get("parts"), list) for one in messages) else None


def _chat(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    role = str(message.get("role", "user"))
    results = [part for part in _parts(message) if part.get("type") == "tool_call_response"]
    for part in results:
        answer = part.get("response", part.get("result"))
        yield {"role": "tool", "tool_call_id": str(part.get("id") or ""), "content": _text(answer)}
    calls = [part for part in _parts(message) if part.get("type") == "tool_call"]
    content = _content(message)
    if results and not content and not calls:
        return
    made: dict[str, Any] = {"role": role, "content": content}
    if calls:
        made["tool_calls"] = [
            {
                "id": str(part.get("id") or ""),
                "type": "function",
                "function": {"name": str(part.get("name") or ""), "arguments": _text(part.get("arguments"))},
            }
            for part in calls
        ]
    yield made


def _parts(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [part for part in cast("list[Any]", message.get("parts")) if isinstance(part, Mapping)]


def _content(message: Mapping[str, Any]) -> Any:
    """Text; or parts of a chat completion where there are images. What the model thought is left out."""
    texts: list[str] = []
    images: list[dict[str, Any]] = []
    for part in _parts(message):
        match part.get("type"):
            case "text" | "refusal":
                texts.append(_text(part.get("content")))
            case "uri" if part.get("modality", "image") == "image" and isinstance(part.get("uri"), str):
                images.append({"type": "image_url", "image_url": {"url": part["uri"]}})
            case _:
                pass
    text = "\n".join(texts)
    return [*([{"type": "text", "text": text}] if text else []), *images] if images else text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode() if value is not None else ""
