"""Control API of models and configuration.

The app provides the dependencies: `project` (id, from its guard), `registry`, `model_catalog` and `clock`.
"""

from typing import Annotated, Any

from litestar import Controller, Router, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput
from penstock.registry.models import ModelCatalog
from penstock.registry.service import RegistryService
from penstock.registry.types import ConfigState, ModelsPage

__all__ = ["registry_router"]

DAY = 86_400_000_000
"""Microseconds."""

Registry = NamedDependency[RegistryService]


class ModelsController(Controller):
    path = "/models"
    tags = ("models",)

    @get("/", operation_id="listModels", opt={"permission": "models:read"}, sync_to_thread=True)
    def list_models(
        self,
        *,
        registry: Registry,
        model_catalog: NamedDependency[ModelCatalog],
        clock: NamedDependency[SkipValidation[Clock]],
        project: NamedDependency[str],
        from_: Annotated[
            int | None,
            QueryParameter(name="from", description="Microseconds since the epoch; without it, a day before `to`."),
        ] = None,
        to: Annotated[
            int | None, QueryParameter(name="to", description="Microseconds since the epoch; without it, now.")
        ] = None,
    ) -> ModelsPage:
        """Providers with their health, prices, and what each model served in the window."""
        end = clock.now() if to is None else to
        start = end - DAY if from_ is None else from_
        if start >= end:
            raise InvalidInput(f"expected `from` to be before `to`, got {start} and {end}.", field="from")
        return model_catalog.page(registry.snapshot, project=project, from_=start, to=end)


class ConfigController(Controller):
    path = "/config"
    tags = ("config",)

    @get("/", operation_id="getConfig", opt={"permission": "config:read"}, sync_to_thread=True)
    def get_config(self, registry: Registry) -> ConfigState:
        """The state of the configuration file: what is served, and why a newer file is not."""
        return registry.state()


def registry_router() -> Router:
    """The routes of this slice, to be mounted under `/api/v1`."""
    handlers: list[Any] = [ModelsController, ConfigController]
    return Router("/", route_handlers=handlers)
