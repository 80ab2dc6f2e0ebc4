"""The console's process: opens the stores, publishes the snapshot, ingests the journal, serves the app."""

import argparse
import asyncio
import logging
import os
import sys
import threading
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import uvicorn
import uvloop

from penstock.alerts.jobs import AlertJob
from penstock.core.clock import SystemClock
from penstock.core.errors import PenstockError
from penstock.core.home import Home
from penstock.core.ids import RandomIds
from penstock.identity.service import IdentityService
from penstock.registry.definitions import Definitions
from penstock.registry.service import RegistryService
from penstock.registry.simulated import simulator_providers
from penstock.registry.stored import StoredEntries
from penstock.server.alerting import alert_service, ingestion_behind
from penstock.server.console_app import ConsoleServices, ConsoleSettings, create_app
from penstock.server.gateway_state import Folding
from penstock.server.key_retirement import KeyRetirement
from penstock.server.key_uses import KeyUses
from penstock.server.metrics_routes import metrics_route
from penstock.server.otlp_intake import otlp_intake
from penstock.server.process import PlaneServer, adopt_socket, announce_ready, set_up_logging, stop_with_parent
from penstock.server.protocol import BoundedProtocol
from penstock.server.reconciliation import BudgetReconciler, spend_service, user_hash
from penstock.server.score_service import score_service
from penstock.server.span_export import SpanExport
from penstock.store.journal.writer import JournalWriter
from penstock.store.metadata import open_metadata
from penstock.store.spans.open import open_configured
from penstock.tracing.jobs import IngestJob
from penstock.tracing.observability import observe
from penstock.tracing.otlp.intake import keep_sealing
from penstock.tracing.retention.jobs import DeletionJob, RetentionJob
from penstock.tracing.service import TracingService
from penstock.wire.snapshot import JournalSettings, ProviderEntry

__all__ = ["main", "serve"]

logger = logging.getLogger(__name__)

EXIT_COULD_NOT = 2
NICENESS = 5
STOP_SECONDS = 5
"""How long a stopping console waits for requests; a live tail never ends by itself."""


class Publishing:
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


