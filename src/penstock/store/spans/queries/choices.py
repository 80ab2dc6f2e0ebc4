"""Queries that choose rows of a list: which columns and conditions they are made of."""

from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec
from sqlglot import exp

from penstock.store.spans.conditions import Texts, compiled, divided, known_beside
from penstock.store.spans.engine import Prepared, Question, prepare
from penstock.store.spans.expressions import Values, column, parsed, scatter
from penstock.store.spans.filters import JUDGED, Judged, Scope, place_of
from penstock.store.spans.queries.cells import among
from penstock.store.spans.queries.rows import ROW, with_totals
from penstock.store.spans.queries.window import Window, within
from penstock.store.spans.tree import Node

__all__ = ["SORTS", "Form", "Order", "Sort", "Sums", "best_sums", "own_places", "rows_of", "sum_places"]

Sort = Literal["started", "duration", "cost", "tokens"]
SORTS: dict[Sort, str] = {"started": "started", "duration": "duration", "cost": "cost", "tokens": "usage_total"}
"""What a list can be sorted by, and the column that this is. Rows that have no such value come last."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    by: Sort = "started"
    descending: bool = True


Sums = Literal["apart", "alone", "whole", "either", "own", "begun"]
"""Rows that cannot stand for others, those that might but have no sums, those that have, or both of the latter.

