"""The console's web app: every slice's routes under one guard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec
from litestar import Litestar, Router, get
from litestar.di import NamedDependency, Provide
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.types import ControllerRouterHandler, Receive, Scope, Send
from litestar.types.asgi_types import LifeSpanReceive, LifeSpanScope, LifeSpanSend

from penstock.alerts.routes import alerts_router
from penstock.alerts.service import AlertService
from penstock.core.clock import Clock, SystemClock
from penstock.evals.annotation.routes import annotation_router
from penstock.evals.datasets.routes import datasets_router
from penstock.evals.experiments.calibration_routes import calibrations_router
from penstock.evals.experiments.routes import experiments_router
from penstock.evals.playground.routes import playground_router
from penstock.evals.playground.service import Playground
from penstock.finops.ports import Reconciler
from penstock.finops.routes import finops_router
from penstock.finops.service import SpendService
from penstock.identity.routes import identity_router
from penstock.identity.service import IdentityService
from penstock.registry.artifacts.routes import artifacts_router
from penstock.registry.artifacts.service import ArtifactService
from penstock.registry.definitions import Definitions
from penstock.registry.models import ModelCatalog
from penstock.registry.prompts.routes import prompts_router
from penstock.registry.prompts.service import PromptService
from penstock.registry.routes import registry_router
from penstock.registry.service import RegistryService
from penstock.server.api_document import openapi_config
from penstock.server.auth import (
    Gatekeeper,
    check_declared,
    provide_named_project,
    provide_principal,
    provide_project,
)
from penstock.server.edge import Edge
from penstock.server.evaluation import Evaluation
from penstock.server.experiments import ExperimentServices
from penstock.server.problems import EXCEPTION_HANDLERS
from penstock.server.session_routes import SessionController
from penstock.server.settings import ConsoleSettings
from penstock.server.static_ui import static_handler
from penstock.tracing.observability import Observability
from penstock.tracing.otlp.intake import OtlpIntake
from penstock.tracing.otlp.routes import otlp_router
from penstock.tracing.routes import tracing_router
from penstock.tracing.scores.routes import scores_router
from penstock.tracing.scores.service import ScoreService
from penstock.tracing.service import TracingService

__all__ = ["ConsoleApp", "ConsoleServices", "ConsoleSettings", "create_app"]

MAX_BODY = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class ConsoleServices:
    """What the routes work with."""

    identity: IdentityService
    registry: RegistryService
    definitions: Definitions
    tracing: TracingService
    observability: Observability
    otlp: OtlpIntake
    scores: ScoreService
    alerts: AlertService
    artifacts: ArtifactService
    prompts: PromptService
    evaluation: Evaluation
    playground: Playground
    experiments: ExperimentServices
    spend: SpendService
    reconciler: Reconciler
    settings: ConsoleSettings = field(default_factory=ConsoleSettings)
    clock: Clock = field(default_factory=SystemClock)


class Liveness(msgspec.Struct, frozen=True, kw_only=True):
    status: str


class ConsoleApp(Litestar):
    """Litestar inside the edge: nothing reaches a route, or its absence, around the checks that come first."""

    __slots__ = ("_edge",)

    def __init__(self, *, settings: ConsoleSettings, clock: Callable[[], Clock], **options: Any) -> None:
        super().__init__(**options)  # pyright: ignore[reportUnknownMemberType] - the framework's generics
        self._edge = Edge(super().__call__, hosts=settings.hosts, https=settings.https, clock=clock)  # pyright: ignore[reportArgumentType] - the lifespan's types ride along
        check_declared(self)

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        """The framework's would load Pydantic and attrs wherever they are installed; every type here is msgspec's."""
        return [*plugins, MsgspecDIPlugin()]

    async def __call__(
        self,
        scope: Scope | LifeSpanScope,
        receive: Receive | LifeSpanReceive,
        send: Send | LifeSpanSend,
    ) -> None:
        await self._edge(scope, receive, send)  # pyright: ignore[reportArgumentType] - as above


@get(
    "/healthz",
    operation_id="getHealth",
    opt={"public": "tells only that the process answers"},
    sync_to_thread=False,
)
def _health() -> Liveness:
    return Liveness(status="ok")


@get(
    "/readyz",
    operation_id="getReadiness",
    opt={"public": "tells only whether the process can serve"},
    sync_to_thread=True,
)
def _ready(identity: NamedDependency[IdentityService]) -> Liveness:
    """503 with the reason's code while the metadata store cannot be read."""
    identity.revision()
    return Liveness(status="ok")


