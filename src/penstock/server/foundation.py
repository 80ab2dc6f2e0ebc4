"""What the first snapshot needs, and no more: gateways wait for it while the rest of the console is loaded."""

import logging
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from penstock.core.clock import Clock, SystemClock
from penstock.core.errors import PenstockError
from penstock.core.home import Home
from penstock.core.ids import Ids, RandomIds
from penstock.identity.service import IdentityService
from penstock.registry.prompts.store import StoredPrompts
from penstock.registry.service import RegistryService
from penstock.registry.stored import StoredEntries
from penstock.store.metadata import Metadata, open_metadata
from penstock.wire.snapshot import ProviderEntry, Snapshot

__all__ = ["Foundation", "lay_foundation"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """The console's stores of who and what, with a snapshot published from them."""

    home: Home
    clock: Clock
    ids: Ids
    metadata: Metadata
    identity: IdentityService
    registry: RegistryService
    snapshot: Snapshot
    """The first one."""
    new: bool
    """Whether this home was made just now: nobody has an account yet."""


@contextmanager
def lay_foundation(folder: Path, *, config: Path | None, simulator_url: str | None) -> Generator[Foundation]:
    """Open the metadata store and publish; closed at the end.

    Raises:
        PenstockError: the store cannot be opened, or the configuration is wrong.
    """
    clock = SystemClock()
    ids = RandomIds(clock)
    home = Home(folder)
    home.create()
    publishing = _Publishing()
    with closing(open_metadata(home.metadata)) as metadata:
        identity = IdentityService(metadata, clock=clock, ids=ids, master_key=home.master_key, on_change=publishing)
        new = identity.bootstrap(home.path / "admin.key")
        registry = RegistryService(
            home,
            clock=clock,
            entries=identity.snapshot_entries,
            config=config,
            fallback=_simulated(simulator_url) if simulator_url else None,
            secrets=identity.secrets,
            stored=StoredEntries(metadata),
            prompts=StoredPrompts(metadata),
        )
        snapshot = registry.start()
        publishing.start(registry)
        yield Foundation(
            home=home,
            clock=clock,
            ids=ids,
            metadata=metadata,
            identity=identity,
            registry=registry,
            snapshot=snapshot,
            new=new is not None,
        )


class _Publishing:
    """Publishes the snapshot after each change of keys and projects.

    A change is announced from the thread that made it, and published from there: a revocation is in
    the snapshot when its request is answered.
    """

    def __init__(self) -> None:
        self._registry: RegistryService | None = None
        self._lock = threading.Lock()

    def start(self, registry: RegistryService) -> None:
        self._registry = registry

    def __call__(self) -> None:
        if self._registry is None:
            return
        with self._lock:
            try:
                self._registry.publish()
            except PenstockError as error:
                # The registry's watch tries again until it succeeds.
                logger.error("a change of keys could not be published yet: %s", error)  # noqa: TRY400 - no defect of ours


def _simulated(url: str) -> dict[str, ProviderEntry]:
    from penstock.registry.simulated import simulator_providers  # noqa: PLC0415 - where no provider is configured

    return simulator_providers(url)
