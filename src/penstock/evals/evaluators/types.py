"""What is judged, what a judgement is, and what judges."""

import math
from typing import Any, NamedTuple, Protocol

import msgspec

from penstock.wire.usage import Usage

__all__ = ["Evaluator", "Item", "Judgement", "Message", "ToolCall", "Unscored", "Value", "Verdict"]

Value = bool | float | str


class ToolCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    arguments: Any = msgspec.field(default_factory=dict[str, Any])
    """Parsed; a text where the model's arguments are no JSON."""
    id: str | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message of a conversation or a trajectory."""

    role: str
    """`system`, `user`, `assistant` or `tool`."""
    content: str = ""
    tool_calls: list[ToolCall] = []
    tool_call_id: str | None = None
    """Of a `tool` message: the call that it answers."""


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer and all that is known of it."""

    output: str = ""
    """The answer's text."""
    input: Any = None
    """The question, as the dataset has it."""
    reference: Any = None
    """What would be right; None where the dataset has none."""
    other: str | None = None
    """Another answer to the same input, as the baseline's, for judges that compare two."""
    context: list[str] = []
    """What the answer was to be drawn from."""
    messages: list[Message] = []
    """The conversation or the trajectory up to and with the answer."""
    tool_calls: list[ToolCall] = []
    """Of the answer; where this is empty, those of `messages` count."""
    data: Any = None
    """What a function returned that is no text."""
    metadata: dict[str, Any] = {}
    group: str | None = None
    latency: int | None = None
    """Microseconds."""
    ttft: int | None = None
    """Microseconds to the first token."""
    cost: int | None = None
    """Nano-dollars; None is unknown."""
    usage: Usage | None = None


class Judgement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one evaluator says of one item. With `error` it is unscored: neither pass nor fail."""

    name: str
    value: Value | None = None
    reason: str | None = None
    error: str | None = None
    """Why there is no value."""
    cost: int | None = None
    """Nano-dollars that the judgement took; None where it called nobody, or the cost is unknown."""
    raw: Any = None
    """What the value was made of: found numbers, a judge's full answer."""


class Verdict(NamedTuple):
    """A judgement before it has its name."""

    value: Value
    reason: str | None = None
    raw: Any = None
    part: str | None = None
    """Added to the evaluator's name, `rouge.recall`, where one evaluator gives several judgements."""

    def judgement(self, name: str, *, cost: int | None = None) -> Judgement:
        full = name if self.part is None else f"{name}.{self.part}"
        if isinstance(self.value, float) and not math.isfinite(self.value):
            return Judgement(name=full, error=f"The value is {self.value}, not a finite number.", cost=cost)
        return Judgement(name=full, value=self.value, reason=self.reason, raw=self.raw, cost=cost)


class Unscored(Exception):
    """An item cannot be judged; says why, in one sentence."""

    def __init__(self, reason: str, *, cost: int | None = None, raw: Any = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cost = cost
        self.raw = raw


class Evaluator(Protocol):
    """Judges items."""

    @property
    def name(self) -> str:
        """Of its judgements; those that give several add a part, `rouge.recall`."""
        ...

    @property
    def digest(self) -> str:
        """Of all that its judgements depend on. Judgements of different digests are never mixed."""
        ...

    @property
    def paid(self) -> bool:
        """Whether judging costs something."""
        ...

    async def evaluate(self, item: Item) -> list[Judgement]:
        """At least one judgement. What cannot be judged is a judgement with `error`, never an exception."""
        ...
