"""The gateway against its budgets and its peers, in one run on one machine.

Each gateway is pinned to one core; the load generator, the canned provider and (for Penstock) the
console share the other. Contestants take turns, round by round, so that a machine whose speed drifts
drifts for all of them; medians and ratios are what counts.

    python bench/gateway.py [--only penstock,tensorzero] [--rounds 3] [--seconds 8] [--json PATH]
"""

import argparse
import os
import platform
import statistics
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from contestants import CONTESTANTS, UPSTREAM, CannotRun, Running, upstream
from load import at_rate, one_connection, quantiles, saturate, write_json

SERVING, REST = 0, 1
CONNECTIONS = 32
RATE = 500
TURNS = 3

out = Console()


def throughput(gateways: list[Running], *, rounds: int, seconds: int, stream: bool, step: Callable[[], None]) -> dict:
    """Interleaved rounds; per gateway the median rate, all rates, and CPU per request."""
    seen: dict[str, list] = {gateway.name: [] for gateway in gateways}
    for gateway in gateways:
        saturate(gateway, core=REST, seconds=2, connections=CONNECTIONS, stream=stream)
    for _ in range(rounds):
        for gateway in gateways:
            seen[gateway.name].append(
                saturate(gateway, core=REST, seconds=seconds, connections=CONNECTIONS, stream=stream)
            )
            step()
    return {
        name: {
            "rate": statistics.median(run.rate for run in runs),
            "rates": [round(run.rate, 1) for run in runs],
            "failed": sum(run.failed for run in runs),
            "cpu_us": statistics.median(run.cpu_micros for run in runs),
        }
        for name, runs in seen.items()
    }


async def latency(gateway: Running, *, capacity: float, different: bool = False) -> dict:
    """What the gateway adds: its quantiles less the provider's own, asked in turns.

    The 99th percentile is the median of three turns: a neighbour of the machine can stall any one of them. One that
    cannot carry the rate is not asked to: its queue would only grow. With `different` no two requests at
    that rate are the same.
    """
    direct, through = [], []
    for _ in range(5):
        direct += await one_connection(f"{UPSTREAM}/chat/completions", gateway.model, {}, requests=400)
        through += await one_connection(gateway.url, gateway.model, gateway.headers, requests=400, different=different)
    added = {
        "one_p50": quantiles(through).p50 - quantiles(direct).p50,
        "rate_p99": None,
        "provider": asdict(quantiles(direct)),
        "through": asdict(quantiles(through)),
    }
    if capacity < 1.2 * RATE:
        return added
    url = f"{UPSTREAM}/chat/completions"
    pairs = []
    for _ in range(TURNS):
        base = quantiles(await at_rate(url, gateway.model, {}, rate=RATE, seconds=4))
        loaded = quantiles(
            await at_rate(gateway.url, gateway.model, gateway.headers, rate=RATE, seconds=8, different=different)
        )
        pairs.append((loaded.p99 - base.p99, loaded))
    rate_p99, loaded = sorted(pairs, key=lambda pair: pair[0])[TURNS // 2]
    return {**added, "rate_p99": rate_p99, "rate_p99s": [pair[0] for pair in pairs], "loaded": asdict(loaded)}


def measure(names: list[str], *, rounds: int, seconds: int) -> dict:
    results: dict[str, dict] = {}
    failures: dict[str, str] = {}
    os.sched_setaffinity(0, {REST})
    with ExitStack() as stack, Progress(console=out, transient=True) as progress:
        stack.enter_context(upstream(REST))
        gateways: list[Running] = []
        starting = progress.add_task("starting", total=len(names))
        for name in names:
            try:
                gateways.append(stack.enter_context(CONTESTANTS[name]()))
            except CannotRun as error:
                failures[name] = str(error)
            progress.advance(starting)
        for gateway in gateways:
            gateway.pin(SERVING, REST)
            results[gateway.name] = {"start_seconds": gateway.start_seconds, "rss_idle": gateway.rss()}
        for stream, key in ((False, "whole"), (True, "streams")):
            bar = progress.add_task(key, total=len(gateways) * rounds)
            told = throughput(
                gateways, rounds=rounds, seconds=seconds, stream=stream, step=lambda b=bar: progress.advance(b)
            )
            for name, numbers in told.items():
                results[name][key] = numbers
        bar = progress.add_task("latency", total=len(gateways))
        for gateway in gateways:
            results[gateway.name]["latency"] = uvloop.run(
                latency(gateway, capacity=results[gateway.name]["whole"]["rate"])
            )
            results[gateway.name]["rss_after"] = gateway.rss()
            progress.advance(bar)
    return {"results": results, "could_not_run": failures}


def show(measured: dict) -> None:
    table = Table(title="One core per gateway; medians")
    for heading in (
        "gateway",
        "requests/s",
        "streams/s",
        "CPU µs/request",
        "added p50 ms",
        "added p99 ms @500/s",
        "MB idle",
        "MB after",
        "start s",
        "failed",
    ):
        table.add_column(heading, justify="left" if heading == "gateway" else "right")
    for name, row in measured["results"].items():
        table.add_row(
            name,
            f"{row['whole']['rate']:,.0f}",
            f"{row['streams']['rate']:,.0f}",
            f"{row['whole']['cpu_us']:.0f}",
            f"{row['latency']['one_p50']:.2f}",
            "–" if row["latency"]["rate_p99"] is None else f"{row['latency']['rate_p99']:.2f}",
            f"{row['rss_idle'] / 1e6:.0f}",
            f"{row['rss_after'] / 1e6:.0f}",
            f"{row['start_seconds']:.2f}",
            str(row["whole"]["failed"] + row["streams"]["failed"]),
        )
    out.print(table)
    for name, reason in measured["could_not_run"].items():
        out.print(f"{name} did not run: {reason}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(CONTESTANTS), help="contestants, comma-separated")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each round")
    parser.add_argument("--json", type=Path, help="write all figures there")
    options = parser.parse_args()
    measured = measure(options.only.split(","), rounds=options.rounds, seconds=options.seconds)
    measured["machine"] = {"processor": _processor(), "cores": os.cpu_count(), "python": platform.python_version()}
    show(measured)
    if options.json:
        write_json(options.json, measured)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
