"""Each fault of the simulator, with each strategy, streamed and whole, ends as the table in docs/routes.md says."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from dispatch_harness import eventually, provider_with, serve
from gateway_harness import KEY, Gateway, running
from penstock.simulator.faults import Fault
from penstock.testing.simulator import SimulatorServer
from penstock.wire.limits import Budget, LimitEntry
from penstock.wire.routing import (
    Cascade,
    Choice,
    Cohort,
    Conditional,
    Fallback,
    Hedge,
    RegexCheck,
    Retries,
    RouteEntry,
    Rule,
    Shadow,
    Sticky,
    Strategy,
    Use,
    Variant,
    Weighted,
)
from penstock.wire.snapshot import (
    GatewaySettings,
    KeyEntry,
    PriceEntry,
    ProjectEntry,
    ProviderEntry,
    Snapshot,
    Timeouts,
    hash_key,
)
from penstock.wire.span import Span

DOCUMENT = Path(__file__).parents[2] / "docs" / "routes.md"
HEADING = "| ordered from the simulator |"
BAD, GOOD = Use(variant="bad"), Use(variant="good")
NEVER_GOOD = (Choice(weight=1, use=BAD), Choice(weight=0, use=GOOD))

ALONE: dict[str, Strategy] = {
    "variant": BAD,
    "weighted": Weighted(choices=NEVER_GOOD),
    "conditional": Conditional(rules=(Rule(when="true", use=BAD),), otherwise=GOOD),
    "cohort": Cohort(by="user", choices=NEVER_GOOD),
    "shadow": Shadow(use=BAD, to=GOOD, sample=1.0),
}
"""One target serves the call."""
BESIDE: dict[str, Strategy] = {
    "fallback": Fallback(of=(BAD, GOOD)),
    "sticky": Sticky(by="user", choices=(Choice(weight=1, use=BAD), Choice(weight=1e-12, use=GOOD))),
    "hedge": Hedge(use=BAD, backup=GOOD, after=60),
}
"""Another one is there."""
HELD: dict[str, Strategy] = {"cascade": Cascade(steps=(BAD, GOOD), checks=(RegexCheck(pattern="."),))}
"""The answer of the first is held back until it is whole."""
PATIENT = Timeouts(connect=10, first_byte=10, gap=10, total=20)
HASTY = Timeouts(connect=10, first_byte=0.4, gap=0.4, total=20)
"""Of the target that is to run into them; a busy machine must not make any other do so."""
UNREAD = {"upstream_too_large", "upstream_wrong_content_type"}
"""Errors of answers that may have been sent whole, and are not read to the end, where the usage stands."""
COPY: dict[str, Strategy] = {"copy": Shadow(use=GOOD, to=BAD, sample=1.0)}
"""The fault is the copy's."""
STRATEGIES = {**ALONE, **BESIDE, **HELD, **COPY}


class Row(NamedTuple):
    fault: str
    outcomes: dict[str, str]
    """By strategy and `whole` or `streamed`."""


def outcome_table() -> list[Row]:
    """The table of the document."""
    lines = iter(DOCUMENT.read_text().splitlines())
    for line in lines:
        if line.startswith(HEADING):
            break
    next(lines)
    rows: list[Row] = []
    for line in lines:
        if not line.startswith("|"):
            break
        faults, alone, alone_streamed, beside, beside_streamed, held_streamed = (
            cell.strip() for cell in line.strip("|").split("|")
        )
        outcomes = {f"{name} whole": alone for name in ALONE} | {f"{name} streamed": alone_streamed for name in ALONE}
        outcomes |= {f"{name} whole": beside for name in (*BESIDE, *HELD)}
        outcomes |= {f"{name} streamed": beside_streamed for name in BESIDE}
        outcomes |= {f"{name} streamed": held_streamed for name in HELD}
        outcomes |= {f"{name} {way}": "answered" for name in COPY for way in ("whole", "streamed")}
        rows += [Row(fault, outcomes) for fault in re.findall(r"`([^`]+)`", faults)]
    return rows


ROWS = outcome_table()


def entry(name: str, strategy: Strategy) -> RouteEntry:
    variants = {kind: Variant(name=kind, models=(f"{kind}/{kind}-{name}",)) for kind in ("bad", "good")}
    return RouteEntry(name=name, variants=variants, strategy=strategy, retries=Retries(attempts=0))


