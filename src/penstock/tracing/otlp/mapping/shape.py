"""What the names of a span's attributes say.

Spans of one instrumentation have the same names over and over, so that names are looked through once for each such set
of a request, and not once for each span.
"""

from typing import NamedTuple

from penstock.tracing.otlp.mapping import plain, traceloop
from penstock.tracing.otlp.mapping.privacy import SecretNames, secret_names
from penstock.tracing.otlp.mapping.usage import UsageNames, usage_names
from penstock.tracing.otlp.types import Attributes

__all__ = ["Shape", "Shapes"]

MOST = 256
"""Shapes that are remembered; beyond it all are forgotten."""


class Shape(NamedTuple):
    """Of one set of names: which conventions it shows a sign of, and the names that are looked for by their form."""

    secrets: SecretNames
    usage: UsageNames
    tags: tuple[str, ...]
    listed_tags: bool
    """Whether there is a list of words that are tags."""
    owners: plain.OwnerNames
    http: bool
    openinference: bool
    genai: bool
    traceloop: bool
    values: bool
    """Whether there is OpenInference's input or output of anything."""


class Shapes:
    """The shapes of the spans of one request."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], Shape] = {}

    def of(self, attributes: Attributes) -> Shape:
        names = tuple(attributes)
        shape = self._known.get(names)
        if shape is None:
            if len(self._known) >= MOST:
                self._known.clear()
            shape = self._known[names] = _shape(names)
        return shape


def _shape(names: tuple[str, ...]) -> Shape:
    prefixes = {name.partition(".")[0] for name in names}
    return Shape(
        secrets=secret_names(names, prefixes),
        usage=usage_names(names),
        tags=plain.tag_names(names),
        listed_tags="tag" in prefixes or "langfuse" in prefixes,
        owners=plain.owner_names(frozenset(names)),
        http="http" in prefixes,
        openinference="openinference" in prefixes,
        genai="gen_ai" in prefixes,
        traceloop="traceloop" in prefixes or "llm" in prefixes or not traceloop.SIGNS.isdisjoint(names),
        values="input" in prefixes or "output" in prefixes,
    )
