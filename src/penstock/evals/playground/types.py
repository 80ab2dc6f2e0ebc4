"""What the playground is asked, and what it tells."""

from typing import Any

import msgspec

__all__ = ["Answered", "Costed", "Delta", "Event", "Failed", "PlaygroundRun", "Started", "ToolCalled"]


class PlaygroundRun(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One variant, asked once."""

    model: str
    """A route, an alias, or `provider/model`."""
    body: dict[str, Any] | None = None
    """Body of a prompt that is still being written."""
    name: str | None = None
    """Instead: a stored prompt."""
    version: str = "latest"
    """Of the stored prompt: a label, a number, `sha256:…`, `latest`."""
    variables: dict[str, Any] = {}
    messages: list[dict[str, Any]] = []
    """What follows the prompt, in OpenAI's form; all there is, where no prompt is named."""
    parameters: dict[str, Any] = {}
    """Fields of the request, over those of the prompt: `temperature`, `max_tokens`, `tools`, `tool_choice`, …"""
    session: str | None = None
    """Groups the runs of one sitting."""


class Started(msgspec.Struct, frozen=True, kw_only=True, tag="started", tag_field="event"):
    trace_id: str
    messages: list[dict[str, Any]]
    """As they were sent."""


class Delta(msgspec.Struct, frozen=True, kw_only=True, tag="delta", tag_field="event"):
    text: str
    """More of the answer."""
    reasoning: bool = False
    """It is what the model thinks before it answers."""


class ToolCalled(msgspec.Struct, frozen=True, kw_only=True, tag="tool_call", tag_field="event"):
    """A call of a function, whole."""

    id: str
    name: str
    arguments: str
    """JSON, as the model wrote it."""


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag="answered", tag_field="event"):
    """The answer is whole."""

    finish_reason: str | None
    model: str | None
    """That answered, as the provider calls it."""
    usage: dict[str, Any]
    """As it was reported, in OpenAI's form."""
    ttft: int | None
    """Microseconds to the first content."""
    duration: int
    """Microseconds."""


class Costed(msgspec.Struct, frozen=True, kw_only=True, tag="costed", tag_field="event"):
    """The call is recorded."""

    cost: int | None
    """Nano-dollars; null where a price is unknown, or the record was not there in time."""


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed", tag_field="event"):
    """There is no answer, or no more of it."""

    status: int | None
    """Of the gateway's answer; null when it broke off."""
    code: str
    message: str


Event = Started | Delta | ToolCalled | Answered | Costed | Failed
