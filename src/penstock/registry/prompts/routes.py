"""Control API of prompts: one version ready to be rendered, previews and estimates.

Saving, labels and history are those of every artifact (`penstock.registry.artifacts.routes`). The app provides the
dependencies `project` (id, from its guard) and `prompts`.
"""

from typing import Annotated

from litestar import Controller, Router, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter

from penstock.core.errors import InvalidInput
from penstock.registry.prompts.service import PromptService
from penstock.registry.prompts.types import (
    EstimateRequest,
    PromptEstimate,
    PromptPreview,
    RenderRequest,
    ServedVersion,
)
from penstock.wire.prompts import DEFAULT_LABEL

__all__ = ["prompts_router"]

Prompts = NamedDependency[PromptService]
ProjectId = NamedDependency[str]
Name = Annotated[
    str, PathParameter(description="Name of the prompt, with colons in place of slashes: `support:answer`.")
]


class PromptsController(Controller):
    path = "/"
    tags = ("prompts",)

    @get("/{name:str}", operation_id="getPrompt", opt={"permission": "prompts:read"}, sync_to_thread=True)
    def get_prompt(
        self,
        prompts: Prompts,
        project: ProjectId,
        *,
        name: Name,
        label: Annotated[
            str | None, QueryParameter(description="Label that stands at the version; `production` when left out.")
        ] = None,
        version: Annotated[str | None, QueryParameter(description="Instead: number or `sha256:…`.")] = None,
    ) -> ServedVersion:
        """One version with its partials, as the SDK renders it."""
        if label is not None and version is not None:
            raise InvalidInput("Expected either `label` or `version`, got both.", field="version")
        return prompts.get(project, name, version or label or DEFAULT_LABEL)

    @post(
        "/render",
        operation_id="renderPrompt",
        opt={"permission": "prompts:read"},
        status_code=200,
        sync_to_thread=True,
    )
    def render(self, prompts: Prompts, project: ProjectId, *, data: JSONBody[RenderRequest]) -> PromptPreview:
        """What a stored version, or a body that is still being written, renders to with these variables."""
        return prompts.render(project, data)

    @post(
        "/estimate",
        operation_id="estimatePrompt",
        opt={"permission": "prompts:read"},
        status_code=200,
        sync_to_thread=True,
    )
    def estimate(self, prompts: Prompts, project: ProjectId, *, data: JSONBody[EstimateRequest]) -> PromptEstimate:
        """Tokens and cost of a prompt; variables without a value count as empty."""
        return prompts.estimate(project, data)


def prompts_router() -> Router:
    """All routes of this slice, below `/prompts`."""
    return Router("/prompts", route_handlers=[PromptsController])
