"""What new spans mean for the traces that they belong to: covered model calls, and sums over whole traces.

It is worked out here from the narrow columns of these traces, and may be done again without harm. Batches of nothing
but calls with one attempt, the most of a gateway's load, are passed over.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from penstock.store.spans.clickhouse.beside import COPIED, SUMS
from penstock.store.spans.clickhouse.engine import ClickHouseEngine
from penstock.store.spans.columns import USAGE
from penstock.store.spans.cover import Answer, covered, covered_beside, doubtful
from penstock.store.spans.expressions import FAILED, MODEL_SPAN, TOKENS

__all__ = ["SLACK", "Without", "refresh", "refresh_traces"]

SLACK = 60_000_000
"""Microseconds by which the attempts of a call may lie outside of its own time: another clock, a call cut short."""
TRACES = 2000
"""Traces of one question at most."""

_MODEL_KINDS = frozenset({"llm", "embedding", "reranker"})
# What is copied beside sums is asked of rows alone: none else has any.
_KIN = f"""
    SELECT trace_id, span_id, parent_id, started, kind, call, source, covered, {FAILED}, {MODEL_SPAN}, cost,
        usage_estimated, {", ".join(USAGE)},
        {", ".join(f"if(call OR parent_id IS NULL, {name}, defaultValueOfArgumentType({name}))" for name in COPIED)}
    FROM spans
    WHERE project = {{project:String}} AND trace_id IN {{traces:Array(UUID)}}
"""  # noqa: S608 - constants; values are bound
_SAYS = "JSONExtractString({text}, 'gen_ai.response.id'), JSONExtractString({text}, 'otel.scope.name')"
# Attributes lie in the row, or apart from it when they are long.
_ANSWERS = f"""
    SELECT trace_id, span_id, {_SAYS.format(text="ifNull(attributes, '')")} FROM spans
    WHERE project = {{project:String}} AND trace_id IN {{traces:Array(UUID)}}
        AND (call OR kind IN ('llm', 'embedding', 'reranker'))
    UNION ALL
    SELECT trace_id, span_id, {_SAYS.format(text="text")} FROM payloads
    WHERE project = {{project:String}} AND trace_id IN {{traces:Array(UUID)}} AND field = 'attributes'
"""  # noqa: S608 - constants; values are bound
_NEAR = " AND started >= {low:Int64} AND started <= {high:Int64}"
_FORGET = "DELETE FROM totals WHERE project = {project:String} AND trace_id IN {traces:Array(UUID)}"
# A sender that gave numbers without an object of its own keeps them in ours.
_SAID = ", ".join(f"'\"{name.removeprefix('usage_')}\":', toString({name})" for name in USAGE).replace(
    ", '\"", ", ',\"", len(USAGE)
)
_COVER = f"""
    UPDATE spans SET
        usage_raw = if(isNull(usage_raw) AND ({TOKENS}) > 0, concat('{{', {_SAID}, '}}'), usage_raw),
        covered = true, usage_estimated = false, cost = NULL, {", ".join(f"{name} = 0" for name in USAGE)}
    WHERE project = {{project:String}} AND started >= {{low:Int64}} AND started <= {{high:Int64}} AND NOT covered
        AND (trace_id, span_id) IN (
            SELECT given.1, given.2
            FROM (SELECT arrayJoin(arrayZip({{traces:Array(UUID)}}, {{spans:Array(UInt64)}})) AS given)
        )
"""  # noqa: S608 - constants; values are bound
_ROW = ("project", "trace_id", "span_id", "started")
_TOTALS = f"INSERT INTO totals ({', '.join((*_ROW, *SUMS, *COPIED, 'copied'))}) FORMAT JSONEachRow"
_OWN = 12 + len(USAGE)
"""Where what is copied begins among what is asked."""


class Without(NamedTuple):
    """Spans that are about to go."""

    condition: str
    """For which this holds, in ClickHouse's words."""
    values: Mapping[str, Any]


