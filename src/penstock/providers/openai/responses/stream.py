"""A Responses event stream, written from neutral events.

Items follow one another in the order in which they begin. Reasoning and messages end when another item
begins; function calls stay open to the end, because upstreams may interleave their arguments.
"""

from typing import Any

import msgspec

from penstock.providers.openai.responses.response import (
    Json,
    call_item,
    message_item,
    reasoning_item,
    refusal_part,
    response_object,
    sealed,
    text_part,
    token_logprobs,
)
from penstock.wire.chat import (
    ChatEvent,
    ChatRequest,
    Finished,
    FinishReason,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
    UsageReport,
)
from penstock.wire.usage import Usage

__all__ = ["ResponsesStreamEncoder"]

_encode = msgspec.json.Encoder().encode


class _Message:
    """The message that is being written: one part after the other, of text or of refusal."""

    def __init__(self, item_id: str, position: int) -> None:
        self.item_id = item_id
        self.position = position
        self.parts: list[Json] = []
        self.pieces: list[str] = []
        self.logprobs: list[msgspec.Raw] = []
        self.refuses = False
        self.open = False


class _Thought:
    def __init__(self, item_id: str, position: int) -> None:
        self.item_id = item_id
        self.position = position
        self.pieces: list[str] = []
        self.signature: str | None = None
        self.redacted: str | None = None


class _Call:
    def __init__(self, item_id: str, position: int, event: ToolCallStart) -> None:
        self.item_id = item_id
        self.position = position
        self.id = event.id
        self.name = event.name
        self.pieces: list[str] = []


