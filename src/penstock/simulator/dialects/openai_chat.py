"""OpenAI Chat Completions, and the same under Azure's paths."""

from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from penstock.core.errors import InvalidInput
from penstock.simulator.ask import Ask, OfferedTool, Segment, text_segment
from penstock.simulator.completion import Choice, Completion, TokenLogprob, chunked
from penstock.simulator.dialects.openai_errors import openai_error
from penstock.simulator.dialects.types import Event, StreamStyle
from penstock.simulator.models import Vendor
from penstock.simulator.tokens import count_tokens
from penstock.wire.usage import Usage

__all__ = ["EFFORT_TOKENS", "OpenAIChat", "chat_usage"]

EFFORT_TOKENS: Final = {"none": 0, "minimal": 8, "low": 32, "medium": 64, "high": 160, "xhigh": 320, "max": 640}
"""Tokens of reasoning at most, by `reasoning_effort`."""
IMAGE_TOKENS: Final = {"low": 85}
OTHER_IMAGE_TOKENS: Final = 765
MESSAGE_TOKENS: Final = 3
"""Tokens that a message takes beside its text."""

_encode = msgspec.json.encode


class _Url(msgspec.Struct):
    url: str
    detail: str = "auto"


class _Part(msgspec.Struct):
    type: str
    text: str = ""
    image_url: _Url | None = None


