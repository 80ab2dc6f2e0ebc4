"""Records of retention and deletion, as the control API takes and gives them.

Times are microseconds since the epoch, UTC.
"""

from typing import Annotated, Literal

import msgspec

from penstock.wire.span import Kind

__all__ = [
    "Days",
    "Deletion",
    "DeletionRequest",
    "DeletionState",
    "DeletionsPage",
    "RetentionPolicy",
    "RetentionState",
]

DeletionState = Literal["waiting", "running", "done"]
Days = Annotated[int, msgspec.Meta(ge=1, le=36_500)]


class DeletionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is to be deleted; all that is given must hold, and something must be.

    With anything but `before` alone whole traces go, with their scores.
    """

    traces: list[str] = []
    """Ids of traces, at most 1,000."""
    session: str | None = None
    user: str | None = None
    """An end user's id as the application knows it, or its hash as traces show it."""
    key: str | None = None
    """Id of a key."""
    q: str | None = None
    """A search in the filter language; the traces whose row it finds."""
    before: int | None = None
    """Of what started before this time."""


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """One deletion, and how far it is."""

    id: str
    project: str
    what: DeletionRequest | None
    """None: spans or scores whose time is over."""
    state: DeletionState
    """`waiting` for what was on its way when it was asked for; `running`; `done`."""
    requested: int
    requested_by: str
    """Name of the key or person; `retention`."""
    started: int | None
    finished: int | None
    total: int
    """Spans found when it started; of whole traces those that say so, so that more may go."""
    spans: int
    """Deleted so far."""
    scores: int
    lines: int
    """Removed from what was set aside as unreadable."""
    verified: bool | None
    """True when a count at the end found nothing left; None until then."""
    error: str | None
    """Why it makes no progress now."""


class DeletionsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Deletions, newest first."""

    items: list[Deletion]
    next_cursor: str | None


class RetentionPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days for which a project keeps what it has; None is for ever."""

    default: Days | None = None
    """Of spans of a kind that is not named."""
    kinds: dict[Kind, Days | None] = {}
    scores: Days | None = None


class RetentionState(msgspec.Struct, frozen=True, kw_only=True):
    """The policy that holds."""

    policy: RetentionPolicy
    updated: int | None
    """None: it was never set."""
    updated_by: str | None
