"""What the conventions found in one span, before it becomes a record."""

from typing import get_args

from penstock.tracing.otlp.mapping.messages import Message
from penstock.wire.span import Kind

__all__ = ["KINDS", "MODEL_KINDS", "Draft"]

KINDS: frozenset[str] = frozenset(get_args(Kind))
MODEL_KINDS: frozenset[Kind] = frozenset({"llm", "embedding", "reranker"})
"""Only these carry usage and cost. A total that an agent or a chain reports is the sum of what lies below it."""


class Draft:
    """Filled by one convention after the other; what one has said, the next leaves alone."""

    __slots__ = (
        "finish_reasons",
        "input",
        "kind",
        "model",
        "operation",
        "output",
        "prompt_name",
        "prompt_version",
        "provider",
        "served",
        "session",
        "stream",
        "ttft",
        "user",
    )

    def __init__(self, kind: Kind) -> None:
        self.kind: Kind = kind
        self.operation = ""
        self.provider: str | None = None
        self.model: str | None = None
        """The one that was asked for."""
        self.served: str | None = None
        """The one that answered."""
        self.input: list[Message] = []
        self.output: list[Message] = []
        self.finish_reasons: list[str] = []
        self.session: str | None = None
        self.user: str | None = None
        """As it came; never written."""
        self.stream = False
        self.ttft: int | None = None
        """Microseconds."""
        self.prompt_name: str | None = None
        self.prompt_version: str | None = None
