"""What the registry needs from its neighbours."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from penstock.identity.types import SecretUse
from penstock.wire.limits import LimitEntry
from penstock.wire.routing import RouteEntry
from penstock.wire.snapshot import KeyEntry, ProjectEntry

__all__ = ["Entries", "ModelStat", "ModelStats", "ProviderStat", "StoredDefinitions", "StoredSecrets"]

Entries = Callable[[], tuple[Mapping[str, ProjectEntry], Mapping[str, KeyEntry]]]
"""The projects (by id) and live keys (by hash) of the identity slice, as they stand in its store."""


class StoredDefinitions(Protocol):
    """The routes and limits that came through the control API. Blocking."""

    def entries(self) -> tuple[Sequence[RouteEntry], Sequence[LimitEntry]]:
        """All of them; a limit's match is as it was written, by id or name."""
        ...


class StoredSecrets(Protocol):
    """The sealed secrets of the identity slice. Blocking."""

    def check(self, uses: Iterable[SecretUse]) -> list[tuple[SecretUse, str, str]]:
        """The uses that would send a secret where it was not saved for, with what is wrong and what to do."""
        ...

    def missing(self, uses: Iterable[SecretUse]) -> list[SecretUse]:
        """The uses of secrets that are not set."""
        ...

    def sealed_for(self, uses: Sequence[SecretUse]) -> dict[str, str]:
        """The sealed secrets that a snapshot with these uses carries, by name."""
        ...


class ModelStat(Protocol):
    """What one model at one provider served in a window."""

    @property
    def provider(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def calls(self) -> int: ...
    @property
    def errors(self) -> int: ...
    @property
    def tokens(self) -> int: ...
    @property
    def cost(self) -> int | None:
        """Nano-dollars of the calls whose cost is known; None when none is."""
        ...

    @property
    def p50(self) -> int | None:
        """Microseconds."""
        ...

    @property
    def p95(self) -> int | None: ...
    @property
    def ttft_p50(self) -> int | None: ...


class ProviderStat(Protocol):
    """How one provider did in a window."""

    @property
    def provider(self) -> str: ...
    @property
    def calls(self) -> int: ...
    @property
    def errors(self) -> int: ...
    @property
    def last_success(self) -> int | None:
        """Microseconds since the epoch."""
        ...

    @property
    def last_error(self) -> int | None: ...
    @property
    def last_error_message(self) -> str | None: ...


@runtime_checkable
class ModelStats(Protocol):
    """Answers from the span store. Blocking; called in a thread."""

    def model_stats(self, project: str, from_: int, to: int) -> Sequence[ModelStat]: ...

    def provider_stats(self, project: str, from_: int, to: int) -> Sequence[ProviderStat]: ...
