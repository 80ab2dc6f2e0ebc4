"""Three providers that fail on a schedule, and a gateway that must not let its callers notice.

    python bench/chaos.py [--seconds 600] [--rate 300] [--phase 10] [--redis] [--json PATH]

Three simulated providers, one of each dialect, stand behind two routes: one that falls back from provider to provider,
beginning with each for a third of the calls, and one whose single variant has them as replicas. A quarter of the calls
are streams, a third come in Anthropic's dialect. Calls start on schedule at `--rate`, whether or not earlier ones were
answered. `PHASES` says what fails when; at every instant at least one provider is up.

What must hold at the end, and is in the JSON (exit code 1 when something does not):

- Of the calls that could succeed, 99.9 % did. A call could succeed when a target was up at some instant between its
  start and its deadline. The schedule always leaves one up, so every call could, with one exception: a stream that its
  provider cut after a part of it had been given to the caller, which nobody can take back. It must end with an error
  in the caller's dialect; one that ends as if it were whole counts as failed.
- No slot leaks: nothing is in flight in the worker or at a target, and the whole of the limit on parallel calls can be
  taken again, and not one call more.
- Memory is flat: the worker's resident memory grows by less than `FLAT` over the later three quarters of the run.
- The books balance. Tokens of answers whose usage the providers told, priced here, equal to the nano-dollar what the
  records say of them; answers of which they told none are as many in the ledgers as records that are estimates; the sum
  over all records equals both budgets' counters; every call that was answered is stored or waits in the journal, once.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import duckdb
import psutil
import uvloop
from rich.console import Console
from rich.progress import Progress

from load import write_json
from penstock.core.clock import SystemClock
from penstock.core.home import Home
from penstock.store.counters.ledger import Ledger
from penstock.store.counters.spendlog import SpendLog
from penstock.testing.server import PenstockServer
from penstock.testing.simulator import SimulatorServer
from traffic import redis_server

PROVIDERS = {
    "one": ("openai", "/v1", "openai", "gpt-4o-mini"),
    "two": ("anthropic", "/v1", "anthropic", "claude-sonnet-4-5"),
    "three": ("gemini", "/v1beta", "google", "gemini-2.5-flash"),
}
PRICES = {
    "gpt-4o-mini": {"input": 150, "cache_read": 75, "output": 600},
    "claude-sonnet-4-5": {"input": 3_000, "cache_read": 300, "cache_write": 3_750, "output": 15_000},
    "gemini-2.5-flash": {"input": 300, "cache_read": 30, "output": 2_500},
}
"""Nano-dollars per token, whole numbers, so that sums are exact. Written into the configuration as dollars."""
PHASES: tuple[dict[str, str], ...] = (
    {},
    {"one": "status=500;rate=0.3"},
    {"two": "silent"},
    {"three": "cut=0"},
    {"one": "status=429;retry_after=2"},
    {"two": "status=529;rate=0.3", "one": "silent"},
    {"two": "cut=3", "three": "status=429;retry_after=5"},
    {"three": "status=503", "one": "reset=0"},
    {"one": "malformed=0", "two": "status=429;rate=0.5"},
    {"three": "cut=3;rate=0.5", "two": "silent"},
)
"""Faults by provider in each phase; they repeat until the end."""
DEADLINE = 20.0
"""Seconds that a caller waits."""
FLAT = 15_000_000
"""Bytes."""
PARALLEL = 600
HELD = 1.8
"""Seconds for which the calls that take every slot are held."""

CONFIG = """\
version: 1
providers:
{providers}
routes:
  chat:
    variants: {{a: one/gpt-4o-mini, b: two/claude-sonnet-4-5, c: three/gemini-2.5-flash}}
    strategy:
      weighted:
        - {{weight: 1, use: {{fallback: [a, b, c]}}}}
        - {{weight: 1, use: {{fallback: [b, c, a]}}}}
        - {{weight: 1, use: {{fallback: [c, a, b]}}}}
  pool:
    variants:
      all: {{models: [one/gpt-4o-mini, two/claude-sonnet-4-5, three/gemini-2.5-flash]}}
    retries: {{attempts: 2}}
limits:
  - {{name: all, on: organisation, requests_per_second: 100000, budget: {{month: "$1000000"}}}}
  - {{name: each-project, on: project, tokens_per_minute: 1000000000, budget: {{day: "$1000000"}}}}
  - {{name: each-key, on: key, requests_per_minute: 1000000, parallel: {parallel}}}
