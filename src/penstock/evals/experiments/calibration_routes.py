"""Control API of evaluators: what there is to judge with, and how judges agree with people.

The app provides the dependencies: `principal` and `project` (id, from its guard), `calibrations`, `calibration_runs`
and `known_evaluators`. In an address a name's slashes are written as colons.
"""

from typing import Annotated

import msgspec
from litestar import Controller, Router, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter

from penstock.evals.evaluators.described import EvaluatorType, described
from penstock.evals.experiments.calibration_runs import CalibrationRun, CalibrationRuns, NewCalibrationRun
from penstock.evals.experiments.calibration_types import (
    CalibrationDetail,
    CalibrationRecord,
    KnownEvaluator,
    NewCalibration,
)
from penstock.evals.experiments.calibrations import Calibrations
from penstock.evals.experiments.known_evaluators import KnownEvaluators
from penstock.identity.types import Principal

__all__ = ["calibrations_router"]

MAX_BODY = 32 * 1024 * 1024
Service = NamedDependency[Calibrations]
Runs = NamedDependency[CalibrationRuns]
Known = NamedDependency[KnownEvaluators]
Caller = NamedDependency[Principal]
ProjectId = NamedDependency[str]
Name = Annotated[str, PathParameter(description="The evaluator's name, with colons for its slashes.")]
Cursor = Annotated[str | None, QueryParameter(name="cursor", description="The `next_cursor` of the page before.")]


class EvaluatorTypePage(msgspec.Struct, frozen=True, kw_only=True):
    """All types, by group."""

    items: list[EvaluatorType]
    next_cursor: str | None


class KnownEvaluatorPage(msgspec.Struct, frozen=True, kw_only=True):
    """Evaluators by name."""

    items: list[KnownEvaluator]
    next_cursor: str | None


class CalibrationPage(msgspec.Struct, frozen=True, kw_only=True):
    """Calibrations of an evaluator, newest first."""

    items: list[CalibrationRecord]
    next_cursor: str | None


class EvaluatorsController(Controller):
    path = "/evaluators"
    tags = ("evaluators",)

    @get("/", operation_id="listEvaluators", opt={"permission": "evaluators:read"}, sync_to_thread=True)
    def list_evaluators(
        self,
        known_evaluators: Known,
        project: ProjectId,
        *,
        judges: Annotated[bool, QueryParameter(name="judges", description="Only those that ask a model.")] = False,
        cursor: Cursor = None,
        limit: Annotated[int, QueryParameter(name="limit", description="Names looked at, 1 to 200.")] = 50,
    ) -> KnownEvaluatorPage:
        """Evaluators of the registry and judges calibrated within experiments, each version with its standing."""
        items, after = known_evaluators.listed(project, judges=judges, cursor=cursor, limit=limit)
        return KnownEvaluatorPage(items=items, next_cursor=after)

    @get("/types", operation_id="listEvaluatorTypes", opt={"permission": "experiments:read"}, sync_to_thread=True)
    def list_types(self) -> EvaluatorTypePage:
        """Types that a definition may name, with their parameters and what they need."""
        return EvaluatorTypePage(items=described(), next_cursor=None)

    @get(
        "/calibration-runs/{id:str}",
        operation_id="getCalibrationRun",
        opt={"permission": "evaluators:read"},
        sync_to_thread=True,
    )
    def get_run(
        self,
        calibration_runs: Runs,
        project: ProjectId,
        id: Annotated[str, PathParameter(description="The run's id.")],  # noqa: A002 - the address names it
    ) -> CalibrationRun:
        """How far a calibration is."""
        return calibration_runs.get(project, id)

    @post(
        "/{name:str}/calibration-runs",
        operation_id="startCalibrationRun",
        opt={"permission": "evaluators:write"},
        sync_to_thread=True,
    )
    def start_run(
        self,
        calibration_runs: Runs,
        principal: Caller,
        project: ProjectId,
        name: Name,
        data: JSONBody[NewCalibrationRun],
    ) -> CalibrationRun:
        """Have the console ask a judge about items that people labelled. The caller may have to read the labels too,
        and needs `gateway:call`.
        """
        return calibration_runs.start(principal, project, name.replace(":", "/"), data)


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
        cursor: Cursor = None,
        limit: Annotated[int, QueryParameter(name="limit", description="Entries on one page, 1 to 1000.")] = 50,
    ) -> CalibrationPage:
        """How versions of a judge agree with people, newest first. The newest of a version and metric counts."""
        items, after = calibrations.listed(project, name.replace(":", "/"), cursor=cursor, limit=limit)
        return CalibrationPage(items=items, next_cursor=after)

    @get("/{id:str}", operation_id="getCalibration", opt={"permission": "evaluators:read"}, sync_to_thread=True)
    def get_calibration(
        self,
        calibrations: Service,
        project: ProjectId,
        name: Name,
        id: Annotated[str, PathParameter(description="The calibration's id.")],  # noqa: A002 - the address names it
    ) -> CalibrationDetail:
        """One report, with where judge and people differ."""
        return calibrations.get(project, name.replace(":", "/"), id)

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
    return Router("/", route_handlers=[EvaluatorsController, CalibrationsController])
