"""OpenAI Responses."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from penstock.core.errors import InvalidInput
from penstock.simulator.ask import Ask, OfferedTool, Segment, text_segment
from penstock.simulator.completion import Choice, Completion, TokenLogprob, chunked
from penstock.simulator.dialects.openai_chat import EFFORT_TOKENS, IMAGE_TOKENS, MESSAGE_TOKENS, OTHER_IMAGE_TOKENS
from penstock.simulator.dialects.openai_errors import openai_error
from penstock.simulator.dialects.types import Event, StreamStyle
from penstock.simulator.models import Vendor
from penstock.simulator.tokens import count_tokens
from penstock.wire.usage import Usage

__all__ = ["OpenAIResponses"]

_encode = msgspec.json.encode


class _Part(msgspec.Struct):
    type: str
    text: str = ""
    image_url: str | None = None
    detail: str = "auto"


class _Item(msgspec.Struct):
    """A message, a function call, its output, or an item of another kind, which counts but is not read."""

    type: str = "message"
    role: str = ""
    content: str | list[_Part] | None = None
    name: str = ""
    arguments: str = ""
    output: str | list[_Part] | None = None


class _Tool(msgspec.Struct):
    type: str
    name: str = ""
    parameters: dict[str, Any] | None = None


class _ToolChoice(msgspec.Struct):
    type: str
    name: str | None = None
    mode: Literal["auto", "required"] = "auto"
    tools: list[_Tool] = []


class _Format(msgspec.Struct):
    type: Literal["text", "json_object", "json_schema"]
    schema: dict[str, Any] | None = None


class _Text(msgspec.Struct):
    format: _Format | None = None


class _Reasoning(msgspec.Struct):
    effort: str | None = None
    summary: str | None = None


class _Body(msgspec.Struct):
    input: str | list[_Item]
    model: str | None = None
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: int | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | _ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    text: _Text | None = None
    reasoning: _Reasoning | None = None
    include: list[str] | None = None
    top_logprobs: int | None = None


_decode = msgspec.json.Decoder(_Body).decode
_REPEATED = frozenset(
    (
        "instructions",
        "max_output_tokens",
        "metadata",
        "parallel_tool_calls",
        "previous_response_id",
        "reasoning",
        "store",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_p",
        "truncation",
        "user",
    )
)
"""Fields of the request that the response repeats."""


class OpenAIResponses:
    """`POST /v1/responses`."""

    vendor: Vendor = "openai"

    def parse(self, body: bytes, *, model: str | None, stream: bool | None) -> Ask:  # noqa: ARG002 - the body says whether it streams
        try:
            asked = _decode(body)
            repeated = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        except msgspec.MsgspecError as error:
            raise InvalidInput(f"Invalid request body: {error}.") from error
        name = model or asked.model
        if not name:
            raise InvalidInput("Missing required parameter: 'model'.", field="model")
        items = [_Item(role="user", content=asked.input)] if isinstance(asked.input, str) else asked.input
        choice, tools, tool = _tools(asked)
        effort = asked.reasoning.effort if asked.reasoning else None
        if effort is not None and effort not in EFFORT_TOKENS:
            raise InvalidInput(
                f"Expected 'reasoning.effort' to be one of {', '.join(EFFORT_TOKENS)}, got {effort!r}.",
                field="reasoning.effort",
            )
        return Ask(
            model=name,
            segments=_segments(asked, items),
            question=next((_text(item.content) for item in reversed(items) if item.role == "user"), ""),
            tool_results=_tool_results(items),
            stream=asked.stream or False,
            tools=tools,
            tool_choice=choice,
            tool_name=tool,
            parallel=asked.parallel_tool_calls is not False,
            schema=_schema(asked.text),
            max_tokens=asked.max_output_tokens,
            logprobs="message.output_text.logprobs" in (asked.include or ()),
            top_logprobs=asked.top_logprobs or 0,
            reasoning=None if effort is None else EFFORT_TOKENS[effort],
            show_reasoning=bool(asked.reasoning and asked.reasoning.summary),
            echo={name: value for name, value in repeated.items() if name in _REPEATED},
        )

    def whole(self, ask: Ask, completion: Completion) -> bytes:
        return _encode(_Answer(ask, completion).done())

    def events(self, ask: Ask, completion: Completion, style: StreamStyle) -> Iterator[Event]:
        return _Stream(ask, completion, style).events()

    def error(self, status: int, message: str) -> bytes:
        return openai_error(status, message)

    def error_event(self, message: str) -> bytes:
        content = {"type": "error", "sequence_number": 0, "code": "server_error", "message": message, "param": None}
        return b"event: error\ndata: " + _encode(content) + b"\n\n"


def _text(content: str | list[_Part] | None) -> str:
    if isinstance(content, list):
        return "\n".join(part.text for part in content if part.text)
    return content or ""


def _segments(asked: _Body, items: list[_Item]) -> list[Segment]:
    made: list[Segment] = []
    if asked.tools:
        text = _encode(asked.tools).decode()
        made.append(text_segment(text, count_tokens(text)))
    if asked.instructions:
        made.append(text_segment(f"system: {asked.instructions}", MESSAGE_TOKENS + count_tokens(asked.instructions)))
    for item in items:
        text = f"{_text(item.content)}{item.name}{item.arguments}{_text(item.output)}"
        made.append(text_segment(f"{item.role}: {text}", MESSAGE_TOKENS + count_tokens(text)))
        if isinstance(item.content, list):
            made.extend(
                Segment(part.image_url or "", IMAGE_TOKENS.get(part.detail, OTHER_IMAGE_TOKENS), image=True)
                for part in item.content
                if part.type == "input_image"
            )
    return made


def _tool_results(items: list[_Item]) -> list[str]:
    results: list[str] = []
    for item in reversed(items):
        if item.type != "function_call_output":
            break
        results.append(_text(item.output))
    return results[::-1]


def _tools(asked: _Body) -> tuple[Literal["auto", "none", "required", "tool"], list[OfferedTool], str | None]:
    tools = [OfferedTool(tool.name, tool.parameters or {}) for tool in asked.tools or () if tool.type == "function"]
    wanted = asked.tool_choice
    if isinstance(wanted, _ToolChoice):
        if wanted.type == "allowed_tools":
            allowed = {tool.name for tool in wanted.tools}
            return wanted.mode, [tool for tool in tools if tool.name in allowed], None
        if wanted.name not in {tool.name for tool in tools}:
            raise InvalidInput(f"Tool choice {wanted.name!r} not found in 'tools' parameter.", field="tool_choice")
        return "tool", tools, wanted.name
    if wanted in ("none", "required"):
        return wanted, tools, None
    return "auto", tools, None


def _schema(wanted: _Text | None) -> dict[str, Any] | None:
    if wanted is None or wanted.format is None or wanted.format.type == "text":
        return None
    return {} if wanted.format.type == "json_object" else wanted.format.schema or {}


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.total_input,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": 0},
        "output_tokens": usage.total_output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }


def _logprob(entry: TokenLogprob) -> dict[str, Any]:
    def one(token: str, logprob: float) -> dict[str, Any]:
        return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "replace"))}

    return one(entry.token, entry.logprob) | {"top_logprobs": [one(token, value) for token, value in entry.top]}


class _Answer:
    """The response object in its states."""

    def __init__(self, ask: Ask, completion: Completion) -> None:
        self._ask = ask
        self._completion = completion
        self.choice: Choice = completion.choices[0]
        self.incomplete = self.choice.finish in ("length", "content_filter")

    def base(self, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": f"resp_{self._completion.id}",
            "object": "response",
            "created_at": self._completion.created,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "top_p": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "usage": None,
            **self._ask.echo,
            "model": self._completion.model,
            "output": output,
        }

    def done(self, *, usage: bool = True) -> dict[str, Any]:
        body = self.base("incomplete" if self.incomplete else "completed", self.output())
        if self.incomplete:
            reason = "max_output_tokens" if self.choice.finish == "length" else "content_filter"
            body["incomplete_details"] = {"reason": reason}
        body["usage"] = _usage(self._completion.usage) if usage else None
        return body

    def output(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        if self.choice.reasoning:
            items.append(self.reasoning_item())
        if self.choice.text or not self.choice.calls:
            items.append(self.message_item())
        items.extend(self.call_item(number) for number in range(len(self.choice.calls)))
        return items

    @property
    def _status(self) -> str:
        return "incomplete" if self.incomplete else "completed"

    def summary(self) -> list[dict[str, Any]]:
        shown = self._ask.show_reasoning and self.choice.reasoning
        return [{"type": "summary_text", "text": self.choice.thoughts}] if shown else []

    def reasoning_item(self) -> dict[str, Any]:
        return {"id": f"rs_{self._completion.id}", "type": "reasoning", "summary": self.summary()}

    def text_part(self) -> dict[str, Any]:
        logprobs = [_logprob(entry) for entry in self.choice.logprobs]
        return {"type": "output_text", "text": self.choice.content, "annotations": [], "logprobs": logprobs}

    def message_item(self) -> dict[str, Any]:
        return {
            "id": f"msg_{self._completion.id}",
            "type": "message",
            "role": "assistant",
            "status": self._status,
            "content": [self.text_part()],
        }

    def call_item(self, number: int) -> dict[str, Any]:
        call = self.choice.calls[number]
        return {
            "id": f"fc_{call.id}",
            "type": "function_call",
            "call_id": f"call_{call.id}",
            "name": call.name,
            "arguments": call.arguments,
            "status": self._status,
        }


class _Stream:
    """Events numbered from 0; every item is opened, filled and closed before the next."""

    def __init__(self, ask: Ask, completion: Completion, style: StreamStyle) -> None:
        self._answer = _Answer(ask, completion)
        self._size = style.chunk_tokens
        self._with_usage = style.usage != "none"
        self._number = 0
        self._output = -1

    def events(self) -> Iterator[Event]:
        answer = self._answer
        yield self._event("response.created", {"response": answer.base("in_progress", [])})
        yield self._event("response.in_progress", {"response": answer.base("in_progress", [])})
        if answer.choice.reasoning:
            yield from self._reasoning()
        if answer.choice.text or not answer.choice.calls:
            yield from self._message()
        for number in range(len(answer.choice.calls)):
            yield from self._call(number)
        last = "response.incomplete" if answer.incomplete else "response.completed"
        yield self._event(last, {"response": answer.done(usage=self._with_usage)})

    def _event(self, kind: str, content: dict[str, Any], tokens: int = 0) -> Event:
        body = _encode({"type": kind, "sequence_number": self._number, **content})
        self._number += 1
        return Event(b"event: " + kind.encode() + b"\ndata: " + body + b"\n\n", tokens)

    def _open(self, item: dict[str, Any]) -> Event:
        self._output += 1
        return self._event("response.output_item.added", {"output_index": self._output, "item": item})

    def _close(self, item: dict[str, Any]) -> Event:
        return self._event("response.output_item.done", {"output_index": self._output, "item": item})

    def _reasoning(self) -> Iterator[Event]:
        item = self._answer.reasoning_item()
        summary = self._answer.summary()
        yield self._open({**item, "summary": []})
        if summary:
            place = {"item_id": item["id"], "output_index": self._output, "summary_index": 0}
            kind = "response.reasoning_summary"
            yield self._event(f"{kind}_part.added", {**place, "part": {"type": "summary_text", "text": ""}})
            for text in chunked(self._answer.choice.reasoning, self._size):
                yield self._event(f"{kind}_text.delta", {**place, "delta": text}, self._size)
            yield self._event(f"{kind}_text.done", {**place, "text": summary[0]["text"]})
            yield self._event(f"{kind}_part.done", {**place, "part": summary[0]})
        yield self._close(item)

    def _message(self) -> Iterator[Event]:
        choice, item, part = self._answer.choice, self._answer.message_item(), self._answer.text_part()
        yield self._open({**item, "status": "in_progress", "content": []})
        place = {"item_id": item["id"], "output_index": self._output, "content_index": 0}
        empty: dict[str, Any] = {**part, "text": "", "logprobs": []}
        yield self._event("response.content_part.added", {**place, "part": empty})
        for number, text in enumerate(chunked(choice.text, self._size)):
            start = number * self._size
            logprobs = [_logprob(entry) for entry in choice.logprobs[start : start + self._size]]
            delta = {**place, "delta": text, "logprobs": logprobs}
            yield self._event("response.output_text.delta", delta, self._size)
        done = {**place, "text": part["text"], "logprobs": part["logprobs"]}
        yield self._event("response.output_text.done", done)
        yield self._event("response.content_part.done", {**place, "part": part})
        yield self._close(item)

    def _call(self, number: int) -> Iterator[Event]:
        item = self._answer.call_item(number)
        yield self._open({**item, "status": "in_progress", "arguments": ""})._replace(tokens=1)
        place = {"item_id": item["id"], "output_index": self._output}
        arguments: str = item["arguments"]
        kind = "response.function_call_arguments"
        for start in range(0, len(arguments), 4 * self._size):
            piece = arguments[start : start + 4 * self._size]
            yield self._event(f"{kind}.delta", {**place, "delta": piece}, self._size)
        yield self._event(f"{kind}.done", {**place, "name": item["name"], "arguments": arguments})
        yield self._close(item)
