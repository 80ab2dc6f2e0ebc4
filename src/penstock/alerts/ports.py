"""What alerts need from their neighbours; bound in `server`."""

from collections.abc import Callable, Sequence
from typing import Protocol

from penstock.alerts.incidents.types import Change
from penstock.store.spans.metrics import MetricQuery, MetricResult
from penstock.store.spans.tree import Node

__all__ = ["Behind", "Changes", "Compile", "Examples", "Metrics", "Vault"]

Behind = Callable[[], str | None]
"""Why what the store holds is not all that has happened; None when it is."""


class Metrics(Protocol):
    """The part of the store of spans that is asked. Blocks; any thread may call."""

    def measure(self, query: MetricQuery) -> MetricResult:
        """Raises `InvalidInput` for what cannot be measured so, `Unavailable` while the store is down."""
        ...


class Compile(Protocol):
    """Reads the filter language. Blocking: names of keys are looked up."""

    def __call__(self, project: str, text: str, *, field: str = "q") -> Node | None:
        """The tree; None for an empty text. Raises `InvalidInput` with the field."""
        ...


class Changes(Protocol):
    """What people changed. Blocking."""

    def __call__(self, project: str, from_: int, to: int) -> Sequence[Change]:
        """Oldest first, those of the whole installation included."""
        ...


class Examples(Protocol):
    """Traces that show something. Blocking."""

    def __call__(self, project: str, query: str, from_: int, to: int) -> Sequence[str]:
        """Ids of a few calls or roots that fit, newest first."""
        ...


class Vault(Protocol):
    """Sealed texts by name. Blocking."""

    def put(self, name: str, value: str) -> None: ...

    def open(self, name: str) -> str:
        """Raises `PenstockError` when it is not there, or cannot be read."""
        ...

    def drop(self, name: str) -> None:
        """Nothing happens when it is not there."""
        ...