prices:
{prices}
{redis}"""
PROVIDER = """\
  {name}:
    kind: {kind}
    base_url: "{url}"
    models: [{model}]
    timeouts: {{connect: 1s, first_byte: 2500ms, gap: 2500ms, total: 18s}}
"""

out = Console(stderr=True)


@dataclass
class Outcome:
    """What became of one call."""

    kind: str
    """`ok`, `broken` (a typed error after a part of the answer), `status N`, or what went wrong."""
    started: float
    """Seconds since the start of the run."""
    seconds: float
    status: int | None = None
    trace: str | None = None
    route: str = ""


@dataclass
class Run:
    outcomes: list[Outcome] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)
    """Seconds since the start, bytes of the worker."""
    late: float = 0.0
    """Most that a call was sent after it was due, seconds: the load generator's own fault."""


def schedule(name: str, *, phase: float, seconds: float) -> list[str]:
    """The faults of one provider over the whole run."""
    faults = []
    for number in range(int(seconds / phase) + 1):
        fault = PHASES[number % len(PHASES)].get(name)
        if fault is not None:
            faults.append(f"{fault};since={number * phase:g}s;until={(number + 1) * phase:g}s")
    return faults


def cuts_midway(started: float, seconds: float, *, phase: float) -> bool:
    """Whether a provider cut streams after their first content in some phase that a call lived in."""
    numbers = range(int(started / phase), int((started + seconds) / phase) + 1)
    return any("cut=3" in fault for number in numbers for fault in PHASES[number % len(PHASES)].values())


def configuration(simulators: dict[str, SimulatorServer], redis: str | None) -> str:
    providers, prices = "", ""
    for name, (kind, path, _, model) in PROVIDERS.items():
        providers += PROVIDER.format(name=name, kind=kind, url=simulators[name].url + path, model=model)
    for name, (_, _, _, model) in PROVIDERS.items():
        row = ", ".join(f"{bucket}: {nano / 1000:g}" for bucket, nano in PRICES[model].items())
        prices += f"  - {{provider: {name}, model: {model}, {row}}}\n"
    more = f"redis: {{url: '{redis}', timeout: 1s}}\n" if redis else ""
    return CONFIG.format(providers=providers, prices=prices, parallel=PARALLEL, redis=more)


class Load:
    """Calls at a steady rate, each of its own making."""

    def __init__(self, url: str, key: str, run: Run, *, began: float) -> None:
        self.url = url
        self.key = key
        self.run = run
        self.began = began
        self._random = Random(7)

    async def at_rate(self, rate: float, seconds: float, step: Any) -> None:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
        timeout = aiohttp.ClientTimeout(total=DEADLINE)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as client, asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
                due = self.began + number / rate
                now = time.perf_counter()
                if due > now:
                    await asyncio.sleep(due - now)
                self.run.late = max(self.run.late, time.perf_counter() - due)
                group.create_task(self.call(client, number))
                step(number / rate)

    async def call(self, client: aiohttp.ClientSession, number: int) -> None:
        messages, stream = number % 3 == 2, number % 4 == 0
        words = " ".join(self._random.choices(("dam", "gate", "river", "turbine", "pipe", "head", "flow"), k=30))
        body = {
            "model": "pool" if number % 10 == 9 else "chat",
            "messages": [{"role": "user", "content": f"{number}: {words}"}],
            "stream": stream,
            "max_tokens": 200,
        }
        path = "/v1/messages" if messages else "/v1/chat/completions"
        began = time.perf_counter()
        outcome = await self._outcome(client, path, body, messages=messages)
        outcome.route, outcome.started, outcome.seconds = body["model"], began - self.began, time.perf_counter() - began
        self.run.outcomes.append(outcome)

    async def _outcome(self, client: aiohttp.ClientSession, path: str, body: dict, *, messages: bool) -> Outcome:
        headers = {"authorization": f"Bearer {self.key}"}
        outcome = Outcome("", 0.0, 0.0)
        try:
            async with client.post(self.url + path, json=body, headers=headers) as answer:
                outcome.status, outcome.trace = answer.status, answer.headers.get("x-penstock-trace-id")
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            outcome.kind = f"{type(error).__name__}: {error}"
            return outcome
        if answer.status != 200:
            outcome.kind = f"status {answer.status}: {json.loads(content)['error']['message']}"
        elif not body["stream"]:
            outcome.kind = "ok" if json.loads(content).get("content" if messages else "choices") else "empty"
        else:
            outcome.kind = _ending(content, messages=messages)
        return outcome


