"""Chat Completions answers and stream chunks, as far as they are read. Unknown members are skipped.

Compatible servers differ from OpenAI in what they leave out and what they add, so nothing is required.
"""

from typing import Any, Final, cast

import msgspec

__all__ = ["NOTHING", "Chunk", "ChunkChoice", "Completion", "Content", "ToolCallPiece", "content_text", "present"]

NOTHING: Final = msgspec.Raw()
"""Stands for a member that did not come."""

Content = str | list[Any] | None
"""Text; or, from Mistral's reasoning models, a list of parts."""


class FunctionPiece(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None
    """JSON text; some servers send the object itself."""


class ToolCallPiece(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: FunctionPiece | None = None


class AudioPiece(msgspec.Struct, gc=False):
    data: str | None = None
    transcript: str | None = None


class MessagePiece(msgspec.Struct):
    """A `delta` of a stream or the `message` of a whole answer."""

    content: Content = None
    reasoning_content: str | None = None
    """DeepSeek's, vLLM's and SGLang's name; OpenRouter and newer vLLM say `reasoning`."""
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCallPiece] | None = None
    function_call: FunctionPiece | None = None
    audio: AudioPiece | None = None


class ChunkChoice(msgspec.Struct):
    index: int | None = 0
    delta: MessagePiece | None = None
    finish_reason: str | None = None
    logprobs: msgspec.Raw = NOTHING


class GroqPart(msgspec.Struct):
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


class Chunk(msgspec.Struct):
    """One event of a stream."""

    choices: list[ChunkChoice] | None = None
    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING
    x_groq: GroqPart | None = None
    object: str | None = None


class CompletionChoice(msgspec.Struct):
    index: int | None = 0
    message: MessagePiece = msgspec.field(default_factory=MessagePiece)
    finish_reason: str | None = None
    logprobs: msgspec.Raw = NOTHING


class Completion(msgspec.Struct):
    """A whole answer."""

    choices: list[CompletionChoice] | None = None
    id: str | None = None
    model: str | None = None
    created: int | float | None = None
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


def present(raw: msgspec.Raw) -> bool:
    """True when the member came and is not null."""
    return raw is not NOTHING and not (len(raw) == 4 and bytes(raw) == b"null")


def content_text(content: Content) -> tuple[str, str]:
    """Text and reasoning of `content` in either form."""
    if content is None:
        return "", ""
    if isinstance(content, str):
        return content, ""
    text: list[str] = []
    reasoning: list[str] = []
    for part in content:
        if not isinstance(part, dict):
            continue
        members = cast("dict[str, Any]", part)
        if members.get("type") == "thinking":
            thinking = members.get("thinking")
            reasoning.append(content_text(cast("Content", thinking) if isinstance(thinking, str | list) else None)[0])
        elif isinstance(members.get("text"), str):
            text.append(members["text"])
    return "".join(text), "".join(reasoning)
