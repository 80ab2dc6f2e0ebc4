"""Control API of spending: budgets and limits with what is used of them, the cache's savings, reconciliation.

The app provides the dependencies: `principal` and `project` (id, from its guard), `spend` and `reconciler`.
"""

from typing import Annotated, Any

from litestar import Controller, Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import PathParameter, QueryParameter, SkipValidation

from penstock.core.errors import PermissionDenied
from penstock.finops.ports import Reconciler, Viewer
from penstock.finops.service import SpendService
from penstock.finops.types import BudgetPage, BudgetWindow, CacheUse, LimitUse, Reconciliation

__all__ = ["finops_router"]

Spend = NamedDependency[SpendService]
ProjectId = NamedDependency[str]
Oversees = NamedDependency[bool]


def provide_oversees(principal: NamedDependency[SkipValidation[Viewer]]) -> bool:
    """Dependency `oversees`: whether the caller may see what several projects spend together."""
    return "limits:read" in principal.grants.everywhere


class BudgetsController(Controller):
    path = "/budgets"
    tags = ("limits",)

    @get("/", operation_id="listBudgets", opt={"permission": "limits:read"}, sync_to_thread=True)
    def list_budgets(self, spend: Spend, project: ProjectId, oversees: Oversees) -> BudgetPage:
        """Every limit with what is used of it: its budgets in their current windows, and the peaks of its rates.

        Each budget has its five largest counters, each with its burn-down and a forecast.
        """
        return spend.budgets(project, oversees=oversees)

    @get("/{name:str}", operation_id="getBudget", opt={"permission": "limits:read"}, sync_to_thread=True)
    def get_budget(
        self,
        spend: Spend,
        project: ProjectId,
        oversees: Oversees,
        name: Annotated[str, PathParameter(description="Name of the limit.")],
        *,
        window: Annotated[
            BudgetWindow | None, QueryParameter(name="window", description="Only the budget of this window.")
        ] = None,
        who: Annotated[
            str | None,
            QueryParameter(
                name="who", description="`id` of the counter whose spenders are wanted; without it, the largest's."
            ),
        ] = None,
    ) -> LimitUse:
        """One limit, with up to fifty counters of each budget, and who spends within one of them."""
        return spend.budget(project, name, oversees=oversees, window=window, who=who)


class CacheController(Controller):
    path = "/cache"
    tags = ("cache",)

    @get("/", operation_id="getCache", opt={"permission": "traces:read"}, sync_to_thread=True)
    def get_cache(
        self,
        *,
        spend: Spend,
        project: ProjectId,
        from_: Annotated[
            int | None,
            QueryParameter(name="from", description="Microseconds since the epoch; without it, a day before `to`."),
        ] = None,
        to: Annotated[
            int | None, QueryParameter(name="to", description="Microseconds since the epoch; without it, now.")
        ] = None,
        points: Annotated[
            int, QueryParameter(name="points", description="Steps of the series at most, 1 to 1000.")
        ] = 60,
    ) -> CacheUse:
        """What the gateway's own cache answered and saved, over time and by route, and what it holds now."""
        return spend.cache(project, from_=from_, to=to, points=points)


class ReconciliationController(Controller):
    path = "/reconciliation"
    tags = ("limits",)

    @get("/", operation_id="getReconciliation", opt={"permission": "limits:read"}, sync_to_thread=True)
    def get_reconciliation(
        self, reconciler: NamedDependency[SkipValidation[Reconciler]], oversees: Oversees
    ) -> Reconciliation:
        """Counters of all budgets against the records of their windows. Takes a second or two."""
        _check_everywhere("limits:read", allowed=oversees)
        return reconciler.reconcile(fix=False)

    @post(
        "/", operation_id="fixReconciliation", opt={"permission": "limits:write"}, status_code=200, sync_to_thread=True
    )
    def fix_reconciliation(
        self,
        reconciler: NamedDependency[SkipValidation[Reconciler]],
        principal: NamedDependency[SkipValidation[Viewer]],
    ) -> Reconciliation:
        """Put right the counters that differ from the records, and say what was found."""
        _check_everywhere("limits:write", allowed="limits:write" in principal.grants.everywhere)
        return reconciler.reconcile(fix=True)


def _check_everywhere(permission: str, *, allowed: bool) -> None:
    if not allowed:
        raise PermissionDenied(
            f"Reconciling looks at all projects, and needs {permission} in every one.",
            hint="Ask an admin, or use a key of one.",
        )


def finops_router() -> Router:
    """The routes of this slice, to be mounted under `/api/v1`."""
    handlers: list[Any] = [BudgetsController, CacheController, ReconciliationController]
    return Router(
        "/", route_handlers=handlers, dependencies={"oversees": Provide(provide_oversees, sync_to_thread=False)}
    )