class ResponsesStreamEncoder:
    """Writes one stream for the caller; see `penstock.providers.vendor.StreamEncoder`."""

    def __init__(self, request: ChatRequest, *, created: int) -> None:
        self._request = request
        self._created = created
        self._number = 0
        self._id = ""
        self._model = request.model
        self._usage: Usage | None = None
        self._reason: FinishReason = "stop"
        self._output: list[Json] = []
        self._message: _Message | None = None
        self._thought: _Thought | None = None
        self._calls: dict[int, _Call] = {}
        self._out: list[bytes] = []

    def event(self, event: ChatEvent, /) -> bytes:
        """Bytes for the caller, possibly empty. The dialect knows one choice; others are passed over."""
        if not isinstance(event, Started | UsageReport) and event.choice != 0:
            return b""
        match event:
            case Started():
                self._start(event)
            case TextDelta():
                self._text(event)
            case RefusalDelta():
                self._refusal(event)
            case ReasoningDelta():
                self._reasoning(event)
            case ToolCallStart():
                self._call(event)
            case ToolCallDelta():
                self._arguments(event)
            case Finished():
                self._reason = event.reason
                self._close_all()
            case UsageReport():
                self._usage = event.usage
        return self._taken()

    def finish(self) -> bytes:
        """The response as a whole, with its usage."""
        self._close_all()
        response = self._response(self._reason)
        self._emit(f"response.{response['status']}", response=response)
        return self._taken()

    def _start(self, event: Started) -> None:
        self._id = event.id
        self._model = event.model or self._model
        self._usage = event.usage
        self._emit("response.created", response=self._response(None))
        self._emit("response.in_progress", response=self._response(None))

    def _text(self, event: TextDelta) -> None:
        message = self._open_part(refuses=False)
        logprobs = token_logprobs(event.logprobs)
        message.pieces.append(event.text)
        message.logprobs.extend(logprobs)
        self._emit_in(message, "response.output_text.delta", delta=event.text, logprobs=logprobs)

    def _refusal(self, event: RefusalDelta) -> None:
        message = self._open_part(refuses=True)
        message.pieces.append(event.text)
        self._emit_in(message, "response.refusal.delta", delta=event.text)

    def _reasoning(self, event: ReasoningDelta) -> None:
        thought = self._thought
        if thought is not None and thought.redacted is not None:
            # Sealed reasoning is an item by itself.
            self._close_thought()
            thought = None
        if thought is None:
            self._close_message()
            thought = self._thought = _Thought(*self._next("rs"))
            item = reasoning_item(thought.item_id, "", None)
            self._emit("response.output_item.added", output_index=thought.position, item=item)
        if event.text:
            where = {"item_id": thought.item_id, "output_index": thought.position, "summary_index": 0}
            if not thought.pieces:
                part = {"type": "summary_text", "text": ""}
                self._emit("response.reasoning_summary_part.added", **where, part=part)
            thought.pieces.append(event.text)
            self._emit("response.reasoning_summary_text.delta", **where, delta=event.text)
        thought.signature = event.signature or thought.signature
        thought.redacted = event.redacted or thought.redacted

    def _call(self, event: ToolCallStart) -> None:
        self._close_thought()
        self._close_message()
        call = self._calls[event.index] = _Call(*self._next("fc"), event)
        item = call_item(call.item_id, ToolCall(id=call.id, name=call.name, arguments=""), status="in_progress")
        self._emit("response.output_item.added", output_index=call.position, item=item)

    def _arguments(self, event: ToolCallDelta) -> None:
        call = self._calls[event.index]
        call.pieces.append(event.arguments)
        self._emit(
            "response.function_call_arguments.delta",
            item_id=call.item_id,
            output_index=call.position,
            delta=event.arguments,
        )

    def _open_part(self, *, refuses: bool) -> _Message:
        self._close_thought()
        message = self._message
        if message is None:
            message = self._message = _Message(*self._next("msg"))
            item = message_item(message.item_id, [], status="in_progress")
            self._emit("response.output_item.added", output_index=message.position, item=item)
        if message.open and message.refuses != refuses:
            self._close_part(message)
        if not message.open:
            message.open, message.refuses = True, refuses
            part = refusal_part("") if refuses else text_part("", [])
            self._emit_in(message, "response.content_part.added", part=part)
        return message

    def _close_part(self, message: _Message) -> None:
        text = "".join(message.pieces)
        if message.refuses:
            part = refusal_part(text)
            self._emit_in(message, "response.refusal.done", refusal=text)
        else:
            part = text_part(text, message.logprobs)
            self._emit_in(message, "response.output_text.done", text=text, logprobs=message.logprobs)
        self._emit_in(message, "response.content_part.done", part=part)
        message.parts.append(part)
        message.pieces, message.logprobs, message.open = [], [], False

    def _close_message(self) -> None:
        message = self._message
        if message is None:
            return
        if message.open:
            self._close_part(message)
        self._message = None
        self._done(message.position, message_item(message.item_id, message.parts, status=self._item_status()))

    def _close_thought(self) -> None:
        thought = self._thought
        if thought is None:
            return
        self._thought = None
        text = "".join(thought.pieces)
        if thought.pieces:
            where = {"item_id": thought.item_id, "output_index": thought.position, "summary_index": 0}
            self._emit("response.reasoning_summary_text.done", **where, text=text)
            part = {"type": "summary_text", "text": text}
            self._emit("response.reasoning_summary_part.done", **where, part=part)
        proof = sealed(thought.signature, thought.redacted)
        self._done(thought.position, reasoning_item(thought.item_id, text, proof))

    def _close_all(self) -> None:
        self._close_thought()
        self._close_message()
        for call in self._calls.values():
            arguments = "".join(call.pieces)
            self._emit(
                "response.function_call_arguments.done",
                item_id=call.item_id,
                output_index=call.position,
                name=call.name,
                arguments=arguments,
            )
            whole = ToolCall(id=call.id, name=call.name, arguments=arguments)
            self._done(call.position, call_item(call.item_id, whole, status=self._item_status()))
        self._calls = {}

    def _item_status(self) -> str:
        return "incomplete" if self._reason in {"length", "content_filter"} else "completed"

    def _next(self, prefix: str) -> tuple[str, int]:
        """Id and position of the item that begins; its place in the output is kept."""
        position = len(self._output)
        self._output.append({})
        return f"{prefix}_{self._id}_{position}", position

    def _done(self, position: int, item: Json) -> None:
        self._output[position] = item
        self._emit("response.output_item.done", output_index=position, item=item)

    def _response(self, reason: FinishReason | None) -> Json:
        return response_object(
            self._id,
            self._request,
            model=self._model,
            created=self._created,
            reason=reason,
            output=self._output,
            usage=self._usage if reason is not None else None,
        )

    def _emit_in(self, message: _Message, kind: str, **members: Any) -> None:
        self._emit(
            kind,
            item_id=message.item_id,
            output_index=message.position,
            content_index=len(message.parts),
            **members,
        )

    def _emit(self, kind: str, **members: Any) -> None:
        event = {"type": kind, "sequence_number": self._number, **members}
        self._number += 1
        self._out.append(b"event: %b\ndata: %b\n\n" % (kind.encode(), _encode(event)))

    def _taken(self) -> bytes:
        out, self._out = b"".join(self._out), []
        return out
