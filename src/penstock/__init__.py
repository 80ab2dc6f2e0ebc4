"""Penstock: one gateway, one record, one gated path for every change.

Importing this package has no side effect and needs none of the server's dependencies. What it offers is loaded when it
is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.sdk import masking
    from penstock.sdk.client import flush, init, shutdown, statistics
    from penstock.sdk.context import context, headers
    from penstock.sdk.prompts import aprompt, prompt
    from penstock.sdk.scores import feedback, score
    from penstock.sdk.search import get_trace, spans, traces
    from penstock.sdk.tracing import current_span_id, current_trace_id, span, trace

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "aprompt",
    "context",
    "current_span_id",
    "current_trace_id",
    "feedback",
    "flush",
    "get_trace",
    "headers",
    "init",
    "masking",
    "prompt",
    "score",
    "shutdown",
    "span",
    "spans",
    "statistics",
    "trace",
    "traces",
]

_PLACES = {
    "aprompt": "prompts",
    "context": "context",
    "current_span_id": "tracing",
    "current_trace_id": "tracing",
    "feedback": "scores",
    "flush": "client",
    "get_trace": "search",
    "headers": "context",
    "init": "client",
    "masking": "masking",
    "prompt": "prompts",
    "score": "scores",
    "shutdown": "client",
    "span": "tracing",
    "spans": "search",
    "statistics": "client",
    "trace": "tracing",
    "traces": "search",
}
"""The module of the SDK that each name is found in."""


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module 'penstock' has no attribute {name!r}")
    module = import_module(f"penstock.sdk.{place}")
    return module if name == place == "masking" else getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