class _Kin(NamedTuple):
    trace: uuid.UUID
    span: int
    parent: int | None
    started: int
    kind: str
    call: bool
    source: str
    covered: bool
    failed: bool
    model: bool
    """Counts as a request to a model."""
    cost: int | None
    estimated: bool
    usage: tuple[int, ...]
    own: tuple[Any, ...]
    """What is copied beside its sums."""

    @classmethod
    def of(cls, row: Sequence[Any]) -> "_Kin":
        return cls(*row[:12], usage=tuple(row[12:_OWN]), own=tuple(row[_OWN:]))

    @property
    def candidate(self) -> bool:
        return self.source == "otlp" and self.kind in _MODEL_KINDS and not self.covered

    @property
    def teller(self) -> bool:
        return self.kind in _MODEL_KINDS or self.call


def refresh(engine: ClickHouseEngine, spans: Iterable[Any]) -> set[int]:
    """Cover model calls and sum up traces anew, where new spans have changed what holds.

    Args:
        engine: Where they are stored.
        spans: The new ones, as records of their lines.

    Returns:
        Starts of spans that are covered now, and counted no longer.
    """
    by_project: defaultdict[str, list[Any]] = defaultdict(list)
    starts: list[int] = []
    for span in spans:
        starts.append(span.started)
        if span.source == "otlp" or span.parent_id is not None:
            by_project[span.project].append(span)
    moved: set[int] = set()
    for project, members in by_project.items():
        joined = {span.trace_id for span in members if span.source == "otlp" or (span.call and span.parent_id)}
        near = {span.trace_id for span in members} - joined
        if near:
            window = (min(starts) - SLACK, max(starts) + SLACK)
            moved |= refresh_traces(engine, project, [uuid.UUID(hex=trace) for trace in near], near=window)
        if joined:
            moved |= refresh_traces(engine, project, [uuid.UUID(hex=trace) for trace in joined])
    return moved


def refresh_traces(
    engine: ClickHouseEngine,
    project: str,
    traces: Sequence[uuid.UUID],
    *,
    near: tuple[int, int] | None = None,
    without: Without | None = None,
) -> set[int]:
    """Cover and sum up these traces.

    Args:
        engine: Where they are stored.
        project: Whose they are.
        traces: Their ids.
        near: Where in time all of them lie, if that is known.
        without: Spans that no longer count.

    Returns:
        Starts of spans that are covered now, and counted no longer.
    """
    moved: set[int] = set()
    for at in range(0, len(traces), TRACES):
        values: dict[str, Any] = {"project": project, "traces": sorted(traces[at : at + TRACES])}
        if without is not None:
            engine.change(_FORGET, values)
        by_trace = _kin(engine, values, near=near, without=without)
        if near is not None:
            # A gateway's call inside of a trace that an application sent: the rest may lie anywhere.
            far = [trace for trace, kin in by_trace.items() if any(_joins(one) for one in kin)]
            for trace in far:
                del by_trace[trace]
            moved |= refresh_traces(engine, project, far)
        moved |= _cover(engine, project, by_trace)
        _sum_up(engine, project, by_trace)
    return moved


def _kin(
    engine: ClickHouseEngine,
    values: Mapping[str, Any],
    *,
    near: tuple[int, int] | None,
    without: Without | None,
) -> dict[uuid.UUID, list[_Kin]]:
    text, given = _KIN, dict(values)
    if near is not None:
        text += _NEAR
        given |= {"low": near[0], "high": near[1]}
    if without is not None:
        text += f" AND NOT ifNull({without.condition}, false)"
        given |= without.values
    by_trace: defaultdict[uuid.UUID, list[_Kin]] = defaultdict(list)
    for row in engine.ask(text, given):
        by_trace[row[0]].append(_Kin.of(row))
    return by_trace


def _joins(kin: _Kin) -> bool:
    return kin.source == "otlp" or (kin.call and kin.parent is not None)


