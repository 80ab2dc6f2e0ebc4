"""The intake of spans that applications send, over the parts of this installation: its log, its prices, its hash."""

from penstock.core.clock import Clock
from penstock.core.home import Home
from penstock.registry.service import RegistryService
from penstock.server.reported_pricing import ReportedPricing
from penstock.server.user_hash import user_hash
from penstock.store.journal.writer import JournalWriter
from penstock.tracing.otlp.intake import OtlpIntake
from penstock.tracing.otlp.worker.client import MappingWorker

__all__ = ["otlp_intake"]


def otlp_intake(log: JournalWriter, home: Home, registry: RegistryService, *, clock: Clock) -> OtlpIntake:
    """The intake that writes to `log`, a writer of segments in `home.intake`."""
    return OtlpIntake(
        log,
        home.intake,
        clock=clock,
        pricing=ReportedPricing(lambda: registry.snapshot),
        hide=lambda user: user_hash(registry.snapshot, user),
        worker=MappingWorker(["-P", "-m", "penstock.server.otlp_worker", "--home", str(home.path)], clock=clock),
    )