@pytest.fixture
async def gateway(penstock_simulator: SimulatorServer, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway with a route for each strategy; each route has models, and so health, of its own."""
    snapshot = Snapshot(
        version=1,
        created=1,
        projects={"project": ProjectEntry(id="project", name="default")},
        keys={hash_key(KEY): KeyEntry(id="key", name="app", project="project", scopes=("gateway:call",))},
        providers={
            name: ProviderEntry(
                name=name,
                kind="openai",
                base_url=f"{penstock_simulator.url}/v1",
                api_key="env:SECRET",
                timeouts=PATIENT,
            )
            for name in ("bad", "good")
        },
        routes={name: entry(name, strategy) for name, strategy in STRATEGIES.items()},
        limits=(LimitEntry(name="all", level="organisation", budgets=(Budget(window="day", hard=10**12),)),),
        prices=(PriceEntry(provider="*", model="*", input=1_000_000_000, output=2_000_000_000),),
        user_salt="00" * 32,
        gateway=GatewaySettings(max_response=1_000_000),
    )
    async with running(snapshot, tmp_path) as gateway:
        yield gateway


async def outcome(gateway: Gateway, route: str, *, stream: bool) -> str:
    """What a caller gets, in the words of the table."""
    fields: dict[str, Any] = {"stream": True} if stream else {}
    answer = await gateway.chat(route, user="ann", **fields)
    assert answer.headers["x-penstock-trace-id"]
    text, served, code, ended = _read(answer)
    if code is None:
        assert answer.status_code == 200
        assert text
        assert ended
        return "answered" if served == f"bad-{route}" or route == "copy" else "other"
    assert not ended, "an error is never a clean end"
    if answer.status_code == 200:
        assert text
        return f"part, `{code}`"
    assert answer.headers["content-type"].startswith("application/json")
    return f"{answer.status_code} `{code}`"


def _read(answer: httpx.Response) -> tuple[str, str | None, str | None, bool]:
    """Text, the model that served, the error's code, and whether the end was a proper one."""
    if not answer.headers["content-type"].startswith("text/event-stream"):
        content = answer.json()
        if "error" in content:
            return "", None, content["error"]["code"] or content["error"]["type"], False
        (choice,) = content["choices"]
        return choice["message"]["content"], content["model"], None, choice["finish_reason"] is not None
    events = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    decoded = [json.loads(event) for event in events if event != "[DONE]"]
    codes = [event["error"]["code"] for event in decoded if "error" in event]
    choices = [choice for event in decoded for choice in event.get("choices", ())]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    finished = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
    ended = events[-1] == "[DONE]" and len(finished) == 1
    return text, next((event["model"] for event in decoded if "model" in event), None), (codes or [None])[0], ended


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("row", ROWS, ids=[row.fault for row in ROWS])
async def test_the_outcome_is_the_one_that_the_documentation_states(
    gateway: Gateway, penstock_simulator: SimulatorServer, row: Row, *, stream: bool
) -> None:
    """FAILURES G1, G2, G5, G6, G14, G15, G16, G17, G30."""
    penstock_simulator.set_faults(f"{row.fault};model=bad-*")
    way = "streamed" if stream else "whole"
    if "timeout" in row.outcomes[f"variant {way}"]:
        serve(gateway, providers=provider_with(gateway, "bad", timeouts=HASTY))
    found = await asyncio.gather(*(outcome(gateway, name, stream=stream) for name in STRATEGIES))
    await eventually(lambda: not gateway.shadows.under_way)
    assert {f"{name} {way}": one for name, one in zip(STRATEGIES, found, strict=True)} == {
        name: expected for name, expected in row.outcomes.items() if name.endswith(f" {way}")
    }
    await check_books(gateway, penstock_simulator)


async def check_books(gateway: Gateway, simulator: SimulatorServer) -> None:
    """Each attempt that was really made is recorded and billed once, and the counter equals the records."""
    spans = [span for span in gateway.journal.spans if span.kind != "gateway"]
    made = Counter(request["body"]["model"] for request in simulator.requests())
    assert Counter(span.target_model for span in spans) == made
    assert len([span for span in gateway.journal.spans if span.call]) == len(STRATEGIES)
    assert all(span.cost is not None for span in spans)
    assert all((span.cost or 0) > 0 for span in spans if span.status == "ok")
    counter = "all/organisation/money/day"
    assert (await gateway.counters.read([counter]))[counter] == sum(span.cost or 0 for span in spans)
    reported = simulator.ledger()["reported"]
    for model, told in reported.items():
        if any(span.error_type in UNREAD for span in gateway.journal.spans if model in _asked(span)):
            continue
        exact = [span for span in spans if span.target_model == model and not span.usage_estimated]
        assert (sum(_input(span) for span in exact), sum(_output(span) for span in exact)) == (
            told["input"] + told["cache_read"] + told["cache_write"],
            told["output"] + told["reasoning"],
        ), model


def _asked(span: Span) -> tuple[str | None, ...]:
    return span.target_model, f"bad-{span.route}"


def _input(span: Span) -> int:
    return span.usage_input + span.usage_cache_read + span.usage_cache_write


def _output(span: Span) -> int:
    return span.usage_output + span.usage_reasoning


def test_every_fault_of_the_simulator_stands_in_the_table() -> None:
    selectors = {"rate", "times", "since", "until", "path", "model", "stream"}
    not_alone = {"message", "retry_after", "gap_after"}
    orders = {"tokens", "tool_calls"}
    faults = set(Fault.__struct_fields__)
    stated = {part.partition("=")[0] for row in ROWS for part in row.fault.split(";")}
    assert faults - selectors - not_alone - orders <= stated