def create_app(services: ConsoleServices, *, also: Sequence[ControllerRouterHandler] = ()) -> ConsoleApp:
    """The app of one console process.

    Args:
        services: Open services; the caller closes them after the app has stopped.
        also: Further routes at the root, such as `/metrics`; each declares its permission like all others.

    Raises:
        ImproperlyConfiguredException: a route declares neither a permission nor why it is public.
    """
    return build(services.settings, lambda: services, also=also)


def build(
    settings: ConsoleSettings,
    services: Callable[[], ConsoleServices],
    *,
    also: Sequence[ControllerRouterHandler] = (),
) -> ConsoleApp:
    """The app around services that are asked for with the first request."""
    catalog = cache(lambda: ModelCatalog(services().tracing))

    def feedback_origins() -> tuple[str, ...]:
        return services().scores.origins()

    slices = [identity_router(), registry_router(), tracing_router(), finops_router(), scores_router(feedback_origins)]
    slices += [alerts_router(), artifacts_router(), prompts_router(), datasets_router(), experiments_router()]
    slices += [annotation_router(), calibrations_router(), playground_router()]
    api = Router("/api/v1", route_handlers=[SessionController, *slices])
    return ConsoleApp(
        settings=settings,
        clock=lambda: services().clock,
        route_handlers=[api, otlp_router(), _health, _ready, *also, static_handler(settings.static)],
        guards=[Gatekeeper(lambda: services().identity, origins=settings.origins).authorize],
        dependencies={
            "principal": Provide(provide_principal, sync_to_thread=False),
            "project": Provide(provide_project, sync_to_thread=False),
            "named_project": Provide(provide_named_project, sync_to_thread=False),
            "clock": Provide(lambda: services().clock, sync_to_thread=False),
            "identity": Provide(lambda: services().identity, sync_to_thread=False),
            "model_catalog": Provide(catalog, sync_to_thread=False),
            "definitions": Provide(lambda: services().definitions, sync_to_thread=False),
            "calibrations": Provide(lambda: services().experiments.calibrations, sync_to_thread=False),
            "calibration_runs": Provide(lambda: services().experiments.calibration_runs, sync_to_thread=False),
            "known_evaluators": Provide(lambda: services().experiments.known_evaluators, sync_to_thread=False),
            "experiments": Provide(lambda: services().experiments.experiments, sync_to_thread=False),
            "results": Provide(lambda: services().experiments.results, sync_to_thread=False),
            "progress": Provide(lambda: services().experiments.progress, sync_to_thread=False),
            "artifacts": Provide(lambda: services().artifacts, sync_to_thread=False),
            "prompts": Provide(lambda: services().prompts, sync_to_thread=False),
            "datasets": Provide(lambda: services().evaluation.datasets, sync_to_thread=False),
            "uploads": Provide(lambda: services().evaluation.uploads, sync_to_thread=False),
            "playground": Provide(lambda: services().playground, sync_to_thread=False),
            "annotation": Provide(lambda: services().evaluation.annotation, sync_to_thread=False),
            "checks": Provide(lambda: services().evaluation.checks, sync_to_thread=False),
            "imports": Provide(lambda: services().evaluation.imports, sync_to_thread=False),
            "alerts": Provide(lambda: services().alerts, sync_to_thread=False),
            "reconciler": Provide(lambda: services().reconciler, sync_to_thread=False),
            "registry": Provide(lambda: services().registry, sync_to_thread=False),
            "spend": Provide(lambda: services().spend, sync_to_thread=False),
            "scores": Provide(lambda: services().scores, sync_to_thread=False),
            "otlp": Provide(lambda: services().otlp, sync_to_thread=False),
            "observability": Provide(lambda: services().observability, sync_to_thread=False),
            "tracing": Provide(lambda: services().tracing, sync_to_thread=False),
            "settings": Provide(lambda: settings, sync_to_thread=False),
            "console_url": Provide(lambda: settings.url, sync_to_thread=False),
        },
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=openapi_config(),
        request_max_body_size=MAX_BODY,
        logging_config=None,
        debug=False,
    )
