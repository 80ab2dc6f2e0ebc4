"""Which spans a question is about: a project, and a half-open time window."""

import msgspec
from sqlglot import exp

from penstock.store.spans.expressions import Values, column

__all__ = ["Window", "within"]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    project: str
    from_: int | None = None
    """Microseconds since the epoch, inclusive; None: from the first span."""
    to: int | None = None
    """Exclusive; None: to the last."""


def within(window: Window, values: Values) -> list[exp.Expr]:
    """Conditions on `project` and `started`; zone maps of `started` keep scans to the window."""
    values["project"] = window.project
    conditions: list[exp.Expr] = [exp.EQ(this=column("project"), expression=exp.Placeholder(this="project"))]
    if window.from_ is not None:
        values["from"] = window.from_
        conditions.append(exp.GTE(this=column("started"), expression=exp.Placeholder(this="from")))
    if window.to is not None:
        values["to"] = window.to
        conditions.append(exp.LT(this=column("started"), expression=exp.Placeholder(this="to")))
    return conditions
