"""Anthropic Messages."""

from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from penstock.core.errors import InvalidInput
from penstock.simulator.ask import Ask, OfferedTool, Segment, text_segment
from penstock.simulator.completion import Call, Choice, Completion, chunked
from penstock.simulator.dialects.types import Event, StreamStyle
from penstock.simulator.models import Vendor
from penstock.simulator.tokens import count_tokens
from penstock.wire.usage import Usage

__all__ = ["AnthropicMessages", "anthropic_error", "anthropic_usage"]

IMAGE_TOKENS: Final = 1334
"""About what Anthropic counts for an image of one megapixel."""
MESSAGE_TOKENS: Final = 4
EFFORT_TOKENS: Final = {"low": 32, "medium": 64, "high": 160, "xhigh": 320, "max": 640}
FINISH: Final = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_KINDS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}

_encode = msgspec.json.encode


class _Source(msgspec.Struct):
    type: str
    data: str = ""
    url: str = ""


class _Block(msgspec.Struct):
    type: str
    text: str = ""
    thinking: str = ""
    content: "str | list[_Block] | None" = None
    source: _Source | None = None
    input: Any = None
    name: str = ""
    cache_control: Any = None


class _Message(msgspec.Struct):
    role: Literal["user", "assistant", "system"]
    content: str | list[_Block]


class _Tool(msgspec.Struct):
    name: str
    type: str = "custom"
    description: str = ""
    input_schema: dict[str, Any] | None = None
    cache_control: Any = None


class _ToolChoice(msgspec.Struct):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool = False


class _Thinking(msgspec.Struct):
    type: str
    budget_tokens: int = 1024
    display: str = "summarized"


class _OutputFormat(msgspec.Struct):
    type: Literal["json_schema"]
    schema: dict[str, Any]


class _OutputConfig(msgspec.Struct):
    format: _OutputFormat | None = None
    effort: str | None = None


class _Body(msgspec.Struct):
    model: str
    messages: list[_Message]
    max_tokens: int | None = None
    system: str | list[_Block] | None = None
    stream: bool = False
    stop_sequences: list[str] | None = None
    tools: list[_Tool] | None = None
    tool_choice: _ToolChoice | None = None
    thinking: _Thinking | None = None
    output_config: _OutputConfig | None = None


_decode = msgspec.json.Decoder(_Body).decode


def anthropic_error(status: int, message: str) -> bytes:
    """`{"type": "error", "error": {"type", "message"}}`."""
    kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "api_error")
    return _encode({"type": "error", "error": {"type": kind, "message": message}})


def anthropic_usage(usage: Usage) -> dict[str, Any]:
    """Anthropic's buckets: `input_tokens` excludes what was read from and written to the cache."""
    return {
        "input_tokens": usage.input + usage.input_image,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.cache_write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": usage.total_output,
        "service_tier": "standard",
    }


class AnthropicMessages:
    """`POST /v1/messages`, and the counting of its tokens."""

    vendor: Vendor = "anthropic"

    def __init__(self, *, counting: bool = False) -> None:
        self._counting = counting

    def parse(self, body: bytes, *, model: str | None, stream: bool | None) -> Ask:  # noqa: ARG002 - the body says both
        try:
            asked = _decode(body)
        except msgspec.MsgspecError as error:
            raise InvalidInput(f"Invalid request body: {error}.") from error
        if not asked.messages:
            raise InvalidInput("messages: at least one message is required", field="messages")
        if not self._counting and (asked.max_tokens is None or asked.max_tokens < 1):
            raise InvalidInput("max_tokens: Field required, greater than or equal to 1", field="max_tokens")
        tools = [OfferedTool(tool.name, tool.input_schema or {}) for tool in asked.tools or () if tool.type == "custom"]
        choice, name = _tool_choice(asked.tool_choice, {tool.name for tool in tools})
        form = asked.output_config.format if asked.output_config else None
        return Ask(
            model=asked.model,
            segments=_segments(asked),
            question=next((_question(message) for message in reversed(asked.messages) if message.role == "user"), ""),
            tool_results=_tool_results(asked.messages[-1]),
            stream=asked.stream,
            tools=tools,
            tool_choice=choice,
            tool_name=name,
            parallel=not (asked.tool_choice and asked.tool_choice.disable_parallel_tool_use),
            schema=form.schema if form else None,
            max_tokens=asked.max_tokens,
            stop=asked.stop_sequences or [],
            reasoning=_reasoning(asked),
            show_reasoning=asked.thinking is not None and asked.thinking.display != "omitted",
        )

    def whole(self, ask: Ask, completion: Completion) -> bytes:
        if self._counting:
            return _encode({"input_tokens": completion.usage.total_input})
        choice = completion.choices[0]
        return _encode(
            {
                **_message(completion),
                "content": _blocks(ask, choice, completion),
                "stop_reason": _stop_reason(choice),
                "stop_sequence": choice.stop_sequence,
                "usage": anthropic_usage(completion.usage),
            }
        )

    def events(self, ask: Ask, completion: Completion, style: StreamStyle) -> Iterator[Event]:
        return _Stream(ask, completion, style).events()

    def error(self, status: int, message: str) -> bytes:
        return anthropic_error(status, message)

    def error_event(self, message: str) -> bytes:
        return b"event: error\ndata: " + anthropic_error(529, message) + b"\n\n"


