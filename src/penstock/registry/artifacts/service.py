"""The registry of artifacts, put together."""

from collections.abc import Callable, Iterable
from typing import final

from penstock.core.clock import Clock
from penstock.core.ids import Ids
from penstock.registry.artifacts.catalog import Catalog
from penstock.registry.artifacts.comments import Comments
from penstock.registry.artifacts.context import Context
from penstock.registry.artifacts.kinds import ArtifactKind, Kinds, default_kinds
from penstock.registry.artifacts.labelled import Labelled
from penstock.registry.artifacts.labels import Labels
from penstock.registry.artifacts.lineage import Lineage
from penstock.registry.artifacts.ports import Vault, WebhookSender
from penstock.registry.artifacts.versions import Versions
from penstock.registry.artifacts.webhooks import Webhooks
from penstock.store.metadata import Metadata

__all__ = ["ArtifactService"]


def _nobody_listens() -> None:
    """The default of `on_change`."""


@final
class ArtifactService:
    """The parts of this slice that routes and jobs work with. All methods block.

    Args:
        metadata: The open store.
        clock: Where time comes from.
        ids: Where ids come from.
        vault: Keeps the addresses of webhooks.
        sender: Sends webhooks.
        kinds: In place of the default ones of their names.
        on_change: Called after each commit that a gateway must learn of: a label that moved, an artifact that was
            archived. It must not raise.
    """

    def __init__(
        self,
        metadata: Metadata,
        *,
        clock: Clock,
        ids: Ids,
        vault: Vault,
        sender: WebhookSender,
        kinds: Iterable[ArtifactKind] = (),
        on_change: Callable[[], None] = _nobody_listens,
    ) -> None:
        self.kinds = Kinds([*default_kinds(), *kinds])
        context = Context(metadata=metadata, kinds=self.kinds, clock=clock, ids=ids, on_change=on_change)
        self.catalog = Catalog(context)
        self.lineage = Lineage(context)
        self.versions = Versions(context, catalog=self.catalog, lineage=self.lineage)
        self.labels = Labels(context)
        self.comments = Comments(context)
        self.webhooks = Webhooks(context, vault=vault, sender=sender)
        self.labelled = Labelled(context)