class _Message(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[_Part] | None = None
    tool_calls: Any = None
    tool_call_id: str | None = None


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class _Tool(msgspec.Struct):
    type: str
    function: _Function | None = None


class _NamedFunction(msgspec.Struct):
    name: str


class _NamedTool(msgspec.Struct):
    type: str
    function: _NamedFunction | None = None


class _JsonSchema(msgspec.Struct):
    name: str
    schema: dict[str, Any] = {}


class _Format(msgspec.Struct):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: _JsonSchema | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _Body(msgspec.Struct):
    messages: list[_Message]
    model: str | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    seed: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | _NamedTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: _Format | None = None
    reasoning_effort: str | None = None


_decode = msgspec.json.Decoder(_Body).decode


class OpenAIChat:
    """`POST /v1/chat/completions`."""

    vendor: Vendor = "openai"

    def __init__(self, *, azure: bool = False) -> None:
        self._azure = azure

    def parse(self, body: bytes, *, model: str | None, stream: bool | None) -> Ask:  # noqa: ARG002 - the body says whether it streams
        try:
            asked = _decode(body)
        except msgspec.MsgspecError as error:
            raise InvalidInput(f"Invalid request body: {error}.") from error
        if not asked.messages:
            raise InvalidInput("Expected at least one message in 'messages', got none.", field="messages")
        name = model or asked.model
        if not name:
            raise InvalidInput("You must provide a model parameter.", field="model")
        choice, tool = _tool_choice(asked)
        if asked.n is not None and not 1 <= asked.n <= 128:
            raise InvalidInput(f"Expected 'n' between 1 and 128, got {asked.n}.", field="n")
        stop = [asked.stop] if isinstance(asked.stop, str) else asked.stop or []
        return Ask(
            model=name,
            segments=_segments(asked),
            question=next((_text(message) for message in reversed(asked.messages) if message.role == "user"), ""),
            tool_results=_tool_results(asked.messages),
            stream=asked.stream or False,
            tools=_tools(asked.tools),
            tool_choice=choice,
            tool_name=tool,
            parallel=asked.parallel_tool_calls is not False,
            schema=_schema(asked.response_format),
            max_tokens=asked.max_completion_tokens or asked.max_tokens,
            stop=stop,
            n=asked.n or 1,
            logprobs=asked.logprobs or False,
            top_logprobs=asked.top_logprobs or 0,
            reasoning=_effort(asked.reasoning_effort),
            show_reasoning=asked.reasoning_effort is not None,
            seed=asked.seed,
            include_usage=bool(asked.stream_options and asked.stream_options.include_usage),
        )

    def whole(self, ask: Ask, completion: Completion) -> bytes:
        return _encode(
            {
                "id": f"chatcmpl-{completion.id}",
                "object": "chat.completion",
                "created": completion.created,
                "model": completion.model,
                "choices": [_choice(ask, index, choice) for index, choice in enumerate(completion.choices)],
                "usage": chat_usage(completion.usage),
                "service_tier": "default",
                "system_fingerprint": "fp_simulated",
            }
        )

    def events(self, ask: Ask, completion: Completion, style: StreamStyle) -> Iterator[Event]:
        stream = _Stream(ask, completion, style)
        if self._azure:
            yield stream.prompt_filter()
        yield from stream.events()

    def error(self, status: int, message: str) -> bytes:
        return openai_error(status, message)

    def error_event(self, message: str) -> bytes:
        return b"data: " + openai_error(500, message) + b"\n\n"


def _effort(effort: str | None) -> int | None:
    if effort is None:
        return None
    if effort not in EFFORT_TOKENS:
        raise InvalidInput(
            f"Expected 'reasoning_effort' to be one of {', '.join(EFFORT_TOKENS)}, got {effort!r}.",
            field="reasoning_effort",
        )
    return EFFORT_TOKENS[effort]


def _text(message: _Message) -> str:
    if isinstance(message.content, str):
        return message.content
    return "\n".join(part.text for part in message.content or () if part.text)


def _segments(asked: _Body) -> list[Segment]:
    made: list[Segment] = []
    if asked.tools:
        text = _encode(asked.tools).decode()
        made.append(text_segment(text, count_tokens(text)))
    for message in asked.messages:
        text = _text(message)
        calls = msgspec.json.encode(message.tool_calls).decode() if message.tool_calls is not None else ""
        whole = f"{message.role}: {text}{calls}"
        made.append(text_segment(whole, MESSAGE_TOKENS + count_tokens(text) + count_tokens(calls)))
        if isinstance(message.content, list):
            made.extend(
                Segment(part.image_url.url, IMAGE_TOKENS.get(part.image_url.detail, OTHER_IMAGE_TOKENS), image=True)
                for part in message.content
                if part.image_url is not None
            )
    return made


def _tool_results(messages: list[_Message]) -> list[str]:
    results: list[str] = []
    for message in reversed(messages):
        if message.role not in ("tool", "function"):
            break
        results.append(_text(message))
    return results[::-1]


def _tools(tools: list[_Tool] | None) -> list[OfferedTool]:
    return [OfferedTool(tool.function.name, tool.function.parameters or {}) for tool in tools or () if tool.function]


def _tool_choice(asked: _Body) -> tuple[Literal["auto", "none", "required", "tool"], str | None]:
    wanted = asked.tool_choice
    if isinstance(wanted, _NamedTool):
        name = wanted.function.name if wanted.function else None
        if name not in {tool.name for tool in _tools(asked.tools)}:
            raise InvalidInput(f"Tool choice {name!r} not found in 'tools' parameter.", field="tool_choice")
        return "tool", name
    if wanted in ("none", "required"):
        return wanted, None
    if wanted not in (None, "auto"):
        raise InvalidInput(f"Expected 'tool_choice' to be none, auto or required, got {wanted!r}.", field="tool_choice")
    return "auto", None


def _schema(wanted: _Format | None) -> dict[str, Any] | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return {}
    if wanted.json_schema is None:
        raise InvalidInput("Missing required parameter: 'response_format.json_schema'.", field="response_format")
    return wanted.json_schema.schema


def chat_usage(usage: Usage) -> dict[str, Any]:
    """OpenAI's overlapping totals: cached tokens are part of the prompt's, reasoning of the completion's."""
    return {
        "prompt_tokens": usage.total_input,
        "completion_tokens": usage.total_output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _choice(ask: Ask, index: int, choice: Choice) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": choice.content if choice.text or not choice.calls else None,
        "refusal": None,
        "annotations": [],
    }
    if choice.reasoning and ask.show_reasoning:
        message["reasoning_content"] = choice.thoughts
    if choice.calls:
        message["tool_calls"] = [
            {"id": f"call_{call.id}", "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in choice.calls
        ]
    logprobs = {"content": [_logprob(entry) for entry in choice.logprobs], "refusal": None} if ask.logprobs else None
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": choice.finish}


def _logprob(entry: TokenLogprob) -> dict[str, Any]:
    def one(token: str, logprob: float) -> dict[str, Any]:
        return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "replace"))}

    return one(entry.token, entry.logprob) | {"top_logprobs": [one(token, value) for token, value in entry.top]}


