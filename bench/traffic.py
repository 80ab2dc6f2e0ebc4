"""The gateway with all of traffic control on: a route, limits at three levels, a budget, a cache that never hits.

Counted in the worker's memory, and in Redis on the same machine. As in `gateway.py` one core serves and the other does
everything else; the two take turns with a Penstock without any of it, so that what it costs can be read off.

    python bench/traffic.py [--only plain,memory,redis] [--rounds 3] [--seconds 5] [--json PATH]
"""

import argparse
import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import contestants
from contestants import MODEL, UPSTREAM, CannotRun, Running, penstock, spawned, upstream
from gateway import CONNECTIONS, REST, SERVING, latency
from load import Throughput, saturate, write_json

BUDGETS = {"memory": 3_000, "redis": 1_800}
"""Requests per second and core that each must carry."""
P99_BUDGET = 4.0
"""Milliseconds added at 500 requests/s."""

TRAFFIC = f"""\
version: 1
providers:
  bench: {{kind: openai, base_url: "{UPSTREAM}", price_as: openai, models: [{MODEL}]}}
  other: {{kind: openai, base_url: "{UPSTREAM}", price_as: openai, models: [{MODEL}]}}
routes:
  answer:
    variants: {{first: bench/{MODEL}, second: other/{MODEL}}}
    strategy: {{fallback: [{{weighted: {{first: 50, second: 50}}}}, second]}}
    cache: {{ttl: 1h}}
limits:
  - name: all
    on: organisation
    requests_per_second: 1000000
    budget: {{month: {{soft: "$900000", hard: "$1000000"}}}}
  - {{name: each-project, on: project, tokens_per_minute: 1000000000000, budget: {{day: "$500000"}}}}
  - {{name: each-key, on: key, requests_per_minute: 100000000, parallel: 100000}}
"""

out = Console()


@contextmanager
def redis_server() -> Iterator[str]:
    """A Redis that appends every write to its file, on a unix socket; its address."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise CannotRun("redis-server is not installed: apt-get install redis-server")
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        socket = Path(folder) / "redis.sock"
        command = [program, "--port", "0", "--unixsocket", str(socket), "--dir", folder]
        with spawned([*command, "--appendonly", "yes", "--save", ""]) as process:
            while not socket.exists():
                if not process.is_running():
                    raise CannotRun("redis-server ended before it served")
                subprocess.run(["sleep", "0.05"], check=True)
            contestants._pin(process, REST)  # noqa: SLF001 - the same package of scripts
            yield f"unix://{socket}"


@contextmanager
def contestant(name: str) -> Iterator[Running]:
    """One of `plain`, `memory`, `redis`; each has a home of its own, one after another."""
    with ExitStack() as stack:
        if name == "plain":
            yield stack.enter_context(penstock(name=name))
            return
        config = TRAFFIC
        if name == "redis":
            config += f"redis: {{url: '{stack.enter_context(redis_server())}'}}\n"
        yield stack.enter_context(penstock(config, name=name, model="answer"))


def measure(names: list[str], *, rounds: int, seconds: int) -> dict:
    """Figures by contestant: `rate`, `rates`, `cpu_us`, `failed`, `latency`, `rss_after`."""
    results: dict[str, dict] = {}
    with upstream(REST), Progress(console=out, transient=True) as progress:
        bar = progress.add_task("rounds", total=rounds * len(names))
        seen: dict[str, list[Throughput]] = {name: [] for name in names}
        # Two cores hold one gateway at a time; rounds are interleaved all the same, each on a new home.
        for turn in range(rounds):
            for name in names:
                with contestant(name) as running:
                    running.pin(SERVING, REST)
                    saturate(running, core=REST, seconds=2, connections=CONNECTIONS, different=True)
                    seen[name].append(
                        saturate(running, core=REST, seconds=seconds, connections=CONNECTIONS, different=True)
                    )
                    if turn == rounds - 1:
                        capacity = sorted(run.rate for run in seen[name])[rounds // 2]
                        results[name] = {"latency": uvloop.run(latency(running, capacity=capacity, different=True))}
                        results[name]["rss_after"] = running.rss()
                progress.advance(bar)
    for name, runs in seen.items():
        middle = sorted(runs, key=lambda run: run.rate)[len(runs) // 2]
        results[name] |= {
            "rate": middle.rate,
            "rates": [round(run.rate, 1) for run in runs],
            "cpu_us": middle.cpu_micros,
            "failed": sum(run.failed for run in runs),
        }
    return results


def show(results: dict) -> None:
    table = Table(title="Route, limits at three levels, budgets, cache look-up that misses; one core")
    for heading in ("", "requests/s", "at least", "CPU µs/request", "added p50 ms", "added p99 ms @500/s", "failed"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, row in results.items():
        p99 = row["latency"]["rate_p99"]
        table.add_row(
            name,
            f"{row['rate']:,.0f}",
            f"{BUDGETS[name]:,}" if name in BUDGETS else "",
            f"{row['cpu_us']:.0f}",
            f"{row['latency']['one_p50']:.2f}",
            "–" if p99 is None else f"{p99:.2f}",
            str(row["failed"]),
        )
    out.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="plain,memory,redis", help="contestants, comma-separated")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each round")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--serve", metavar="NAME", help="start one of them and wait, for a profiler")
    options = parser.parse_args()
    psutil.Process().cpu_affinity([REST])
    if options.serve:
        with upstream(REST), contestant(options.serve) as running:
            running.pin(SERVING, REST)
            out.print(f"worker {running.processes[0].pid} serves {running.url}; headers {running.headers}")
            asyncio.run(asyncio.Event().wait())
    results = measure(options.only.split(","), rounds=options.rounds, seconds=options.seconds)
    show(results)
    if options.json:
        write_json(options.json, results)


if __name__ == "__main__":
    main()
