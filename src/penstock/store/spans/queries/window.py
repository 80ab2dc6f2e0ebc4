"""Which spans a question is about: a project, and a half-open time window."""

import msgspec
from sqlglot import exp

from penstock.store.spans.engine import Read
from penstock.store.spans.expressions import Values, column, sql

__all__ = ["Window", "closed", "within"]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    project: str
    from_: int | None = None
    """Microseconds since the epoch, inclusive; None: from the first span."""
    to: int | None = None
    """Exclusive; None: to the last."""


def closed(read: Read, window: Window) -> Window | None:
    """The window with its open ends put where the spans of the store end; None when nothing can lie in it."""
    low, high = window.from_, window.to
    if low is None or high is None:
        ((oldest, newest),) = read(sql("SELECT min(started), max(started) FROM spans"), {})
        if oldest is None:
            return None
        low = oldest if low is None else low
        high = newest + 1 if high is None else high
    return msgspec.structs.replace(window, from_=low, to=high) if low < high else None


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
