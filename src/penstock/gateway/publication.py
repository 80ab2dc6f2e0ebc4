"""Taking up what the control plane publishes: read, check, swap in whole."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from penstock.core.errors import CorruptData, Unavailable
from penstock.core.secrets import MasterKeys
from penstock.gateway.catalog import Catalog
from penstock.gateway.ports import PricingFactory
from penstock.gateway.routing.registry import Health
from penstock.wire.snapshot import decode_snapshot

__all__ = ["Publication"]

logger = logging.getLogger(__name__)

Signature = tuple[int, int, int]


class Publication:
    """The snapshot file and the catalog made of its last good content.

    A file that cannot be read or trusted changes nothing: the last good catalog goes on serving.
    """

    def __init__(
        self,
        path: Path,
        pricing: PricingFactory,
        health: Health,
        *,
        environment: Mapping[str, str] | None = None,
        master_keys: Callable[[], MasterKeys] | None = None,
    ) -> None:
        self._path = path
        self._pricing = pricing
        self._health = health
        self._environment = environment
        self._master_keys = master_keys
        self._seen: Signature | None = None
        self._catalog: Catalog | None = None
        self.listeners: list[Callable[[Catalog], None]] = []
        self.problem: str | None = None
        """Why the newest file was not taken; None when it was."""

    @property
    def ready(self) -> bool:
        return self._catalog is not None

    def project_name(self, project: str) -> str:
        """Of a project's id; the id itself when it is not known here."""
        known = self._catalog.snapshot.projects.get(project) if self._catalog is not None else None
        return project if known is None else known.name

    @property
    def catalog(self) -> Catalog:
        """The catalog to serve a call with.

        Raises:
            Unavailable: `not_ready`: nothing has been published yet.
        """
        if self._catalog is None:
            raise Unavailable(
                "The gateway has no configuration yet." if self.problem is None else self.problem,
                hint="Start the console with the same --home; it publishes the snapshot the gateway serves.",
                code="not_ready",
            )
        return self._catalog

    def refresh(self) -> bool:
        """Take up the file if it changed. Cheap when it did not: one `stat`. True when swapped."""
        try:
            stat = self._path.stat()
        except OSError:
            return False
        signature = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if signature == self._seen:
            return False
        self._seen = signature
        try:
            snapshot = decode_snapshot(self._path.read_bytes())
        except (OSError, CorruptData) as error:
            self.problem = f"The snapshot {self._path.name} was refused: {error}"
            logger.error("%s; %s", self.problem, "the last good one stays" if self.ready else "nothing to serve yet")  # noqa: TRY400 - the cause is in the text
            return False
        self.problem = None
        self._catalog = Catalog(
            snapshot, self._pricing, self._health, environment=self._environment, master_keys=self._master_keys
        )
        self._health.retain(snapshot.providers, [entry.name for entry in snapshot.routes.values()])
        logger.info("serving snapshot version %d", snapshot.version)
        for listener in self.listeners:
            listener(self._catalog)
        return True
