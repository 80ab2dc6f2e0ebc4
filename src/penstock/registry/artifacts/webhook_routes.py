"""Control API of webhooks."""

from typing import Annotated

import msgspec
from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter

from penstock.identity.types import Principal
from penstock.registry.artifacts.service import ArtifactService
from penstock.registry.artifacts.webhook_types import (
    NewWebhook,
    Webhook,
    WebhookDelivery,
    WebhookTest,
    WebhookWithSecret,
)

__all__ = ["WebhookDeliveriesController", "WebhooksController"]

Artifacts = NamedDependency[ArtifactService]
Caller = NamedDependency[Principal]
ProjectId = NamedDependency[str]
Id = Annotated[str, PathParameter(description="Id of the webhook.")]


class WebhookPage(msgspec.Struct, frozen=True, kw_only=True):
    """Webhooks by name."""

    items: list[Webhook]
    next_cursor: str | None


class WebhookDeliveryPage(msgspec.Struct, frozen=True, kw_only=True):
    """Deliveries of a webhook, newest first."""

    items: list[WebhookDelivery]
    next_cursor: str | None


class WebhooksController(Controller):
    path = "/webhooks"
    tags = ("webhooks",)

    @get("/", operation_id="listWebhooks", opt={"permission": "webhooks:read"}, sync_to_thread=True)
    def list_webhooks(self, artifacts: Artifacts, project: ProjectId) -> WebhookPage:
        return WebhookPage(items=artifacts.webhooks.listed(project), next_cursor=None)

    @post("/", operation_id="createWebhook", opt={"permission": "webhooks:write"}, sync_to_thread=True)
    def create_webhook(
        self, artifacts: Artifacts, principal: Caller, project: ProjectId, data: JSONBody[NewWebhook]
    ) -> WebhookWithSecret:
        """Store a webhook. Its address is sealed and never shown again; its secret is in this answer only."""
        return artifacts.webhooks.create(principal, project, data)

    @get("/{id:str}", operation_id="getWebhook", opt={"permission": "webhooks:read"}, sync_to_thread=True)
    def get_webhook(self, artifacts: Artifacts, project: ProjectId, id: Id) -> Webhook:  # noqa: A002 - the address's name for it
        return artifacts.webhooks.get(project, id)

    @put("/{id:str}", operation_id="putWebhook", opt={"permission": "webhooks:write"}, sync_to_thread=True)
    def put_webhook(
        self,
        artifacts: Artifacts,
        principal: Caller,
        project: ProjectId,
        id: Id,  # noqa: A002 - as above
        data: JSONBody[NewWebhook],
    ) -> WebhookWithSecret:
        """Write a webhook anew; without an address it keeps the one it has."""
        return artifacts.webhooks.replace(principal, project, id, data)

    @delete("/{id:str}", operation_id="deleteWebhook", opt={"permission": "webhooks:write"}, sync_to_thread=True)
    def delete_webhook(
        self,
        artifacts: Artifacts,
        principal: Caller,
        project: ProjectId,
        id: Id,  # noqa: A002 - as above
    ) -> None:
        artifacts.webhooks.delete(principal, project, id)

    @post(
        "/{id:str}/test",
        operation_id="testWebhook",
        opt={"permission": "webhooks:write"},
        status_code=200,
        sync_to_thread=True,
    )
    def test_webhook(self, artifacts: Artifacts, project: ProjectId, id: Id) -> WebhookTest:  # noqa: A002 - as above
        """Send an event that says it is a test, and tell how it went."""
        return artifacts.webhooks.test(project, id)

    @get(
        "/{id:str}/deliveries",
        operation_id="listWebhookDeliveries",
        opt={"permission": "webhooks:read"},
        sync_to_thread=True,
    )
    def list_deliveries(
        self,
        *,
        artifacts: Artifacts,
        project: ProjectId,
        id: Id,  # noqa: A002 - as above
        cursor: Annotated[
            str | None, QueryParameter(name="cursor", description="The `next_cursor` of the page before.")
        ] = None,
        limit: Annotated[int, QueryParameter(name="limit", description="Entries on one page, 1 to 200.")] = 50,
    ) -> WebhookDeliveryPage:
        """What was sent, what waits for another try, and what was given up with its reason."""
        found = artifacts.webhooks.deliveries(project, id, before=cursor, limit=limit)
        return WebhookDeliveryPage(items=found, next_cursor=found[-1].id if len(found) == limit else None)


class WebhookDeliveriesController(Controller):
    path = "/webhook-deliveries"
    tags = ("webhooks",)

    @post(
        "/{id:str}/retry",
        operation_id="retryWebhookDelivery",
        opt={"permission": "webhooks:write"},
        status_code=200,
        sync_to_thread=True,
    )
    def retry_delivery(
        self,
        artifacts: Artifacts,
        principal: Caller,
        project: ProjectId,
        id: Annotated[str, PathParameter(description="Id of the delivery.")],  # noqa: A002 - as above
    ) -> WebhookDelivery:
        """Try a dead delivery again."""
        return artifacts.webhooks.retry(principal, project, id)
