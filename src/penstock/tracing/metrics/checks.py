"""Whether a metric can be asked for, and what it is in the store's terms."""

from typing import Final, get_args

from penstock.core.errors import InvalidInput
from penstock.store.spans.metrics import Aggregation, DistributionQuery, MetricQuery, Population
from penstock.store.spans.tree import Node
from penstock.tracing.metrics.types import Catalog, DistributionRequest, Grouping, Measurable, MetricSpec, Unit
from penstock.tracing.query import parse
from penstock.tracing.query.fields import FIELDS, Field, field_of, nearest
from penstock.tracing.query.names import Read

__all__ = ["MAX_GROUPS", "MAX_POINTS", "catalog", "distribution_query", "metric_query"]

MAX_POINTS: Final = 2_000
"""Steps of one series."""
MAX_GROUPS: Final = 100
MIN_STEP: Final = 1_000_000
"""Microseconds."""
_BARE = frozenset({"count", "rate", "share"})
"""Aggregations of no field."""
_THROUGHPUT = Measurable(name="throughput", about="output tokens per second of streaming", unit="tokens_per_second")
_UNITS: dict[str, Unit] = {"duration": "microseconds", "money": "nano_dollars"}


def _measurable() -> dict[str, Measurable]:
    found = {
        field.name: Measurable(name=field.name, about=field.about, unit=_unit(field))
        for field in FIELDS.values()
        if field.values in {"duration", "money"} or (field.name.startswith("usage_") and field.values == "count")
    }
    return found | {_THROUGHPUT.name: _THROUGHPUT}


def _unit(field: Field) -> Unit:
    return _UNITS.get(field.values, "tokens")


MEASURABLE = _measurable()
GROUPED = {
    field.name: Grouping(name=field.name, about=field.about)
    for field in FIELDS.values()
    if field.values in {"text", "choice", "boolean"} or field.name == "http_status"
}


def catalog() -> Catalog:
    """What a metric can be made of."""
    return Catalog(
        populations=list(get_args(Population)),
        aggregations=list(get_args(Aggregation)),
        fields=[
            *MEASURABLE.values(),
            Measurable(name="score.NAME", about="scores of a name", unit="score"),
            Measurable(name="attributes.NAME", about="an attribute that is a number", unit="number"),
        ],
        group_by=[
            *GROUPED.values(),
            Grouping(name="tags.NAME", about="the value of a tag"),
            Grouping(name="attributes.NAME", about="the value of an attribute"),
        ],
    )


def metric_query(
    spec: MetricSpec,
    *,
    project: str,
    from_: int,
    to: int,
    step: int | None = None,
    exact: bool = True,
    path: str = "",
    read: Read = parse,
) -> MetricQuery:
    """The question in the store's terms.

    Args:
        spec: What is measured.
        project: Whose spans.
        from_: Microseconds since the epoch, inclusive.
        to: Exclusive.
        step: Microseconds of a step; None for none.
        exact: Whether it is never an estimate.
        path: Where in a request the spec stands, for errors: `widgets[0].queries[1].`.
        read: Reads conditions.

    Raises:
        InvalidInput: something does not fit; `field` says where.
    """
    _check_window(from_, to, step, path)
    _check_range(f"{path}top", spec.top, 1, MAX_GROUPS)
    field: str | None = None
    of: Node | None = None
    if spec.aggregation in _BARE:
        if spec.field is not None:
            raise _refused(f"{spec.aggregation} takes no field, got {spec.field[:64]!r}.", f"{path}field")
    else:
        field = _field(spec, path)
    if spec.aggregation == "share":
        of = None if spec.of is None else read(spec.of, field=f"{path}of")
        if of is None:
            raise _refused(
                "share needs `of`: the condition whose part is asked for.", f"{path}of", "As in status:error."
            )
    elif spec.of is not None:
        raise _refused(f"Only share takes `of`, and this is {spec.aggregation}.", f"{path}of")
    if len(spec.group_by) > 2:
        raise _refused(f"At most two fields can be grouped by, got {len(spec.group_by)}.", f"{path}group_by")
    return MetricQuery(
        project=project,
        from_=from_,
        to=to,
        population=spec.population,
        aggregation=spec.aggregation,
        field=field,
        of=of,
        where=read(spec.q, field=f"{path}q"),
        group_by=tuple(_group(name, f"{path}group_by[{index}]") for index, name in enumerate(spec.group_by)),
        step=step,
        top=spec.top,
        exact=exact,
    )


def distribution_query(
    given: DistributionRequest,
    *,
    project: str,
    from_: int,
    to: int,
    step: int | None = None,
    path: str = "",
    read: Read = parse,
) -> DistributionQuery:
    """The question in the store's terms. Arguments and errors as of `metric_query`."""
    _check_window(from_, to, step, path)
    _check_range(f"{path}buckets", given.buckets, 2, 100)
    return DistributionQuery(
        project=project,
        from_=from_,
        to=to,
        population=given.population,
        field=_measured(given.field, f"{path}field"),
        where=read(given.q, field=f"{path}q"),
        step=step,
        buckets=given.buckets,
        exact=given.exact,
    )


def _field(spec: MetricSpec, path: str) -> str:
    if spec.field is None:
        raise _refused(
            f"{spec.aggregation} needs a field.", f"{path}field", f"Fields are {', '.join(MEASURABLE)}, score.NAME."
        )
    if spec.aggregation != "distinct":
        return _measured(spec.field, f"{path}field")
    found = _named(spec.field, f"{path}field")
    if found.values in {"words", "json", "names", "score"}:
        raise _refused(f"Values of {found.name} cannot be counted.", f"{path}field")
    return found.name


def _measured(name: str, path: str) -> str:
    if name in MEASURABLE:
        return name
    try:
        found = field_of(name)
    except InvalidInput:
        found = None
    if found is not None and (found.name in MEASURABLE or found.values in {"score", "attribute"}):
        return found.name
    hint = nearest(name, (*MEASURABLE, "score.NAME", "attributes.NAME"))
    raise _refused(f"{name[:64]!r} is no field that can be aggregated.", path, hint)


def _group(name: str, path: str) -> str:
    found = _named(name, path)
    if found.name in GROUPED or found.name.startswith(("tags.", "attributes.")):
        return found.name
    raise _refused(
        f"{found.name} cannot be grouped by.", path, f"These can: {', '.join(GROUPED)}, tags.NAME, attributes.NAME."
    )


def _named(name: str, path: str) -> Field:
    try:
        return field_of(name)
    except InvalidInput as error:
        raise _refused(f"{error.message}.", path, error.hint) from None


def _check_window(from_: int, to: int, step: int | None, path: str) -> None:
    if from_ >= to:
        raise _refused(f"The window is empty: `from` is {from_}, `to` is {to}; expected from < to.", f"{path}from")
    if not -(2**62) < from_ < to < 2**62:
        raise _refused("The window lies outside of time.", f"{path}from")
    if step is None:
        return
    if step < MIN_STEP:
        raise _refused(f"A step is a second at least ({MIN_STEP} microseconds), got {step}.", f"{path}step")
    if (to - from_) // step > MAX_POINTS:
        raise _refused(
            f"A window of {to - from_} µs in steps of {step} µs has over {MAX_POINTS} points.",
            f"{path}step",
            "Take a longer step or a shorter window.",
        )


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise _refused(f"{name} lies between {low} and {high}, got {value}.", name)


def _refused(message: str, field: str, hint: str | None = None) -> InvalidInput:
    return InvalidInput(message, field=field, hint=hint, code="invalid_metric")