def _ending(content: bytes, *, messages: bool) -> str:
    """Of a stream: whole, broken off with an error that says so, or worse."""
    whole = b"event: message_stop" in content if messages else content.endswith(b"data: [DONE]\n\n")
    error = b"event: error" in content if messages else b'"error":' in content.rpartition(b"data: {")[2]
    if error:
        return "an error and a clean end" if whole and messages else "broken"
    return "ok" if whole else "cut without an error"


async def sample(worker: psutil.Process, run: Run, *, began: float) -> None:
    while True:
        run.memory.append((time.perf_counter() - began, worker.memory_info().rss))
        await asyncio.sleep(1.0)


async def load(url: str, key: str, worker: psutil.Process, *, rate: float, seconds: float) -> Run:
    run = Run()
    began = time.perf_counter()
    with Progress(console=out, transient=True) as progress:
        bar = progress.add_task("calls", total=seconds)
        async with asyncio.TaskGroup() as group:
            sampling = group.create_task(sample(worker, run, began=began))
            driver = Load(url, key, run, began=began)
            await driver.at_rate(rate, seconds, lambda done: progress.update(bar, completed=done))
            sampling.cancel()
    return run


# ---- What must hold ----


def success(run: Run, *, phase: float) -> dict:
    outcomes = Counter(outcome.kind for outcome in run.outcomes)
    excused = [
        outcome
        for outcome in run.outcomes
        if outcome.kind == "broken" and cuts_midway(outcome.started, outcome.seconds, phase=phase)
    ]
    forgiven = {id(outcome) for outcome in excused}
    failed: defaultdict[tuple[str, int, str], list[Outcome]] = defaultdict(list)
    for outcome in run.outcomes:
        if outcome.kind != "ok" and id(outcome) not in forgiven:
            failed[outcome.route, int(outcome.started / phase), outcome.kind].append(outcome)
    could = len(run.outcomes) - len(excused)
    share = outcomes["ok"] / max(could, 1)
    spent = sorted(outcome.seconds for outcome in run.outcomes)
    return {
        "calls": len(run.outcomes),
        "could_succeed": could,
        "succeeded": outcomes["ok"],
        "share": round(share, 6),
        "broken_midway_with_an_error": len(excused),
        "failures": [
            {
                "route": route,
                "phase": number % len(PHASES),
                "outcome": kind,
                "calls": len(calls),
                "started": [
                    round(min(call.started for call in calls), 2),
                    round(max(call.started for call in calls), 2),
                ],
                "longest": round(max(call.seconds for call in calls), 2),
                "trace": calls[-1].trace,
            }
            for (route, number, kind), calls in sorted(failed.items(), key=lambda item: -len(item[1]))
        ],
        "seconds": {"p50": spent[len(spent) // 2], "p99": spent[len(spent) * 99 // 100], "longest": spent[-1]},
        "sent_late_at_most": round(run.late, 3),
        "holds": share >= 0.999,
    }


def memory(run: Run) -> dict:
    """A least-squares line through the later three quarters."""
    later = run.memory[len(run.memory) // 4 :]
    line = statistics.linear_regression([at for at, _ in later], [size for _, size in later])
    growth = line.slope * (later[-1][0] - later[0][0])
    return {
        "first": run.memory[0][1],
        "highest": max(size for _, size in run.memory),
        "last": run.memory[-1][1],
        "growth": round(growth),
        "bytes_per_minute": round(line.slope * 60),
        "series": [round(size / 1e6, 1) for _, size in run.memory[:: max(1, len(run.memory) // 60)]],
        "holds": growth < FLAT,
    }


def report_of(home: Path) -> dict[str, Any]:
    """What the one worker says of itself."""
    (path,) = (home / "workers").glob("*.json")
    return json.loads(path.read_bytes())


def wait_idle(home: Path, *, seconds: float = 15.0) -> dict[str, Any]:
    """The worker's report, once it says that nothing is in flight, or when the time is over."""
    deadline = time.perf_counter() + seconds
    while True:
        report = report_of(home)
        busy = report["in_flight"] + sum(target.get("in_flight", 0) for target in report["targets"])
        if not busy or time.perf_counter() > deadline:
            return report
        time.sleep(0.2)


async def fill(url: str, key: str, simulators: list[SimulatorServer]) -> dict:
    """Take every slot at once, and one more."""
    headers = {"authorization": f"Bearer {key}"}
    body = {"model": "chat", "messages": [{"role": "user", "content": "Wait."}], "max_tokens": 5}
    outcomes: Counter[int] = Counter()
    connector = aiohttp.TCPConnector(limit=0)

    async def one(client: aiohttp.ClientSession) -> None:
        async with client.post(f"{url}/v1/chat/completions", json=body, headers=headers) as answer:
            await answer.read()
            outcomes[answer.status] += 1

    for simulator in simulators:
        simulator.set_faults(f"delay={HELD:g}s")
    async with aiohttp.ClientSession(connector=connector) as client, asyncio.TaskGroup() as group:
        for _ in range(PARALLEL):
            group.create_task(one(client))
        held = 0
        while held < PARALLEL and not outcomes:
            await asyncio.sleep(0.02)
            held = sum([(await asyncio.to_thread(one.stats))["total"]["active"] for one in simulators])
        async with client.post(f"{url}/v1/chat/completions", json=body, headers=headers) as answer:
            more = (answer.status, json.loads(await answer.read())["error"].get("code"))
    taken = outcomes[200]
    return {
        "limit": PARALLEL,
        "taken_at_once": held,
        "answered": taken,
        "one_more": list(more),
        "holds": taken == held == PARALLEL and more == (429, "parallel_limited"),
    }


def slots(home: Path, filled: dict) -> dict:
    report = wait_idle(home)
    in_flight = {target["target"]: target.get("in_flight", 0) for target in report["targets"]}
    return {
        "in_flight": report["in_flight"],
        "in_flight_at_targets": in_flight,
        "parallel": filled,
        "holds": not report["in_flight"] and not any(in_flight.values()) and filled["holds"],
    }


def billed(simulators: dict[str, SimulatorServer]) -> dict[str, dict[str, int]]:
    """By provider: nano-dollars and answers whose usage was told, and answers of which none was."""
    found = {}
    for name, (_, _, _, model) in PROVIDERS.items():
        ledger = simulators[name].ledger()
        told = ledger["reported"].get(model, {})
        prices = PRICES[model] | {"reasoning": PRICES[model]["output"]}
        found[name] = {
            "told": sum(told.get(bucket, 0) * price for bucket, price in prices.items()),
            "told_answers": told.get("answers", 0),
            "untold_answers": ledger["unreported"].get(model, {}).get("answers", 0),
        }
    return found


QUESTION = """
    select provider, usage_estimated, count(*), sum(cost)
    from spans where usage_input + usage_cache_read + usage_cache_write + usage_output > 0
    group by all
"""


def recorded(home: Home) -> dict[str, Any]:
    """Sums over the store and over what waits in the journal; the Penstock is stopped."""
    waiting = [json.loads(line) for path in home.journal.glob("*.ndjson") for line in path.read_bytes().splitlines()]
    found: dict[str, dict[str, int]] = {
        name: {"told": 0, "told_answers": 0, "untold_answers": 0, "untold": 0} for name in PROVIDERS
    }
    with duckdb.connect(str(home.spans), read_only=True) as connection:
        rows = connection.execute(QUESTION).fetchall()
        (stored_calls, stored_cost, unpriced) = connection.execute(
            "select count(*) filter (where call), coalesce(sum(cost), 0)::bigint, count(*) filter (where cost is null)"
            " from spans"
        ).fetchone() or (0, 0, 0)
        (traces,) = connection.execute("select count(distinct trace_id) from spans where call").fetchone() or (0,)
    rows += [
        (span.get("provider"), bool(span.get("usage_estimated")), 1, span.get("cost"))
        for span in waiting
        if any(span.get(f"usage_{bucket}") for bucket in ("input", "cache_read", "cache_write", "output"))
    ]
    for provider, estimated, answers, cost in rows:
        kind = "untold" if estimated else "told"
        found[provider][kind] += int(cost or 0)
        found[provider][f"{kind}_answers"] += answers
    return {
        "providers": found,
        "cost": stored_cost + sum(span.get("cost", 0) or 0 for span in waiting),
        "unpriced": unpriced + sum("cost" in span and span["cost"] is None for span in waiting),
        "stored_calls": stored_calls,
        "stored_traces": traces,
        "waiting_calls": sum(span.get("call", False) for span in waiting),
    }


def counted(home: Home) -> dict[str, int]:
    """What the budgets' counters say, by counter."""
    log = SpendLog(home, Ledger(), worker="chaos-0", clock=SystemClock())
    try:
        amounts = log.restore(lambda **_: [])
    finally:
        log.close()
    return {counter: amount for (counter, _), amount in amounts.items() if "/money/" in counter}


def books(home: Home, bills: dict, counters: dict[str, int], *, answered: int) -> dict:
    records = recorded(home)
    providers = records.pop("providers")
    agree = {
        name: {key: (bills[name][key], providers[name][key]) for key in ("told", "told_answers", "untold_answers")}
        for name in PROVIDERS
    }
    return {
        "providers_said_and_recorded": agree,
        "estimated_nano_dollars": sum(row["untold"] for row in providers.values()),
        "recorded_nano_dollars": records["cost"],
        "counters": counters,
        "answered": answered,
        **{key: records[key] for key in ("stored_calls", "stored_traces", "waiting_calls", "unpriced")},
        "holds": all(said == kept for row in agree.values() for said, kept in row.values())
        and len(counters) == 2
        and all(amount == records["cost"] for amount in counters.values())
        and records["stored_calls"] + records["waiting_calls"] == answered
        and not records["unpriced"],
    }


def in_redis(server: PenstockServer) -> dict[str, int]:
    """The budgets' counters as Redis has them."""
    request = urllib.request.Request(
        f"{server.console_url}/api/v1/reconciliation", headers={"authorization": f"Bearer {server.admin_key}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        found = json.loads(answer.read())
    assert found["source"] == "redis", found
    return {item["counter"]: item["counted"] for item in found["items"]}


def measure(folder: Path, *, rate: float, seconds: float, phase: float, redis: str | None) -> dict:
    with ExitStack() as stack:
        simulators = {}
        for name in PROVIDERS:
            (folder / name).mkdir()
            options = ["--latency", "lognormal:30ms,0.5", "--ttft", "lognormal:20ms,0.5", "--chunk-tokens", "4"]
            simulators[name] = stack.enter_context(SimulatorServer(folder / name, options=options))
        config = folder / "penstock.yaml"
        config.write_text(configuration(simulators, redis))
        server = stack.enter_context(PenstockServer(folder, config=config))
        worker = _worker(server.pid)
        for name, simulator in simulators.items():
            simulator.set_faults(*schedule(name, phase=phase, seconds=seconds))
        key = server.admin_key
        run = uvloop.run(load(server.gateway_url, key, worker, rate=rate, seconds=seconds))
        for simulator in simulators.values():
            simulator.set_faults()
        wait_idle(server.home)
        filled = uvloop.run(fill(server.gateway_url, key, list(simulators.values())))
        results = {"success": success(run, phase=phase), "memory": memory(run), "slots": slots(server.home, filled)}
        report = report_of(server.home)
        bills = billed(simulators)
        counters = in_redis(server) if redis else {}
        server.stop()
        counters = counters or counted(Home(server.home))
    answered = sum(outcome.status is not None for outcome in run.outcomes) + PARALLEL + 1
    results["books"] = books(Home(folder / "home"), bills, counters, answered=answered)
    results["targets"] = {
        target["target"]: len(target.get("history", ())) for target in report["targets"]
    }  # how often a breaker changed its state
    results["rate"], results["seconds"], results["counters"] = rate, seconds, report["counters"]
    results["holds"] = all(part["holds"] for part in results.values() if isinstance(part, dict) and "holds" in part)
    return results


def _worker(supervisor: int) -> psutil.Process:
    (worker,) = (
        child
        for child in psutil.Process(supervisor).children(recursive=True)
        if "penstock.server.gateway_worker" in child.cmdline()
    )
    return worker


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--phase", type=float, default=10, help="seconds of each phase of the schedule")
    parser.add_argument("--redis", action="store_true", help="count in a Redis of its own")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--keep", type=Path, help="a folder for what the run leaves, to look into afterwards")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-chaos-")))
        if options.keep:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        redis = stack.enter_context(redis_server()) if options.redis else None
        results = measure(folder, rate=options.rate, seconds=options.seconds, phase=options.phase, redis=redis)
    sys.stdout.write(json.dumps(results) + "\n")
    if options.json:
        write_json(options.json, results)
    return 0 if results["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
