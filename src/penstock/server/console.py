"""The console when its first snapshot is out: ingests the journal, runs the jobs, serves the app."""

import asyncio
import logging
from contextlib import ExitStack, closing
from dataclasses import dataclass

import uvicorn

from penstock.alerts.jobs import AlertJob
from penstock.registry.artifacts.jobs import WebhookJob
from penstock.registry.definitions import Definitions
from penstock.registry.prompts.service import PromptService
from penstock.registry.prompts.store import StoredPrompts
from penstock.server.alerting import alert_service, ingestion_behind
from penstock.server.artifacts import artifact_service
from penstock.server.calibration_links import Labels
from penstock.server.console_app import ConsoleServices, ConsoleSettings, create_app
from penstock.server.evaluation import evaluation, experiment_outputs, playground
from penstock.server.experiments import ConsoleAccess, dataset_rows, experiment_job, experiment_services
from penstock.server.foundation import Foundation
from penstock.server.gateway_access import GatewayAccess
from penstock.server.gateway_state import Folding
from penstock.server.key_retirement import KeyRetirement
from penstock.server.key_uses import KeyUses
from penstock.server.metrics_routes import metrics_route
from penstock.server.otlp_intake import otlp_intake
from penstock.server.plane_server import PlaneServer
from penstock.server.process import adopt_socket, announce_ready, relax_collector, stop_with_parent
from penstock.server.protocol import BoundedProtocol
from penstock.server.reconciliation import BudgetReconciler, spend_service, user_hash
from penstock.server.score_service import score_service
from penstock.server.span_export import SpanExport
from penstock.server.span_flow import span_flow
from penstock.store.journal.writer import JournalWriter
from penstock.store.spans.open import batch_bytes, open_configured
from penstock.tracing.jobs import IngestJob
from penstock.tracing.observability import observe
from penstock.tracing.otlp.intake import keep_sealing
from penstock.tracing.retention.jobs import DeletionJob, RetentionJob
from penstock.tracing.service import TracingService
from penstock.wire.snapshot import JournalSettings, ProviderEntry

__all__ = ["ConsoleSettings", "Ends", "serve"]

logger = logging.getLogger(__name__)

STOP_SECONDS = 5
"""How long a stopping console waits for requests; a live tail never ends by itself."""


@dataclass(frozen=True, kw_only=True)
class Ends:
    """What ties the process to its parent."""

    listen_fd: int
    ready_fd: int | None
    parent_fd: int | None


async def serve(foundation: Foundation, *, settings: ConsoleSettings, simulated: bool, ends: Ends) -> None:
    """Serve until told to stop; then store what lies sealed in the journal, and return.

    Raises:
        PenstockError: the span store cannot be opened.
    """
    home, clock, ids = foundation.home, foundation.clock, foundation.ids
    metadata, identity, registry = foundation.metadata, foundation.identity, foundation.registry
    with ExitStack() as stack:
        spans = stack.enter_context(closing(open_configured(registry.config.stores, home, clock=clock)))
        folding = Folding(home, clock=clock)
        export = SpanExport(home, foundation.snapshot.telemetry)
        ingest = IngestJob(
            spans,
            home.journal,
            clock=clock,
            intake=home.intake,
            scores=home.scores,
            fold=folding.fold,
            keep=export.keep,
            batch_bytes=batch_bytes(registry.config.stores),
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
            spans,
            ingest,
            clock=clock,
            home=home,
            key_names=identity.keys.names,
            reader=observability.reader,
            flow=lambda: span_flow(home, otlp, export.senders),
        )
        spend = spend_service(spans, registry, key_names=identity.keys.names, clock=clock)
        reconciler = BudgetReconciler(
            home, spans, snapshot=lambda: registry.snapshot, key_names=identity.keys.names, clock=clock, ids=ids
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
        artifacts = artifact_service(metadata, identity, registry, home=home, clock=clock, ids=ids)
        evals = stack.enter_context(
            closing(
                evaluation(
                    metadata,
                    artifacts,
                    home=home,
                    clock=clock,
                    ids=ids,
                    spans=spans,
                    reader=observability.reader,
                    outputs=experiment_outputs(lambda: experiments.results),
                )
            )
        )
        prompts = PromptService(StoredPrompts(metadata), snapshot=lambda: registry.snapshot, clock=clock)
        models = GatewayAccess(settings.gateway_url, identity.console_keys, registry.workers)
        experiments = stack.enter_context(
            closing(
                experiment_services(
                    metadata,
                    clock=clock,
                    ids=ids,
                    labels=Labels(evals.annotation, evals.datasets),
                    models=models,
                    datasets=dataset_rows(evals.datasets),
                    artifacts=artifacts,
                    spans=spans,
                )
            )
        )
        access = ConsoleAccess(models, tracing, prompts)
        app = create_app(
            ConsoleServices(
                experiments=experiments,
                identity=identity,
                alerts=alerts,
                artifacts=artifacts,
                evaluation=evals,
                playground=playground(prompts, models, tracing, clock=clock, ids=ids),
                prompts=prompts,
                tracing=tracing,
                observability=observability,
                otlp=otlp,
                scores=score_service(spans, judged, registry, clock=clock, ids=ids),
                registry=registry,
                definitions=Definitions(metadata, registry=registry, clock=clock, ids=ids),
                spend=spend,
                reconciler=reconciler,
                settings=settings,
            ),
            also=[metrics_route(home)],
        )
        server = PlaneServer(_config(app))
        stop_with_parent(ends.parent_fd, server.stop)
        async with asyncio.TaskGroup() as tasks:
            jobs = [tasks.create_task(keep_sealing(received, judged))]
            jobs.append(tasks.create_task(export.run()))
            jobs += [tasks.create_task(ingest.run()), tasks.create_task(registry.watch())]
            jobs.append(tasks.create_task(AlertJob(alerts, behind=lambda: ingestion_behind(ingest)).run()))
            jobs.append(tasks.create_task(experiment_job(experiments.experiments, access, clock=clock, ids=ids).run()))
            jobs.append(tasks.create_task(WebhookJob(artifacts.webhooks, clock=clock).run()))
            jobs.append(tasks.create_task(KeyUses(spans, ingest, identity.touch_keys).run()))
            jobs.append(tasks.create_task(KeyRetirement(home.workers, registry, identity.secrets, clock=clock).run()))
            jobs.append(tasks.create_task(DeletionJob(spans, metadata, home=home, clock=clock).run()))
            jobs.append(tasks.create_task(RetentionJob(spans, metadata, clock=clock, ids=ids).run()))
            announce_ready(
                ends.ready_fd,
                simulator=simulated,
                first_model=next(
                    (name for entry in foundation.snapshot.providers.values() for name in _models(entry)), None
                ),
                signin_url=f"{settings.url}/signin#token={identity.new_signin_link().token}"
                if foundation.new
                else None,
            )
            relax_collector()
            await server.serve(sockets=[adopt_socket(ends.listen_fd)])
            jobs[0].cancel()
            received.close()
            judged.close()
            await ingest.finish()
            for job in jobs:
                job.cancel()
    logger.info("console stopped")


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