async def serve(options: argparse.Namespace) -> None:
    """Serve until told to stop; then store what the journal still holds, and return.

    Raises:
        PenstockError: a store cannot be opened, or the configuration is wrong.
    """
    clock = SystemClock()
    ids = RandomIds(clock)
    home = Home(options.home)
    home.create()
    publishing = Publishing()
    with ExitStack() as stack:
        metadata = stack.enter_context(closing(open_metadata(home.metadata)))
        identity = IdentityService(metadata, clock=clock, ids=ids, master_key=home.master_key, on_change=publishing)
        first = identity.bootstrap(home.path / "admin.key")
        registry = RegistryService(
            home,
            clock=clock,
            entries=identity.snapshot_entries,
            config=options.config,
            fallback=simulator_providers(options.simulator_url) if options.simulator_url else None,
            secrets=identity.secrets,
            stored=StoredEntries(metadata),
        )
        definitions = Definitions(metadata, registry=registry, clock=clock, ids=ids)
        snapshot = registry.start()
        publishing.start(registry)
        spans = stack.enter_context(closing(open_configured(registry.config.stores, home, clock=clock)))
        folding = Folding(home, clock=clock)
        export = SpanExport(home, snapshot.telemetry)
        ingest = IngestJob(
            spans,
            home.journal,
            clock=clock,
            intake=home.intake,
            scores=home.scores,
            fold=folding.fold,
            keep=export.keep,
        )
        received = JournalWriter(home.intake, JournalSettings(), clock=clock, ids=ids)
        received.start()
        otlp = stack.enter_context(closing(otlp_intake(received, home, registry, clock=clock)))
        judged = JournalWriter(home.scores, JournalSettings(), clock=clock, ids=ids)
        judged.start()
        observability = observe(
            spans,
            metadata,
            clock=clock,
            ids=ids,
            key_names=identity.keys.names,
            user_hash=lambda user: user_hash(registry.snapshot, user),
        )
        tracing = TracingService(
            spans, ingest, clock=clock, home=home, key_names=identity.keys.names, reader=observability.reader
        )
        spend = spend_service(spans, registry, key_names=identity.keys.names, clock=clock)
        reconciler = BudgetReconciler(
            home, spans, snapshot=lambda: registry.snapshot, key_names=identity.keys.names, clock=clock, ids=ids
        )
        settings = ConsoleSettings(
            console_url=options.console_url, public_url=options.public_url, gateway_url=options.gateway_url
        )
        alerts = alert_service(
            spans,
            metadata,
            identity,
            reader=observability.reader,
            home=home,
            settings=settings,
            clock=clock,
            ids=ids,
        )
        app = create_app(
            ConsoleServices(
                identity=identity,
                alerts=alerts,
                tracing=tracing,
                observability=observability,
                otlp=otlp,
                scores=score_service(spans, judged, registry, clock=clock, ids=ids),
                registry=registry,
                definitions=definitions,
                spend=spend,
                reconciler=reconciler,
                settings=settings,
            ),
            also=[metrics_route(home)],
        )
        server = PlaneServer(_config(app))
        stop_with_parent(options.parent_fd, server.stop)
        async with asyncio.TaskGroup() as tasks:
            jobs = [tasks.create_task(keep_sealing(received, judged))]
            jobs.append(tasks.create_task(export.run()))
            jobs += [tasks.create_task(ingest.run()), tasks.create_task(registry.watch())]
            jobs.append(tasks.create_task(AlertJob(alerts, behind=lambda: ingestion_behind(ingest)).run()))
            jobs.append(tasks.create_task(KeyUses(spans, ingest, identity.touch_keys).run()))
            jobs.append(tasks.create_task(KeyRetirement(home.workers, registry, identity.secrets, clock=clock).run()))
            jobs.append(tasks.create_task(DeletionJob(spans, metadata, home=home, clock=clock).run()))
            jobs.append(tasks.create_task(RetentionJob(spans, metadata, clock=clock, ids=ids).run()))
            announce_ready(
                options.ready_fd,
                simulator=options.simulator_url is not None,
                first_model=next((name for entry in snapshot.providers.values() for name in _models(entry)), None),
                signin_url=f"{settings.url}/signin#token={identity.new_signin_link().token}" if first else None,
            )
            await server.serve(sockets=[adopt_socket(options.listen_fd)])
            jobs[0].cancel()
            received.close()
            judged.close()
            while await ingest.step():
                pass
            for job in jobs:
                job.cancel()
    logger.info("console stopped")


def main(arguments: list[str] | None = None) -> None:
    """Entry of `python -m penstock.server.console_process`; the supervisor starts it."""
    parser = argparse.ArgumentParser(prog="penstock.server.console_process", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--console-url", required=True, help="where the listening socket is reached")
    parser.add_argument("--public-url", help="where people's browsers reach the console")
    parser.add_argument("--gateway-url", help="shown to people")
    parser.add_argument("--simulator-url", help="the provider to use when none is configured")
    parser.add_argument("--listen-fd", type=int, required=True, help="listening socket, inherited")
    parser.add_argument("--ready-fd", type=int, help="pipe on which to say that the console serves")
    parser.add_argument("--parent-fd", type=int, help="pipe whose end means that the parent is gone")
    parser.add_argument("--log-level", default="INFO")
    options = parser.parse_args(arguments)
    set_up_logging(options.log_level)
    # Where both planes share a machine, calls come before what is known of them.
    os.nice(NICENESS)
    with suppress(KeyboardInterrupt):
        try:
            uvloop.run(serve(options))
        except PenstockError as error:
            sys.stderr.write(f"penstock: {error}\n")
            raise SystemExit(EXIT_COULD_NOT) from None


def _models(provider: ProviderEntry) -> list[str]:
    return [f"{provider.name}/{model}" for model in provider.models]


def _config(app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        loop="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


if __name__ == "__main__":
    main()
