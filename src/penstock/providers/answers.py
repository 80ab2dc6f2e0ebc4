"""What an attempt gave, gathered piece by piece and put together only when it is asked for."""

from typing import assert_never

import msgspec

from penstock.providers.estimate import estimate_text_tokens
from penstock.providers.messages import (
    Recorded,
    RecordedCall,
    RecordedPart,
    RecordedReasoning,
    RecordedRefusal,
    RecordedText,
    encode_recorded,
    output_messages,
    recorded_arguments,
)
from penstock.providers.types import Answer
from penstock.wire.chat import (
    ChatEvent,
    ChatResponse,
    Finished,
    Reasoning,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    Started,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
    UsageReport,
)
from penstock.wire.usage import Usage

__all__ = ["AnswerParts", "CallParts", "ChoiceParts", "response_answer"]


class CallParts:
    """One tool call on its way; the arguments are the fragments as they came."""

    __slots__ = ("arguments", "id", "name")

    def __init__(self, id: str, name: str) -> None:  # noqa: A002 - the wire's own word
        self.id = id
        self.name = name
        self.arguments: list[str] = []


class ChoiceParts:
    """One choice on its way."""

    __slots__ = ("calls", "finish_reason", "reasoning", "refusal", "text")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.refusal: list[str] = []
        self.calls: list[CallParts] = []
        self.finish_reason: str | None = None

    def recorded(self) -> Recorded:
        """The choice as an OpenTelemetry output message."""
        parts: list[RecordedPart] = []
        if reasoning := "".join(self.reasoning):
            parts.append(RecordedReasoning(reasoning))
        if text := "".join(self.text):
            parts.append(RecordedText(text))
        if refusal := "".join(self.refusal):
            parts.append(RecordedRefusal(refusal))
        parts.extend(
            RecordedCall(call.id, call.name, recorded_arguments("".join(call.arguments))) for call in self.calls
        )
        return Recorded("assistant", parts, self.finish_reason or "error")

    def visible_tokens(self) -> int:
        """Estimate of all but the reasoning."""
        pieces = ("".join(self.text), "".join(self.refusal), *("".join(call.arguments) for call in self.calls))
        return sum(estimate_text_tokens(piece) for piece in pieces)

    def characters(self) -> int:
        """Length of all text, reasoning, refusal and tool arguments."""
        fragments = (self.text, self.reasoning, self.refusal, *(call.arguments for call in self.calls))
        return sum(len(fragment) for group in fragments for fragment in group)


class AnswerParts:
    """A whole answer on its way.

    Attributes:
        choices: By index.
        usage, usage_raw: The last report; each replaces the one before (FAILURES G2).
        input_only: True while `usage` is what the upstream said before it answered.
    """

    __slots__ = ("choices", "input_only", "model", "response_id", "usage", "usage_raw")

    def __init__(self) -> None:
        self.choices: dict[int, ChoiceParts] = {}
        self.response_id: str | None = None
        self.model: str | None = None
        self.usage: Usage | None = None
        self.usage_raw: bytes | None = None
        self.input_only = False

    def choice(self, index: int) -> ChoiceParts:
        """The choice of that index, begun when it is new."""
        found = self.choices.get(index)
        if found is None:
            found = self.choices[index] = ChoiceParts()
        return found

    def add(self, event: ChatEvent) -> None:
        """Take note of one neutral event."""
        match event:
            case TextDelta():
                self.choice(event.choice).text.append(event.text)
            case ReasoningDelta():
                self.choice(event.choice).reasoning.append(event.text)
            case RefusalDelta():
                self.choice(event.choice).refusal.append(event.text)
            case ToolCallStart():
                self.choice(event.choice).calls.append(CallParts(event.id, event.name))
            case ToolCallDelta():
                self.choice(event.choice).calls[event.index].arguments.append(event.arguments)
            case Finished():
                self.choice(event.choice).finish_reason = event.reason
            case Started():
                self.response_id, self.model = event.id, event.model
                if event.usage is not None:
                    self.usage, self.input_only = event.usage, True
            case UsageReport():
                self.usage, self.usage_raw, self.input_only = event.usage, event.raw, False
            case _:
                assert_never(event)

    def answer(self) -> Answer:
        """What was received until now."""
        choices = [self.choices[index] for index in sorted(self.choices)]
        return Answer(
            usage=self._counted(self.usage) if self.usage is not None and self.input_only else self.usage,
            usage_raw=self.usage_raw,
            served_model=self.model,
            response_id=self.response_id,
            finish_reasons=[choice.finish_reason for choice in choices if choice.finish_reason],
            output=encode_recorded([choice.recorded() for choice in choices]),
            output_characters=sum(choice.characters() for choice in choices),
        )

    def _counted(self, reported: Usage) -> Usage:
        """The input side as reported; what was received of the answer, estimated (FAILURES G6)."""
        choices = self.choices.values()
        reasoning = sum(estimate_text_tokens("".join(choice.reasoning)) for choice in choices)
        return msgspec.structs.replace(
            reported, output=sum(choice.visible_tokens() for choice in choices), reasoning=reasoning, estimated=True
        )


def response_answer(response: ChatResponse) -> Answer:
    """The answer of a whole response in the neutral form."""
    return Answer(
        usage=response.usage,
        usage_raw=response.usage_raw,
        served_model=response.model or None,
        response_id=response.id or None,
        finish_reasons=[choice.finish_reason for choice in response.choices if choice.finish_reason],
        output=output_messages(response.choices),
        output_characters=sum(_characters(part) for choice in response.choices for part in choice.parts),
    )


def _characters(part: object) -> int:
    if isinstance(part, Text | Reasoning | Refusal):
        return len(part.text)
    return len(part.arguments) if isinstance(part, ToolCall) else 0