Two more are told without their sums: rows that fit by what they are themselves, and rows that started when something
did whose sums fit. With these comes whether the row might have sums, instead of what is sorted by.
"""


class Form(NamedTuple):
    """What shapes the text of a query beside the conditions."""

    by: Sort
    descending: bool
    scope: Scope
    begins: bool
    ends: bool
    after: bool | None
    """Whether the place to go on from has no value; None without such a place."""
    beyond: bool
    sums: Sums | None = None
    """Which rows; None for all, by what they are themselves."""
    bound: bool = False
    """Only rows whose value is at least (in the order) that of the placeholder `bound`."""
    near: bool = False
    """Only rows that lie at one of the places in `near`; with `whole`, those that started then."""
    texts: Texts = Texts()
    stretches: int = 0
    """Only rows that started in one of so many stretches."""
    ordered: bool = True
    """Otherwise any rows that fit, no more than the placeholder `limit`."""
    judged: Judged = JUDGED
    """What there are scores of."""
    beside: frozenset[str] = frozenset()
    """As `Read.beside_sums`."""


@lru_cache(maxsize=1024)
def rows_of(question: Question, form: Form) -> tuple[Prepared, Values]:
    """The query for conditions, and the values in it that belong to these."""
    where: Node | None = question.asked
    order = Order(by=form.by, descending=form.descending)
    values: Values = {}
    scope: Scope = "row" if form.sums in {"whole", "either"} else "span"
    value = place_of(SORTS[form.by], values, scope=scope)
    if form.sums == "whole":
        value = column(f"total_{SORTS[form.by]}")
    last = "summed" if form.sums in {"own", "begun"} else exp.alias_(value, "sorted_by")
    query = exp.select("started", "span_id", "rowid", last).from_("spans")
    held = _within(form, values)
    joined = form.sums in {"alone", "whole", "either"}
    query = with_totals(query, needed=joined, inner=form.sums == "whole", time=held)
    if form.sums == "begun" and (parts := divided(where)) is not None:
        where, sums = parts
        begun = exp.select("started").from_("totals").where(*_within(form, {}), compiled(sums, values, scope="sums"))
        if (known := known_beside(where, form.beside)) is not None:
            fits = compiled(known, values, judged=form.judged)
            begun = begun.where(exp.or_(exp.not_(column("copied")), fits), copy=False)
        query = query.where(exp.In(this=column("started"), query=begun.subquery()), copy=False)
    # What has sums is a row.
    row = ROW if form.scope == "row" and form.sums != "whole" else None
    query = query.where(*held, _KINDS[form.sums], row, copy=False)
    if form.bound:
        query = query.where(*_bounded(value, form), copy=False)
    if form.near:
        key = "started" if form.sums == "whole" else "rowid"
        query = query.where(f"{key} IN (SELECT unnest($near))", dialect="duckdb", copy=False)
        scatter(query)
    if form.stretches:
        query = query.where(among("started", "stretch", form.stretches), dialect="duckdb", copy=False)
    if form.beyond:
        query = query.where(exp.GT(this=column("rowid"), expression=exp.Placeholder(this="beyond")), copy=False)
    if form.after is not None:
        query = query.where(_after(value, order, valued=not form.after), copy=False)
    if where is not None:
        asked = compiled(where, values, scope=scope, texts=form.texts, judged=form.judged)
        query = query.where(asked, copy=False)
    down = form.descending
    keys = [] if form.by == "started" else [exp.Ordered(this=value.copy(), desc=down, nulls_first=False)]
    keys += [exp.Ordered(this=column(name), desc=down, nulls_first=False) for name in ("started", "span_id")]
    if form.ordered:
        query = query.order_by(*keys, copy=False)
    query = query.limit(exp.Placeholder(this="limit"), copy=False)
    return prepare(query), values


_KINDS: dict[Sums | None, exp.Expr | None] = {
    None: None,
    "apart": parsed("NOT summed"),
    "alone": parsed("(summed AND total_span IS NULL)"),
    "whole": parsed("summed"),
    "either": parsed("summed"),
    "own": None,
    "begun": parsed("summed"),
}


@lru_cache(maxsize=64)
def best_sums(form: Form) -> Prepared:
    """The best of the sums, in the form of rows."""
    order = Order(by=form.by, descending=form.descending)
    value = column(SORTS[form.by])
    query = exp.select("started", "span_id", exp.null(), value).from_("totals").where(*_within(form, {}))
    if form.after is not None:
        query = query.where(_after(value, order, valued=not form.after))
    by_value = exp.Ordered(this=value.copy(), desc=form.descending, nulls_first=False)
    return prepare(query.order_by(by_value).limit(exp.Placeholder(this="limit")))


@lru_cache(maxsize=64)
def own_places(form: Form) -> Prepared:
    """Places of spans whose own value is good enough, and whether they may have sums."""
    value = place_of(SORTS[form.by], {}, scope="span")
    query = exp.select("rowid", "summed").from_("spans").where(*_within(form, {}), *_bounded(value, form))
    return prepare(query.limit(exp.Placeholder(this="most")))


@lru_cache(maxsize=64)
def sum_places(form: Form) -> Prepared:
    """When rows started whose sum is good enough."""
    query = exp.select("started").from_("totals")
    query = query.where(*_within(form, {}), *_bounded(column(SORTS[form.by]), form))
    return prepare(query.limit(exp.Placeholder(this="most")))


def _within(form: Form, values: Values) -> list[exp.Expr]:
    return within(Window(project="", from_=0 if form.begins else None, to=0 if form.ends else None), values)


def _bounded(value: exp.Expr, form: Form) -> list[exp.Expr]:
    """What can be among the first, and when others come before, what can come after those."""
    best, worst = (exp.LTE, exp.GTE) if form.descending else (exp.GTE, exp.LTE)
    bounds: list[exp.Expr] = [worst(this=value.copy(), expression=exp.Placeholder(this="bound"))]
    if form.after is not None:
        bounds.append(best(this=value.copy(), expression=exp.Placeholder(this="at_value")))
    return bounds


def _after(value: exp.Expr, order: Order, *, valued: bool) -> exp.Expr:
    """What comes after a place in this order."""
    beyond: type[exp.Binary] = exp.LT if order.descending else exp.GT
    upto: type[exp.Binary] = exp.LTE if order.descending else exp.GTE
    started, span, at = (exp.Placeholder(this=name) for name in ("at_started", "at_span", "at_value"))
    # The first condition says nothing that the second does not, but is one that zone maps can answer.
    later = exp.and_(
        upto(this=column("started"), expression=started),
        exp.paren(
            exp.or_(
                beyond(this=column("started"), expression=started.copy()),
                beyond(this=column("span_id"), expression=span),
            )
        ),
    )
    if order.by == "started":
        return later
    null = exp.Is(this=value.copy(), expression=exp.null())
    if not valued:
        return exp.and_(null, later)
    same = exp.and_(exp.EQ(this=value.copy(), expression=at.copy()), later)
    return exp.paren(exp.or_(beyond(this=value.copy(), expression=at), same, null))
