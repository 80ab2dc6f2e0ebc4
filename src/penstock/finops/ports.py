"""What finops needs from outside."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from penstock.finops.types import Reconciliation
from penstock.store.spans.queries.spend import Area, Peak, PeakOf, Saved, Spending, Top, TopOf
from penstock.wire.snapshot import Snapshot
from penstock.wire.status import WorkerReport

__all__ = ["KeyNames", "Published", "Reconciler", "Reports", "SpendStore", "UserHash", "Viewer"]

Published = Callable[[], Snapshot]
"""The snapshot that is published. Raises `Unavailable` before the first."""
Reports = Callable[[], Sequence[WorkerReport]]
"""What the gateway's living workers say of themselves."""
UserHash = Callable[[str], str]
"""The keyed hash that stands for an end user in the records of this installation."""
KeyNames = Callable[[str], Mapping[str, str]]
"""Names of a project's keys by id, revoked ones too."""


class Grants(Protocol):
    @property
    def everywhere(self) -> frozenset[str]:
        """Permissions that hold in every project."""
        ...


class Viewer(Protocol):
    """Who asks."""

    @property
    def grants(self) -> Grants: ...


class SpendStore(Protocol):
    """Questions about money to the span store. Blocking; raises `Unavailable` while the store is down."""

    def spending(self, area: Area, *, step: int, most: int, history: int) -> Spending:
        """What an area spent, and the course of those who spent most."""
        ...

    def spenders(self, area: Area, kinds: Sequence[TopOf]) -> dict[TopOf, list[Top]]:
        """Who is behind what an area spent."""
        ...

    def peak(self, area: Area, what: PeakOf, *, step: int) -> Peak | None:
        """The most that one counter of an area had in one step."""
        ...

    def saved(self, project: str, from_: int, to: int, *, step: int) -> Saved:
        """What the cache answered and saved."""
        ...


class Reconciler(Protocol):
    """Compares counters with records. Blocking."""

    def reconcile(self, *, fix: bool) -> Reconciliation:
        """Look; with `fix`, put counters right that differ.

        Raises:
            Unavailable: counters or records cannot be read.
        """
        ...
