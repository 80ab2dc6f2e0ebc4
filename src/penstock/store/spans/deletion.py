"""What is to be deleted, and how far that is."""

from collections.abc import Sequence

import msgspec

from penstock.store.spans.tree import Node
from penstock.wire.span import Kind

__all__ = ["Deleted", "DiskUse", "Remaining", "Selection"]


class Selection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Records of one project; all that is given must hold.

    With `traces`, `session`, `users`, `key` or `where` whole traces go: those that have a span for which it holds, and
    of `where` those whose row in the list it fits. What a person said may stand in any span of such a trace. Their
    scores go with them. Otherwise spans go one by one, by their age and kind, and scores by their age.
    """

    project: str
    traces: tuple[str, ...] = ()
    """Ids, 32 hex digits."""
    session: str | None = None
    users: tuple[str, ...] = ()
    """Hashes of end users, as they are stored; one of them is enough."""
    key: str | None = None
    """Id of a key."""
    where: Node | None = None
    before: int | None = None
    """Spans that started, and scores that were given, before this time: microseconds since the epoch."""
    kinds: tuple[Kind, ...] = ()
    """Spans of one of these kinds; empty: of any."""
    other_kinds: tuple[Kind, ...] = ()
    """Spans of none of these kinds."""
    spans: bool = True
    scores: bool = True

    @property
    def whole(self) -> bool:
        """Whether whole traces are meant."""
        return bool(self.traces or self.users) or any(
            given is not None for given in (self.session, self.key, self.where)
        )


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """How far a deletion is, since it began."""

    spans: int
    scores: int
    more: bool
    """Whether there was something to delete this time, so that there may be more."""


class Remaining(msgspec.Struct, frozen=True, kw_only=True):
    """What of a selection is stored."""

    spans: int
    scores: int

    @property
    def nothing(self) -> bool:
        return self.spans == 0 and self.scores == 0


class DiskUse(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of a store on disk, by what they hold."""

    spans: int
    payloads: int
    """Long texts apart from their rows."""
    rollups: int
    text_index: int
    scores: int
    free: int
    """In the files, empty, and used again for what comes."""
    growth: int
    """Bytes of a day, as of the spans that came in the last day."""
    by_project: Sequence[tuple[str, int]]
    """Spans of each project, by its id; the most first."""