class _Stream:
    """One streamed answer. A content chunk is put together from encoded parts: it is the hot path."""

    def __init__(self, ask: Ask, completion: Completion, style: StreamStyle) -> None:
        self._ask = ask
        self._completion = completion
        self._size = style.chunk_tokens
        default = "own_chunk" if ask.include_usage else "none"
        self._usage = style.usage or default
        self._null_usage = ask.include_usage and self._usage == "own_chunk"
        head = {
            "id": f"chatcmpl-{completion.id}",
            "object": "chat.completion.chunk",
            "created": completion.created,
            "model": completion.model,
            "service_tier": "default",
            "system_fingerprint": "fp_simulated",
        }
        self._head = b"data: " + _encode(head)[:-1] + b',"choices":['
        self._sent = 0

    def prompt_filter(self) -> Event:
        """Azure opens with a chunk without choices: what its content filter says of the prompt."""
        verdict = [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}]
        return Event(self._head + b'],"prompt_filter_results":' + _encode(verdict) + b"}\n\n")

    def events(self) -> Iterator[Event]:
        for index in range(len(self._completion.choices)):
            yield self._chunk(index, {"role": "assistant", "content": "", "refusal": None})
        for index, choice in enumerate(self._completion.choices):
            yield from self._reasoning(index, choice)
            yield from self._text(index, choice)
            yield from self._calls(index, choice)
        last = len(self._completion.choices) - 1
        for index, choice in enumerate(self._completion.choices):
            extra = None
            if index == last and self._usage == "on_choices":
                extra = {"usage": chat_usage(self._completion.usage)}
            if index == last and self._usage == "x_groq":
                extra = {"x_groq": {"id": f"req_{self._completion.id}", "usage": chat_usage(self._completion.usage)}}
            yield self._chunk(index, {}, finish=choice.finish, extra=extra)
        if self._usage == "after_finish":
            yield self._chunk(last, {}, extra={"usage": chat_usage(self._completion.usage)})
        if self._usage in ("own_chunk", "cumulative"):
            yield Event(self._head + b'],"usage":' + _encode(chat_usage(self._completion.usage)) + b"}\n\n")
        yield Event(b"data: [DONE]\n\n")

    def _reasoning(self, index: int, choice: Choice) -> Iterator[Event]:
        if self._ask.show_reasoning:
            for text in chunked(choice.reasoning, self._size):
                yield self._chunk(index, {"reasoning_content": text}, tokens=self._size)

    def _text(self, index: int, choice: Choice) -> Iterator[Event]:
        if choice.logprobs:
            for start in range(0, len(choice.text), self._size):
                end = start + self._size
                logprobs = {"content": [_logprob(entry) for entry in choice.logprobs[start:end]], "refusal": None}
                yield self._chunk(
                    index, {"content": "".join(choice.text[start:end])}, tokens=self._size, logprobs=logprobs
                )
            return
        before = self._head + b'{"index":%d,"delta":{"content":' % index
        after = b'},"logprobs":null,"finish_reason":null}]'
        after += b',"usage":null}\n\n' if self._null_usage else b"}\n\n"
        for text in chunked(choice.text, self._size):
            if self._usage == "cumulative":
                yield self._chunk(index, {"content": text}, tokens=self._size)
            else:
                yield Event(before + _encode(text) + after, self._size)

    def _calls(self, index: int, choice: Choice) -> Iterator[Event]:
        for number, call in enumerate(choice.calls):
            opener = {
                "index": number,
                "id": f"call_{call.id}",
                "type": "function",
                "function": {"name": call.name, "arguments": ""},
            }
            yield self._chunk(index, {"tool_calls": [opener]}, tokens=1)
            for start in range(0, len(call.arguments), 4 * self._size):
                piece = call.arguments[start : start + 4 * self._size]
                delta = {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}
                yield self._chunk(index, delta, tokens=self._size)

    def _chunk(
        self,
        index: int,
        delta: dict[str, Any],
        *,
        finish: str | None = None,
        tokens: int = 0,
        logprobs: dict[str, Any] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> Event:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        tail = b"]"
        if extra is not None:
            tail += b"," + _encode(extra)[1:-1]
        elif self._usage == "cumulative":
            self._sent += tokens
            tail += b',"usage":' + _encode(chat_usage(self._so_far()))
        elif self._null_usage:
            tail += b',"usage":null'
        return Event(self._head + _encode(choice) + tail + b"}\n\n", tokens)

    def _so_far(self) -> Usage:
        """The usage of what was sent, never above that of the whole answer."""
        usage = self._completion.usage
        reasoning = min(usage.reasoning, self._sent)
        return msgspec.structs.replace(usage, reasoning=reasoning, output=min(usage.output, self._sent - reasoning))
