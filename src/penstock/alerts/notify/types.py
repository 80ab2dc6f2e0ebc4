"""Channels, and what was sent through them. Times are microseconds since the epoch, UTC."""

from typing import Literal

import msgspec

__all__ = ["Channel", "ChannelTest", "Delivery", "DeliveryStatus", "NewChannel"]

DeliveryStatus = Literal["waiting", "sent", "failed"]
"""`failed`: given up."""


class NewChannel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way to tell people. Its address is a secret: it is sealed, and never shown again."""

    name: str
    """Unique in the project: 1 to 63 letters, digits, dots, dashes and underscores."""
    url: str | None = None
    """An address of apprise (`slack://…`, `mailtos://…`, `pagerduty://…`), or `https://…` for a signed webhook.
    Null, when a channel is changed: as before.
    """
    secret: str | None = None
    """Of a webhook: what signs its requests (`whsec_…`); null: one is made, and shown once."""

    def __repr__(self) -> str:
        # The default would print the address, which is a secret, into whatever log shows the object.
        return f"NewChannel(name={self.name!r})"


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    project: str
    name: str
    kind: str
    """`webhook`, or the scheme of apprise: `slack`, `mailtos`."""
    created: int
    created_by: str
    updated: int
    last_sent: int | None
    last_error: str | None
    """Of the last delivery, when it failed."""
    used_by: list[str]
    """Names of rules and objectives that tell it."""
    secret: str | None = None
    """A webhook's signing secret, in the answer that makes it only."""

    def __repr__(self) -> str:
        return f"Channel(id={self.id!r}, name={self.name!r}, kind={self.kind!r})"


class ChannelTest(msgspec.Struct, frozen=True, kw_only=True):
    sent: bool
    error: str | None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    channel: str
    created: int
    status: DeliveryStatus
    attempts: int
    next_try: int | None
    finished: int | None
    title: str
    error: str | None
