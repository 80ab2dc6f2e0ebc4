"""What the types of a limit cannot say."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from penstock.registry.config.bind import Binder, child_path, fields_of
from penstock.registry.config.forms import NAME, shown
from penstock.registry.config.limit_types import MEASURES, AmountsConfig, BudgetConfig, LimitConfig, RedisConfig

__all__ = ["LIMIT_CHECKS"]

TAG = re.compile(r"[^=\s]+(=.+)?")
PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


def _check_amounts(value: AmountsConfig, path: str, binder: Binder) -> None:
    if value.hard is None and value.soft is None:
        binder.fail("expected 'hard', 'soft', or both.", path=path)
    elif value.hard is not None and value.soft is not None and value.soft >= value.hard:
        binder.fail("'soft' must be below 'hard', or it would warn of nothing.", path=child_path(path, "soft"))


def _check_budget(value: BudgetConfig, path: str, binder: Binder) -> None:
    if value.hour is None and value.day is None and value.month is None:
        binder.fail(f"expected at least one of {', '.join(fields_of(BudgetConfig))}.", path=path)


def _check_limit(value: LimitConfig, path: str, binder: Binder) -> None:
    if NAME.fullmatch(value.name) is None:
        binder.fail(
            f"expected a name of letters, digits, '.', '_' and '-', got {shown(value.name)}.",
            path=child_path(path, "name"),
        )
    if value.budget is None and all(getattr(value, measure) is None for measure in MEASURES):
        binder.fail(f"it limits nothing: expected at least one of {', '.join(MEASURES)}, budget.", path=path)
    where = child_path(path, "match")
    if value.on == "organisation" and value.match is not None:
        binder.fail("there is one organisation, so a limit on it matches nothing in particular.", path=where)
    if value.on == "tag" and (value.match is None or TAG.fullmatch(value.match) is None):
        binder.fail(
            "a limit on a tag says which: expected NAME=VALUE, or NAME for each of its values by itself.",
            path=path if value.match is None else where,
        )
    if value.on == "project" and value.match is not None and value.project is not None:
        binder.fail("a limit on a project has 'match' or 'project', not both.", path=where)


def _check_redis(value: RedisConfig, path: str, binder: Binder) -> None:
    if PREFIX.fullmatch(value.prefix) is None:
        binder.fail(
            f"expected letters, digits, '.', '_', ':' and '-', got {shown(value.prefix)}.",
            path=child_path(path, "prefix"),
        )


LIMIT_CHECKS: dict[type[msgspec.Struct], Callable[[Any, str, Binder], None]] = {
    AmountsConfig: _check_amounts,
    BudgetConfig: _check_budget,
    LimitConfig: _check_limit,
    RedisConfig: _check_redis,
}
"""Run on each struct as soon as it is bound."""
