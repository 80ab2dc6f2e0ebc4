"""Every benchmark, one after another, and the table of the README.

    python -m bench [--quick] [--no-readme] [--chaos-seconds 600]

Figures go to `bench/results/latest.json`; the README's table is written from them.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
RESULTS = BENCH / "results" / "latest.json"
START, END = "<!-- bench:start -->", "<!-- bench:end -->"

out = Console()


def script(name: str, *arguments: str, may_fail: bool = False) -> Any:
    """Run one benchmark as its own process; what it printed last, decoded.

    With `may_fail` a figure that does not hold is a result like any other.
    """
    out.rule(f"{name} {' '.join(arguments)}")
    with subprocess.Popen(
        [sys.executable, str(BENCH / f"{name}.py"), *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            sys.stdout.write(line)
            lines.append(line)
    if process.returncode and not (may_fail and lines and lines[-1].startswith("{")):
        raise SystemExit(f"{name} failed with exit code {process.returncode}")
    return json.loads(lines[-1]) if lines and lines[-1].startswith(("{", "[")) else None


def start(command: str, home: Path) -> float:
    """Seconds from the command to its ready file; then it is stopped."""
    ready = home.parent / "ready.json"
    ready.unlink(missing_ok=True)
    ports = {"up": ("--gateway-port", "0", "--console-port", "0"), "gateway": ("--gateway-port", "0")}[command]
    penstock = str(Path(sys.executable).parent / "penstock")
    began = time.perf_counter()
    process = subprocess.Popen(
        [penstock, command, "--home", str(home), "--quiet", *ports, "--ready-file", str(ready)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not ready.exists():
        if process.poll() is not None:
            raise SystemExit(f"penstock {command} ended before it served")
        time.sleep(0.005)
    elapsed = time.perf_counter() - began
    process.terminate()
    process.wait(30)
    return elapsed


def cold_start(times: int = 5) -> dict[str, float]:
    """Seconds to serving: both planes on a new home, both on a used one, and the gateway alone (medians)."""
    out.rule("cold start")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        seen = {
            "first": start("up", home),
            "later": statistics.median(start("up", home) for _ in range(times)),
            "gateway": statistics.median(start("gateway", home) for _ in range(times)),
        }
    out.print(", ".join(f"{name} {seconds:.2f} s" for name, seconds in seen.items()))
    return seen


def table(results: dict[str, Any]) -> str:
    """The README's section, from the figures alone."""
    machine = results["machine"]
    rows = ["| gateway | requests/s | streams/s | CPU µs per request | added p50 | added p99 at 500/s | memory |"]
    rows.append("|---|---|---|---|---|---|---|")
    for name, figures in results["gateway"]["results"].items():
        rows.append(
            f"| {name} | {figures['whole']['rate']:,.0f} | {figures['streams']['rate']:,.0f} "
            f"| {figures['whole']['cpu_us']:.0f} | {figures['latency']['one_p50']:.2f} ms "
            f"| {_milliseconds(figures['latency']['rate_p99'])} "
            f"| {figures['rss_idle'] / 1e6:.0f} → {figures['rss_after'] / 1e6:.0f} MB |"
        )
    rows += [f"\n{name} did not run: {why}." for name, why in results["gateway"]["could_not_run"].items()]
    questions = results["console_queries"]["questions"]
    spans = results["console_queries"]["spans"]
    ingestion, starts = results["ingestion"], results["start"]
    rows += ["", "| | measured | budget |", "|---|---|---|"]
    rows.append(f"| start of a gateway to serving | {starts['gateway']:.2f} s | 2 s |")
    rows.append(
        f"| `penstock up` to both planes serving, first / later | {starts['first']:.2f} / {starts['later']:.2f} s | |"
    )
    rows.append(
        f"| ingestion, journal to queryable | {ingestion['spans_per_second_to_queryable']:,} spans/s | 20,000 spans/s |"
    )
    rows.append(
        f"| ingestion by OTLP through the whole console, to queryable "
        f"| {results['otlp']['queryable_spans_per_second']:,} spans/s | 20,000 spans/s |"
    )
    longest = max(results["trace_page"]["rows"], key=lambda row: row["spans"])
    rows.append(
        f"| trace of {longest['spans']:,.0f} spans in a browser, from the address to its rows "
        f"| {longest['browser_ms']:,.0f} ms | {results['trace_page']['budget_ms']:,.0f} ms |"
    )
    disk, free = (results["console_queries"][name] for name in ("bytes_per_span", "free_bytes_per_span"))
    rows.append(
        f"| disk per span with 2 KB of text, {spans:,} spans "
        f"| {disk - free:,} bytes, and {free} in blocks that the next spans take | 800 bytes |"
    )
    searches = [name for name in questions if name.startswith("search")]
    others = [name for name in questions if name not in searches and "(an audit)" not in name]
    for names, what, most in (
        (others, "console queries", "300 ms"),
        (searches, "text searches, first page,", "1,000 ms"),
    ):
        slowest = max(names, key=lambda name: questions[name]["p95_ms"])
        rows.append(
            f"| slowest of {len(names)} {what} over {spans:,} spans ({slowest}), p95 "
            f"| {questions[slowest]['p95_ms']:.0f} ms | {most} |"
        )
    rows += _alert_rows(results["alerts"])
    rows += _evaluation_rows(results["experiments"], results["registry"])
    rows += ["", *_traffic_rows(results["traffic"]), "", *_chaos_rows(results["chaos"]), ""]
    rows.append(
        f"One core per gateway, 32 connections, 1 KB prompts, streams of 60 chunks, medians of interleaved rounds, on "
        f"{machine['cores']} cores of {machine['processor']}, Python {machine['python']}, {results['date']}. "
        "Penstock with everything on; TensorZero with its records off; the bare proxy does nothing but pass bytes on."
    )
    return "\n".join(rows)


