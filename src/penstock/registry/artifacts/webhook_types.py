"""Webhooks as people write and see them. Times are microseconds since the epoch, UTC."""

from typing import Literal

import msgspec

from penstock.registry.artifacts.types import EventType

__all__ = ["NewWebhook", "Webhook", "WebhookDelivery", "WebhookTest", "WebhookWithSecret"]


class NewWebhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    """1 to 63 letters, digits, dots, dashes and underscores."""
    url: str | None = None
    """Where events are posted to. Of a webhook that exists null keeps its address."""
    events: list[str] = []
    """Types of events; empty is all."""
    kinds: list[str] = []
    """Kinds of artifacts; empty is all."""
    secret: str | None = None
    """`whsec_…`; null makes one, or keeps that of the same address."""
    enabled: bool = True

    def __repr__(self) -> str:
        # The default would print address and secret into whatever log shows the object.
        return f"NewWebhook(name={self.name!r})"


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook without its address, which is sealed and shown to nobody."""

    id: str
    project: str
    name: str
    host: str
    events: list[str]
    kinds: list[str]
    enabled: bool
    created: int
    created_by: str
    updated: int
    last_sent: int | None
    last_error: str | None
    """Of the last try; null when it succeeded."""


class WebhookWithSecret(Webhook, frozen=True, kw_only=True):
    """A webhook with what signs its requests: this is the only time it is shown."""

    secret: str | None
    """Null: nothing was changed about it."""

    def __repr__(self) -> str:
        return f"WebhookWithSecret(id={self.id!r}, name={self.name!r})"


class WebhookTest(msgspec.Struct, frozen=True, kw_only=True):
    sent: bool
    error: str | None


class WebhookDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """An event on its way to a webhook."""

    id: str
    webhook: str
    event: str
    """Id of the event, `webhook-id` of each try."""
    type: EventType
    status: Literal["waiting", "sent", "dead"]
    attempts: int
    created: int
    next_try: int | None
    finished: int | None
    error: str | None
    """Why the last try failed."""