def _tool_choice(
    wanted: _ToolChoice | None, names: set[str]
) -> tuple[Literal["auto", "none", "required", "tool"], str | None]:
    if wanted is None or wanted.type == "auto":
        return "auto", None
    if wanted.type == "tool":
        if wanted.name not in names:
            raise InvalidInput(f"Tool {wanted.name!r} not found in provided tools", field="tool_choice")
        return "tool", wanted.name
    return ("required" if wanted.type == "any" else "none"), None


def _reasoning(asked: _Body) -> int | None:
    """Tokens of thinking: a budget, or with `adaptive` what the effort allows."""
    if asked.thinking is None or asked.thinking.type == "disabled":
        return None
    if asked.thinking.type == "enabled":
        return asked.thinking.budget_tokens
    effort = asked.output_config.effort if asked.output_config else None
    return EFFORT_TOKENS.get(effort or "high", EFFORT_TOKENS["high"])


def _question(message: _Message) -> str:
    if isinstance(message.content, str):
        return message.content
    return "\n".join(block.text for block in message.content if block.text)


def _block_text(block: _Block) -> str:
    inner = block.content
    if isinstance(inner, list):
        inner = "\n".join(_block_text(part) for part in inner)
    arguments = f"{block.name}{msgspec.json.encode(block.input).decode()}" if block.input is not None else ""
    return f"{block.text}{block.thinking}{inner or ''}{arguments}"


def _tool_results(message: _Message) -> list[str]:
    if isinstance(message.content, str):
        return []
    return [_block_text(block) for block in message.content if block.type == "tool_result"]


def _segments(asked: _Body) -> list[Segment]:
    made: list[Segment] = []
    for tool in asked.tools or ():
        text = _encode([tool.name, tool.description, tool.input_schema]).decode()
        made.append(text_segment(text, count_tokens(text), cache_mark=tool.cache_control is not None))
    if asked.system is not None:
        made.extend(_content(asked.system, "system"))
    for message in asked.messages:
        made.extend(_content(message.content, message.role))
    return made


def _content(content: str | list[_Block], role: str) -> Iterator[Segment]:
    if isinstance(content, str):
        yield text_segment(f"{role}: {content}", MESSAGE_TOKENS + count_tokens(content))
        return
    tokens = MESSAGE_TOKENS
    for block in content:
        mark = block.cache_control is not None
        if block.type == "image" and block.source is not None:
            yield Segment(block.source.data or block.source.url, IMAGE_TOKENS, mark, image=True)
            continue
        text = _block_text(block)
        yield text_segment(f"{role}: {text}", tokens + count_tokens(text), cache_mark=mark)
        tokens = 0


def _message(completion: Completion) -> dict[str, Any]:
    return {"id": f"msg_{completion.id[:24]}", "type": "message", "role": "assistant", "model": completion.model}


def _stop_reason(choice: Choice) -> str:
    return "stop_sequence" if choice.stop_sequence is not None else FINISH[choice.finish]


def _signature(completion: Completion) -> str:
    return f"c2lt{completion.id}"


