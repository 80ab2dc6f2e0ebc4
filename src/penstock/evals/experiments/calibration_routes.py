"""Control API of calibrations.

The app provides the dependencies: `principal` and `project` (id, from its guard), and `calibrations`. In an address a
name's slashes are written as colons.
"""

from typing import Annotated

import msgspec
from litestar import Controller, Router, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter

from penstock.evals.experiments.calibration_types import CalibrationRecord, NewCalibration
from penstock.evals.experiments.calibrations import Calibrations
from penstock.identity.types import Principal

__all__ = ["calibrations_router"]

MAX_BODY = 32 * 1024 * 1024
Service = NamedDependency[Calibrations]
Caller = NamedDependency[Principal]
ProjectId = NamedDependency[str]
Name = Annotated[str, PathParameter(description="The evaluator's name, with colons for its slashes.")]


class CalibrationPage(msgspec.Struct, frozen=True, kw_only=True):
    """Calibrations of an evaluator, newest first."""

    items: list[CalibrationRecord]
    next_cursor: str | None


class CalibrationsController(Controller):
    path = "/evaluators/{name:str}/calibrations"
    tags = ("evaluators",)

    @get("/", operation_id="listCalibrations", opt={"permission": "evaluators:read"}, sync_to_thread=True)
    def list_calibrations(
        self,
        calibrations: Service,
        project: ProjectId,
        name: Name,
        *,
        cursor: Annotated[
            str | None, QueryParameter(name="cursor", description="The `next_cursor` of the page before.")
        ] = None,
        limit: Annotated[int, QueryParameter(name="limit", description="Entries on one page, 1 to 1000.")] = 50,
    ) -> CalibrationPage:
        """How versions of a judge agree with people, newest first. The newest of a version and metric counts."""
        items, after = calibrations.listed(project, name.replace(":", "/"), cursor=cursor, limit=limit)
        return CalibrationPage(items=items, next_cursor=after)

    @post(
        "/",
        operation_id="createCalibration",
        opt={"permission": "evaluators:write"},
        sync_to_thread=True,
        request_max_body_size=MAX_BODY,
    )
    def create_calibration(
        self,
        calibrations: Service,
        principal: Caller,
        project: ProjectId,
        name: Name,
        data: JSONBody[NewCalibration],
    ) -> CalibrationRecord:
        """Hold a version of a judge against people's labels. With an experiment, the caller may have to read that."""
        return calibrations.calibrate(principal, project, name.replace(":", "/"), data)


def calibrations_router() -> Router:
    """All routes of this slice."""
    return Router("/", route_handlers=[CalibrationsController])
