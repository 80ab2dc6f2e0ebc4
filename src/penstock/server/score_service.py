"""Scores, over the parts of this installation: its store, its log, its settings."""

from penstock.core.clock import Clock
from penstock.core.ids import Ids
from penstock.gateway.catalog import MAX_SALT
from penstock.registry.service import RegistryService
from penstock.tracing.scores.ports import ScoreLog, ScoreStore
from penstock.tracing.scores.service import ScoreService

__all__ = ["score_service"]


def score_service(
    store: ScoreStore, log: ScoreLog, registry: RegistryService, *, clock: Clock, ids: Ids
) -> ScoreService:
    """The service that writes to `log`, a writer of segments in `home.scores`, and makes tokens as the gateway does."""
    return ScoreService(
        store,
        log,
        clock=clock,
        ids=ids,
        feedback=lambda: registry.snapshot.feedback,
        salt=lambda: bytes.fromhex(registry.snapshot.user_salt)[:MAX_SALT],
    )
