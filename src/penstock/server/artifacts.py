"""The registry of artifacts, bound to the stores and to what sends webhooks."""

import logging
from collections.abc import Callable

from penstock.alerts.notify.network import ALLOW_VARIABLE, allowed_networks
from penstock.alerts.notify.vault import StoredVault
from penstock.core.clock import Clock
from penstock.core.errors import PenstockError
from penstock.core.home import Home
from penstock.core.ids import Ids
from penstock.core.settings import Environment, process_environment
from penstock.identity.service import IdentityService
from penstock.registry.artifacts.ports import WebhookSender
from penstock.registry.artifacts.service import ArtifactService
from penstock.registry.service import RegistryService
from penstock.server.artifact_kinds import artifact_kinds
from penstock.server.webhook_sender import CheckedSender
from penstock.store.metadata import Metadata

__all__ = ["artifact_service"]

logger = logging.getLogger(__name__)


def artifact_service(
    metadata: Metadata,
    identity: IdentityService,
    registry: RegistryService,
    *,
    home: Home,
    clock: Clock,
    ids: Ids,
    sender: WebhookSender | None = None,
    environment: Environment | None = None,
) -> ArtifactService:
    """The service over open stores.

    Args:
        metadata: The open metadata store.
        identity: Keeps secrets.
        registry: Publishes what gateways are to learn.
        home: Where the master key lies.
        clock: Where time comes from.
        ids: Where ids come from.
        sender: Sends webhooks; None: over the network.
        environment: Where the operator's networks are allowed; None is the process's own.
    """
    variables = process_environment() if environment is None else environment
    return ArtifactService(
        metadata,
        clock=clock,
        ids=ids,
        vault=StoredVault(identity.secrets, metadata, master_key=home.master_key, environment=environment),
        sender=sender or CheckedSender(allowed_networks(variables.get(ALLOW_VARIABLE))),
        kinds=artifact_kinds(),
        on_change=_publishing(registry),
    )


def _publishing(registry: RegistryService) -> Callable[[], None]:
    def publish() -> None:
        try:
            registry.publish()
        except PenstockError as error:
            # It is stored; the registry's watch publishes it as soon as the disk allows.
            logger.error("a label that moved could not be published yet: %s", error)  # noqa: TRY400 - no defect of ours

    return publish
