"""Tokens as conventions report them → disjoint buckets.

The totals of OpenTelemetry GenAI and of OpenInference include their details: `input_tokens` the tokens read from and
written to a cache, `output_tokens` those of reasoning. So a detail is taken off its total. An emitter that passes a
vendor's numbers on as they come (Anthropic's `input_tokens` counts no cached ones) gives itself away when its details
are more than their total: then they are beside it.
"""

from collections.abc import Iterable
from typing import NamedTuple

from penstock.tracing.otlp.mapping.values import token_count
from penstock.tracing.otlp.types import Attributes
from penstock.wire.usage import Usage

__all__ = ["Reported", "UsageNames", "take_cost", "take_usage", "usage_names"]

Raw = dict[str, int | float]

_NAMES: dict[str, tuple[str, ...]] = {
    "input": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"),
    "output": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"),
    "cache_read": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.input_tokens.cached",
        "llm.token_count.prompt_details.cache_read",
        "llm.token_count.prompt_details.cache_input",
    ),
    "cache_write": (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
    "reasoning": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "llm.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
    "input_audio": ("gen_ai.usage.details.input_audio_tokens", "llm.token_count.prompt_details.audio"),
    "output_audio": ("gen_ai.usage.details.output_audio_tokens", "llm.token_count.completion_details.audio"),
    "total": ("gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total"),
}
"""Every spelling, in the order in which it is believed."""
_BUCKETS = {name: bucket for bucket, names in _NAMES.items() for name in names}
_RANKS = {name: rank for rank, name in enumerate(_BUCKETS)}
_COSTS = ("llm.cost.total", "gen_ai.usage.cost", "gen_ai.usage.total_cost", "operation.cost")
"""Dollars of one call, where an emitter prices it itself."""
_PREFIXES = ("gen_ai.usage.", "llm.token_count.", "llm.usage.")


class Reported(NamedTuple):
    """What a model call used."""

    usage: Usage
    raw: Raw
    """As it was reported, by name."""


class UsageNames(NamedTuple):
    """Attributes that tell of tokens."""

    known: tuple[tuple[str, str], ...]
    """Name and bucket, in the order in which they are believed."""
    other: tuple[str, ...]
    """Those without a bucket, which are kept as they were reported."""


def usage_names(names: Iterable[str]) -> UsageNames:
    """Which of a span's attributes tell of tokens."""
    names = tuple(names)
    known = sorted(_RANKS.keys() & names, key=_RANKS.__getitem__)
    return UsageNames(
        tuple((name, _BUCKETS[name]) for name in known),
        tuple(name for name in names if name not in _RANKS and name.startswith(_PREFIXES)),
    )


def take_usage(attributes: Attributes, names: UsageNames) -> Reported | None:
    """The tokens of a model call; None when nothing tells of any. What is understood is taken away."""
    raw: Raw = {}
    found: dict[str, int] = {}
    for name, bucket in names.known:
        count = token_count(attributes.get(name))
        if count is not None:
            del attributes[name]
            raw[name] = count
            if bucket not in found:
                found[bucket] = count
    if not found:
        return None
    for name in names.other:
        count = token_count(attributes.get(name))
        if count is not None:
            del attributes[name]
            raw[name] = count
    return Reported(_disjoint(found), raw)


def _disjoint(found: dict[str, int]) -> Usage:
    get = found.get
    total = get("total", 0)
    # With only a total, all of it is taken for input, which is what an embedding has.
    incoming = get("input")
    if incoming is None:
        incoming = max(0, total - get("output", 0))
    outgoing = get("output")
    if outgoing is None:
        outgoing = max(0, total - incoming)
    read, written, thought = get("cache_read", 0), get("cache_write", 0), get("reasoning", 0)
    heard, spoken = get("input_audio", 0), get("output_audio", 0)
    return Usage(
        input=_rest(incoming, read + written + heard),
        cache_read=read,
        cache_write=written,
        output=_rest(outgoing, thought + spoken),
        reasoning=thought,
        input_audio=heard,
        output_audio=spoken,
    )


def _rest(total: int, details: int) -> int:
    return total - details if details <= total else total


def take_cost(attributes: Attributes) -> int | None:
    """What the sender says a call cost, in nano-dollars."""
    for name in _COSTS:
        if name not in attributes:
            continue
        value = attributes[name]
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e6:
            del attributes[name]
            return round(value * 1e9)
    return None
