"""Control API of models and configuration.

The app provides the dependencies: `project` (id, from its guard), `registry`, `model_catalog` and `clock`.
"""

from typing import Annotated

from litestar import Controller, Router, get
from litestar.params import Parameter

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput
from penstock.registry.models import ModelCatalog
from penstock.registry.service import RegistryService
from penstock.registry.types import ConfigState, ModelsPage

__all__ = ["registry_router"]

WINDOW = 24 * 3600 * 1_000_000
"""Microseconds before now, when the caller names no window."""


class ModelsController(Controller):
    path = "/models"
    tags = ("models",)

    @get("/", operation_id="listModels", opt={"permission": "models:read"}, sync_to_thread=True)
    def list_models(
        self,
        *,
        registry: RegistryService,
        model_catalog: ModelCatalog,
        clock: Clock,
        project: str,
        from_: Annotated[
            int | None, Parameter(query="from", description="Microseconds since the epoch; default a day before `to`.")
        ] = None,
        to: Annotated[int | None, Parameter(description="Microseconds since the epoch; default now.")] = None,
    ) -> ModelsPage:
        end = clock.now() if to is None else to
        start = end - WINDOW if from_ is None else from_
        if start >= end:
            raise InvalidInput(
                f"The window is empty: `from` is {start}, `to` is {end}; expected from < to.", field="from"
            )
        return model_catalog.page(registry.snapshot, project=project, from_=start, to=end)


class ConfigController(Controller):
    path = "/config"
    tags = ("config",)

    @get("/", operation_id="getConfig", opt={"permission": "config:read"}, sync_to_thread=True)
    def get_config(self, registry: RegistryService) -> ConfigState:
        return registry.state()


def registry_router() -> Router:
    """Routes of this slice, relative to the API's root."""
    return Router(path="/", route_handlers=[ModelsController, ConfigController])
