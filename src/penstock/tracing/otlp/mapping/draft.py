"""What the conventions found in one span, before it becomes a record."""

from typing import get_args

import msgspec

from penstock.tracing.otlp.mapping.messages import Message
from penstock.wire.span import Kind

__all__ = ["KINDS", "MODEL_KINDS", "Draft"]

KINDS: frozenset[str] = frozenset(get_args(Kind))
MODEL_KINDS: frozenset[Kind] = frozenset({"llm", "embedding", "reranker"})
"""Only these carry usage and cost. A total that an agent or a chain reports is the sum of what lies below it."""


class Draft(msgspec.Struct):
    """Filled by one convention after the other; what one has said, the next leaves alone."""

    kind: Kind
    operation: str = ""
    provider: str | None = None
    model: str | None = None
    """The one that was asked for."""
    served: str | None = None
    """The one that answered."""
    input: list[Message] = []
    output: list[Message] = []
    finish_reasons: list[str] = []
    session: str | None = None
    user: str | None = None
    """As it came; never written."""
    stream: bool = False
    ttft: int | None = None
    """Microseconds."""
    prompt_name: str | None = None
    prompt_version: str | None = None