def _cover(engine: ClickHouseEngine, project: str, by_trace: dict[uuid.UUID, list[_Kin]]) -> set[int]:
    """Cover what is told of twice, in the store and in what was read of it."""
    found: dict[tuple[uuid.UUID, int], int] = {}
    traces = list(by_trace)
    kins = [
        (number, one.span, one.parent, one.candidate, one.teller)
        for number, trace in enumerate(traces)
        for one in by_trace[trace]
    ]
    below = covered(kins)
    doubt = [traces[number] for number in sorted(doubtful(kins, below))]
    both = below | covered_beside(_answers(engine, project, by_trace, doubt=doubt, numbers=traces), below)
    for number, trace in enumerate(traces):
        kin = by_trace[trace]
        told = {one.span for one in kin if (number, one.span) in both}
        if told:
            found |= {(trace, one.span): one.started for one in kin if one.span in told and one.candidate}
            by_trace[trace] = [_bare(one) if one.span in told and one.candidate else one for one in kin]
    if found:
        engine.change(
            _COVER,
            {
                "project": project,
                "low": min(found.values()),
                "high": max(found.values()),
                "traces": [trace for trace, _ in found],
                "spans": [span for _, span in found],
            },
        )
    return set(found.values())


def _answers(
    engine: ClickHouseEngine,
    project: str,
    by_trace: Mapping[uuid.UUID, Sequence[_Kin]],
    *,
    doubt: Sequence[uuid.UUID],
    numbers: Sequence[uuid.UUID],
) -> list[Answer]:
    """What the model spans of these traces say of the answers that they tell of."""
    if not doubt:
        return []
    told: dict[tuple[uuid.UUID, int], tuple[str | None, str | None]] = {}
    nothing: tuple[str | None, str | None] = (None, None)
    for trace, span, answer, scope in engine.ask(_ANSWERS, {"project": project, "traces": list(doubt)}):
        if answer:
            told[trace, span] = (answer, scope)
    places = {trace: number for number, trace in enumerate(numbers)}
    return [
        (
            places[trace],
            one.span,
            one.candidate,
            not one.candidate and not one.covered,
            *told.get((trace, one.span), nothing),
        )
        for trace in doubt
        for one in by_trace[trace]
        if one.teller
    ]


def _bare(kin: _Kin) -> _Kin:
    return kin._replace(covered=True, model=False, cost=None, estimated=False, usage=(0,) * len(USAGE))


def _sum_up(engine: ClickHouseEngine, project: str, by_trace: dict[uuid.UUID, list[_Kin]]) -> None:
    rows = [
        {"project": project, "trace_id": str(trace), "span_id": row.span, "started": row.started, **sums}
        | dict(zip(COPIED, row.own, strict=True))
        | {"copied": True}
        for trace, kin in by_trace.items()
        for row, sums in _totals(kin)
    ]
    if rows:
        data = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
        engine.insert(_TOTALS, data, {}, token="", settings={"insert_deduplicate": 0})


def _totals(kin: Sequence[_Kin]) -> Iterable[tuple[_Kin, dict[str, Any]]]:
    """A root stands for its trace; a call with several attempts inside of one, for these and itself."""
    if len(kin) < 2:
        return
    whole = _sums(kin)
    for one in kin:
        if one.parent is None:
            yield one, whole
        elif one.call and one.kind == "gateway":
            attempts = [other for other in kin if other.parent == one.span and not other.call]
            if attempts:
                sums = _sums(attempts)
                yield one, sums | {"spans": sums["spans"] + 1}


def _sums(kin: Sequence[_Kin]) -> dict[str, Any]:
    known = sum(one.model and one.cost is not None for one in kin)
    models = sum(one.model for one in kin)
    costs = [one.cost for one in kin if one.cost is not None]
    usage = [sum(column) for column in zip(*(one.usage for one in kin), strict=True)]
    return {
        "spans": len(kin),
        "errors": sum(one.failed for one in kin),
        **dict(zip(USAGE, usage, strict=True)),
        "usage_total": sum(usage),
        "usage_estimated": any(one.estimated for one in kin),
        "cost": sum(costs) if known or not models else None,
        "known": known,
        "unknown": models - known,
    }