def _blocks(ask: Ask, choice: Choice, completion: Completion) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if choice.reasoning and ask.reasoning is not None:
        shown = choice.thoughts if ask.show_reasoning else ""
        blocks.append({"type": "thinking", "thinking": shown, "signature": _signature(completion)})
    if choice.text:
        blocks.append({"type": "text", "text": choice.content})
    blocks.extend(
        {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": _input(call)}
        for call in choice.calls
    )
    return blocks


def _input(call: Call) -> Any:
    """The arguments as an object; empty when the token limit cut them, as a partial object cannot be sent."""
    try:
        return msgspec.json.decode(call.arguments)
    except msgspec.DecodeError:
        return {}


def _event(kind: str, content: dict[str, Any], tokens: int = 0) -> Event:
    body = _encode({"type": kind, **content})
    return Event(b"event: " + kind.encode() + b"\ndata: " + body + b"\n\n", tokens)


class _Stream:
    """`message_start`, blocks one after the other, `message_delta`, `message_stop`."""

    def __init__(self, ask: Ask, completion: Completion, style: StreamStyle) -> None:
        self._ask = ask
        self._completion = completion
        self._choice = completion.choices[0]
        self._size = style.chunk_tokens
        self._usage = style.usage
        self._index = -1

    def events(self) -> Iterator[Event]:
        usage = anthropic_usage(self._completion.usage)
        opening: dict[str, Any] = {
            **_message(self._completion),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }
        started = {"input_tokens": 0, "output_tokens": 0} if self._usage == "none" else {**usage, "output_tokens": 1}
        yield _event("message_start", {"message": {**opening, "usage": started}})
        yield from self._thinking()
        yield from self._text()
        yield from self._calls()
        if self._usage == "cumulative":
            half = {"output_tokens": max(1, usage["output_tokens"] // 2)}
            yield _event("message_delta", {"delta": {"stop_reason": None, "stop_sequence": None}, "usage": half})
        delta = {"stop_reason": _stop_reason(self._choice), "stop_sequence": self._choice.stop_sequence}
        yield _event("message_delta", {"delta": delta, "usage": self._final(usage)})
        yield _event("message_stop", {})

    def _final(self, usage: dict[str, Any]) -> dict[str, Any]:
        if self._usage == "none":
            return {"output_tokens": 0}
        if self._usage in (None, "own_chunk"):
            return {"output_tokens": usage["output_tokens"]}
        return {name: value for name, value in usage.items() if name.endswith("_tokens")}

    def _open(self, block: dict[str, Any]) -> Event:
        self._index += 1
        return _event("content_block_start", {"index": self._index, "content_block": block})

    def _delta(self, delta: dict[str, Any], *, tokens: int = 0) -> Event:
        return _event("content_block_delta", {"index": self._index, "delta": delta}, tokens)

    def _close(self) -> Event:
        return _event("content_block_stop", {"index": self._index})

    def _ping(self) -> Iterator[Event]:
        """The vendor sends one after it opened the first block."""
        if self._index == 0:
            yield _event("ping", {})

    def _thinking(self) -> Iterator[Event]:
        if not self._choice.reasoning or self._ask.reasoning is None:
            return
        yield self._open({"type": "thinking", "thinking": "", "signature": ""})
        yield from self._ping()
        for text in chunked(self._choice.reasoning, self._size) if self._ask.show_reasoning else ():
            yield self._delta({"type": "thinking_delta", "thinking": text}, tokens=self._size)
        yield self._delta({"type": "signature_delta", "signature": _signature(self._completion)})
        yield self._close()

    def _text(self) -> Iterator[Event]:
        if not self._choice.text:
            return
        yield self._open({"type": "text", "text": ""})
        yield from self._ping()
        before = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
            b'"delta":{"type":"text_delta","text":' % self._index
        )
        for text in chunked(self._choice.text, self._size):
            yield Event(before + _encode(text) + b"}}\n\n", self._size)
        yield self._close()

    def _calls(self) -> Iterator[Event]:
        for call in self._choice.calls:
            yield self._open({"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": {}})
            yield from self._ping()
            yield self._delta({"type": "input_json_delta", "partial_json": ""}, tokens=1)
            for start in range(0, len(call.arguments), 4 * self._size):
                piece = call.arguments[start : start + 4 * self._size]
                yield self._delta({"type": "input_json_delta", "partial_json": piece}, tokens=self._size)
            yield self._close()