def _alert_rows(alerts: dict[str, Any]) -> list[str]:
    weeks = len(alerts["found"])
    alarms, found = (", ".join(map(str, sorted(alerts[name]))) for name in ("false_alarms", "found"))
    return [
        f"| alerts by the default rules, false alarms in a week without a fault, {weeks} weeks | {alarms} | 1 |",
        f"| of {alerts['of']} injected faults found, {weeks} times | {found} | 18 |",
        f"| time to detect, median / p90 | {alerts['median_minutes']:.0f} / {alerts['p90_minutes']:.0f} min | |",
    ]


def _evaluation_rows(experiments: dict[str, Any], registry: dict[str, Any]) -> list[str]:
    ours, long, peer = (experiments[name] for name in ("penstock", "long", "inspect_ai"))
    questions = registry["questions"]
    slowest = max(questions, key=lambda name: questions[name]["p95_ms"])
    return [
        (
            f"| engine of experiments, {experiments['concurrency']} calls at once, CPU per row (inspect_ai beside it) "
            f"| {ours['cpu_ms_per_row']:.2f} ms ({peer['cpu_ms_per_row']:.2f}) | {experiments['budget_ms']:g} ms |"
        ),
        (
            f"| memory after an experiment of {ours['rows']:,} rows, and after one of {long['rows']:,} "
            f"| {ours['rss_mb']:.0f}, {long['rss_mb']:.0f} MB | |"
        ),
        (
            f"| slowest of {len(questions)} questions to {registry['artifacts']:,} prompts with {registry['versions']} "
            f"versions each ({slowest}), p95 | {questions[slowest]['p95_ms']:.0f} ms | {registry['budget_ms']:g} ms |"
        ),
    ]


def _traffic_rows(traffic: dict[str, Any]) -> list[str]:
    names = {"plain": "no limits, no cache", "memory": "all on, in memory", "redis": "all on, in Redis"}
    floors = {"memory": "3,000", "redis": "1,800"}
    rows = ["| traffic control | requests/s | at least | CPU µs per request | added p50 | added p99 at 500/s |"]
    rows.append("|---|---|---|---|---|---|")
    rows += [
        f"| {names[name]} | {row['rate']:,.0f} | {floors.get(name, '')} | {row['cpu_us']:.0f} "
        f"| {row['latency']['one_p50']:.2f} ms | {_milliseconds(row['latency']['rate_p99'])} |"
        for name, row in traffic.items()
    ]
    return rows


def _chaos_rows(chaos: dict[str, Any]) -> list[str]:
    success, memory, books = chaos["success"], chaos["memory"], chaos["books"]
    said = "agree to the nano-dollar" if books["holds"] else "differ"
    text = (
        f"Three providers failing on a schedule, {chaos['rate']:g} calls/s for {chaos['seconds']:g} s: of "
        f"{success['could_succeed']:,} calls that could succeed {success['share']:.3%} did; "
        f"{'no slot leaked' if chaos['slots']['holds'] else 'slots leaked'}; memory {memory['first'] / 1e6:.0f} → "
        f"{memory['last'] / 1e6:.0f} MB; the providers' bills, the records and the budgets {said}."
    )
    return [text]


def _milliseconds(value: float | None) -> str:
    return "cannot carry it" if value is None else f"{value:.2f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short rounds and fewer spans, to see that it runs")
    parser.add_argument("--no-readme", action="store_true", help="leave the README as it is")
    parser.add_argument("--chaos-seconds", type=int, default=600, help="length of the chaos run")
    options = parser.parse_args()
    if shutil.which("wrk") is None and os.geteuid() == 0:
        subprocess.run(["apt-get", "install", "-y", "-qq", "wrk"], check=True)
    RESULTS.parent.mkdir(exist_ok=True)
    figures = RESULTS.with_suffix(".gateway.tmp")
    rounds = ("--rounds", "1", "--seconds", "3") if options.quick else ()
    chaos = ("--seconds", "60", "--phase", "6") if options.quick else ("--seconds", str(options.chaos_seconds))
    script("gateway", "--json", str(figures), *rounds)
    gateway = json.loads(figures.read_text())
    script("traffic", "--json", str(figures), *rounds)
    traffic = json.loads(figures.read_text())
    figures.unlink()
    results = {
        "date": datetime.now(UTC).date().isoformat(),  # noqa: DTZ005, RUF100 - the day of the run
        "machine": gateway.pop("machine"),
        "gateway": gateway,
        "traffic": traffic,
        "chaos": script("chaos", *chaos, may_fail=True),
        "start": cold_start(),
        "ingestion": script("ingestion", *(("--spans", "20000") if options.quick else ())),
        "otlp": script("otlp", "--spans", "20000" if options.quick else "600000"),
        "trace_page": script("trace_page", *(("--sizes", "1000", "--rounds", "1") if options.quick else ())),
        "experiments": script("experiments", "--peer", "--memory", "2000" if options.quick else "100000"),
        "registry": script("registry", *(("--artifacts", "200", "--rounds", "20") if options.quick else ())),
        "alerts": script("alerts", *(("1",) if options.quick else ())),
        "console_queries": script("console_queries", *(("--spans", "50000", "--rounds", "5") if options.quick else ())),
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    text = table(results)
    out.print(text)
    if not options.no_readme:
        readme = ROOT / "README.md"
        before, _, rest = readme.read_text().partition(START)
        _, _, after = rest.partition(END)
        readme.write_text(f"{before}{START}\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()
