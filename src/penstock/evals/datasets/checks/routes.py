"""Control API of checks: they run beside the request.

The app provides the dependencies: `principal` and `project` (id, from its guard), `checks`.
"""

from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from penstock.core.errors import PermissionDenied
from penstock.evals.datasets.checks.service import Checks
from penstock.evals.datasets.checks.types import CheckRun, NewCheck
from penstock.identity.types import Principal
from penstock.registry.artifacts.types import Ref

__all__ = ["ChecksController"]


class ChecksController(Controller):
    path = "/datasets"
    tags = ("datasets",)

    @post(
        "/{name:str}/checks",
        operation_id="checkDataset",
        opt={"permission": "datasets:read"},
        status_code=202,
        sync_to_thread=True,
    )
    def start(
        self,
        checks: NamedDependency[Checks],
        principal: NamedDependency[Principal],
        project: NamedDependency[str],
        name: Annotated[str, PathParameter(description="Id, or name with colons for its slashes.")],
        data: JSONBody[NewCheck],
    ) -> CheckRun:
        """Begin to look at all rows of a version. Coverage of traffic needs `traces:read` too."""
        if data.coverage is not None and not principal.may("traces:read", project):
            raise PermissionDenied("This needs the permission traces:read.", hint="Leave coverage out.")
        return checks.start(Ref(project, "dataset", name), data)

    @get("/checks/{id:str}", operation_id="getDatasetCheck", opt={"permission": "datasets:read"}, sync_to_thread=False)
    def progress(
        self,
        checks: NamedDependency[Checks],
        project: NamedDependency[str],
        id_: Annotated[str, PathParameter(name="id", description="Id of the check.")],
    ) -> CheckRun:
        """How far a check is, and what it found."""
        return checks.get(project, id_)
