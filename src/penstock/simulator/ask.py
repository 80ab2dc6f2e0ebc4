"""What a request asks for, whatever the dialect it came in."""

from typing import Any, Literal

import msgspec

__all__ = ["Ask", "OfferedTool", "Segment", "text_segment"]


class Segment(msgspec.Struct, frozen=True):
    """A stretch of the prompt, in order: what prompt caches work on."""

    text: str
    tokens: int
    cache_mark: bool = False
    """Anthropic's `cache_control` stands here: the prefix up to its end is cached."""
    image: bool = False


class OfferedTool(msgspec.Struct, frozen=True):
    name: str
    schema: dict[str, Any]


class Ask(msgspec.Struct, kw_only=True):
    """A chat request, reduced to what decides the answer."""

    model: str
    segments: list[Segment]
    """Tools, system and messages in the order in which they make up the prompt."""
    question: str
    """Text of the last user message."""
    tool_results: list[str] = []
    """Texts of the tool results that the conversation ends with; empty when it does not end so."""
    stream: bool = False
    tools: list[OfferedTool] = []
    tool_choice: Literal["auto", "none", "required", "tool"] = "auto"
    tool_name: str | None = None
    parallel: bool = True
    schema: dict[str, Any] | None = None
    """Answer with JSON of this schema; an empty one allows any object."""
    max_tokens: int | None = None
    stop: list[str] = []
    n: int = 1
    logprobs: bool = False
    top_logprobs: int = 0
    reasoning: int | None = None
    """Tokens of reasoning at most; None when none was asked for."""
    show_reasoning: bool = True
    seed: int | None = None
    include_usage: bool = False
    """OpenAI's `stream_options.include_usage`."""
    echo: dict[str, Any] = {}
    """Fields of the request that the dialect's answer repeats."""

    @property
    def input_tokens(self) -> int:
        """Text tokens of the prompt."""
        return sum(segment.tokens for segment in self.segments if not segment.image)

    @property
    def image_tokens(self) -> int:
        return sum(segment.tokens for segment in self.segments if segment.image)


def text_segment(text: str, tokens: int, *, cache_mark: bool = False) -> Segment:
    return Segment(text, tokens, cache_mark)
