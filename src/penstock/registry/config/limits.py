"""A limit of the file in the terms of the snapshot, and back."""

from typing import Any, Literal, get_args

from penstock.registry.config.limit_types import MEASURES, AmountsConfig, BudgetConfig, LimitConfig
from penstock.registry.config.routes import section
from penstock.wire.limits import Budget, LimitEntry

__all__ = ["limit_document", "limit_entry"]

BudgetWindow = Literal["hour", "day", "month"]


def limit_entry(config: LimitConfig) -> LimitEntry:
    """A checked limit as the gateway reads it; projects and keys are still as they were written."""
    return LimitEntry(
        name=config.name,
        level=config.on,
        match=config.match,
        project=config.project,
        budgets=_budgets(config.budget),
        **{measure: getattr(config, measure) for measure in MEASURES},
    )


def _budgets(config: BudgetConfig | None) -> tuple[Budget, ...]:
    windows: tuple[BudgetWindow, ...] = get_args(BudgetWindow)
    found: list[Budget] = []
    for window in windows:
        given: int | AmountsConfig | None = getattr(config, window, None)
        if isinstance(given, int):
            found.append(Budget(window=window, hard=given))
        elif given is not None:
            found.append(Budget(window=window, hard=given.hard, soft=given.soft))
    return tuple(found)


def limit_document(entry: LimitEntry) -> dict[str, Any]:
    """What a file would say of the limit. Loaded again it is the same limit."""
    given = {measure: value for measure in MEASURES if (value := getattr(entry, measure)) is not None}
    return {
        "name": entry.name,
        "on": entry.level,
        **({"match": entry.match} if entry.match is not None else {}),
        **({"project": entry.project} if entry.project is not None else {}),
        **given,
        **({"budget": {one.window: section(one, AmountsConfig) for one in entry.budgets}} if entry.budgets else {}),
    }
