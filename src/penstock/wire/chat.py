"""The neutral form of a chat: what every dialect is converted through when the two sides differ.

A request is parsed once by the caller's dialect and rendered once by the upstream's; an answer goes
the other way, whole (`ChatResponse`) or as a sequence of `ChatEvent`. What only one vendor knows is
kept in `extra` when its meaning is the same elsewhere, and refused with a clear error when dropping
it would change the answer. Tool arguments are JSON *text*, carried byte for byte, never re-encoded.
"""

from typing import Literal

import msgspec

from penstock.wire.usage import Usage

__all__ = [
    "Audio",
    "ChatEvent",
    "ChatRequest",
    "ChatResponse",
    "Choice",
    "File",
    "FinishReason",
    "Finished",
    "Image",
    "Message",
    "Part",
    "Reasoning",
    "ReasoningDelta",
    "Refusal",
    "RefusalDelta",
    "ResponseFormat",
    "Started",
    "Text",
    "TextDelta",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "ToolCallStart",
    "ToolChoice",
    "ToolResult",
    "UsageReport",
]

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "error"]
"""OpenTelemetry GenAI's and OpenAI's spelling. Anthropic's and Gemini's are mapped to these."""


class Text(msgspec.Struct, tag="text", kw_only=True):
    text: str
    cache: bool = False
    """Anthropic's `cache_control: ephemeral` breakpoint stands here."""
    logprobs: msgspec.Raw | None = None


class Image(msgspec.Struct, tag="image", kw_only=True):
    """Either `url` or `data` (base64) with `media_type`."""

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    detail: str | None = None


class Audio(msgspec.Struct, tag="audio", kw_only=True):
    data: str
    """Base64."""
    format: str


class File(msgspec.Struct, tag="file", kw_only=True):
    """A document: `data` (base64) with `media_type`, or `url`, or a provider's `file_id`."""

    data: str | None = None
    media_type: str | None = None
    url: str | None = None
    file_id: str | None = None
    name: str | None = None


class ToolCall(msgspec.Struct, tag="tool_call", kw_only=True):
    id: str
    name: str
    arguments: str
    """JSON text, byte for byte as the model gave it."""


class ToolResult(msgspec.Struct, tag="tool_result", kw_only=True):
    id: str
    """Id of the tool call that this answers."""
    parts: list["Text | Image | File"]
    is_error: bool = False


class Reasoning(msgspec.Struct, tag="reasoning", kw_only=True):
    text: str = ""
    signature: str | None = None
    """The vendor's proof that the text is its own; must be sent back unchanged."""
    redacted: str | None = None
    """Encrypted reasoning; must be sent back unchanged."""


class Refusal(msgspec.Struct, tag="refusal", kw_only=True):
    text: str


Part = Text | Image | Audio | File | ToolCall | ToolResult | Reasoning | Refusal


class Message(msgspec.Struct, kw_only=True):
    role: Role
    parts: list[Part]
    name: str | None = None


class Tool(msgspec.Struct, kw_only=True):
    """A function the model may call. `parameters` is a JSON Schema."""

    name: str
    description: str | None = None
    parameters: msgspec.Raw | None = None
    strict: bool | None = None


class ToolChoice(msgspec.Struct, kw_only=True):
    mode: Literal["auto", "none", "required", "tool"]
    name: str | None = None
    """With `tool`: the one that must be called."""


class ResponseFormat(msgspec.Struct, kw_only=True):
    """Structured output: any JSON object, or JSON of a schema."""

    kind: Literal["json_object", "json_schema"]
    name: str | None = None
    description: str | None = None
    schema: msgspec.Raw | None = None
    strict: bool | None = None


class ChatRequest(msgspec.Struct, kw_only=True):
    model: str
    messages: list[Message]
    """System messages stand where the caller put them."""
    stream: bool = False
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: list[str] = []
    seed: int | None = None
    n: int = 1
    logprobs: bool = False
    top_logprobs: int | None = None
    tools: list[Tool] = []
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    reasoning_budget: int | None = None
    """Tokens of reasoning at most (Anthropic's and Gemini's way to say effort)."""
    user: str | None = None
    metadata: dict[str, str] = {}
    extra: dict[str, msgspec.Raw] = {}


class Choice(msgspec.Struct, kw_only=True):
    index: int = 0
    parts: list[Part]
    finish_reason: FinishReason | None = None
    stop_sequence: str | None = None
    logprobs: msgspec.Raw | None = None


class ChatResponse(msgspec.Struct, kw_only=True):
    id: str
    model: str
    created: int
    """Seconds since the epoch."""
    choices: list[Choice]
    usage: Usage | None = None
    usage_raw: bytes | None = None


class Started(msgspec.Struct, tag="started", kw_only=True):
    """First event of every stream. `usage` is what is known already (Anthropic's input side)."""

    id: str
    model: str
    usage: Usage | None = None


class TextDelta(msgspec.Struct, tag="text_delta", kw_only=True):
    text: str
    choice: int = 0
    logprobs: msgspec.Raw | None = None


class ReasoningDelta(msgspec.Struct, tag="reasoning_delta", kw_only=True):
    text: str = ""
    signature: str | None = None
    redacted: str | None = None
    choice: int = 0


class RefusalDelta(msgspec.Struct, tag="refusal_delta", kw_only=True):
    text: str
    choice: int = 0


class ToolCallStart(msgspec.Struct, tag="tool_call_start", kw_only=True):
    """Opens tool call number `index` of a choice (0, 1, 2 … in order of opening)."""

    index: int
    id: str
    name: str
    choice: int = 0


class ToolCallDelta(msgspec.Struct, tag="tool_call_delta", kw_only=True):
    """More of the arguments of tool call `index`; calls may interleave."""

    index: int
    arguments: str
    choice: int = 0


class Finished(msgspec.Struct, tag="finished", kw_only=True):
    reason: FinishReason
    choice: int = 0
    stop_sequence: str | None = None


class UsageReport(msgspec.Struct, tag="usage", kw_only=True):
    """Cumulative: a later report replaces an earlier one."""

    usage: Usage
    raw: bytes | None = None


ChatEvent = Started | TextDelta | ReasoningDelta | RefusalDelta | ToolCallStart | ToolCallDelta | Finished | UsageReport
"""What happens in a stream, in order. Its end is the end of the sequence; failures are errors, not events."""
