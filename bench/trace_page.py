"""How long a large trace takes to open: the console's answer, and the page in a browser.

    python bench/trace_page.py [--sizes 1000,5000,20000] [--rounds 5] [--json PATH]

An application sends one trace of each size, six levels deep, four hundred characters of text a span, to a Penstock of
its own. Measured are, as the median of the rounds,

- the answer that the page asks for: milliseconds until its last byte, those of the console's CPU, bytes as sent and
  unpacked;
- the page in Chromium (headless), its assets cached: milliseconds from the navigation until the first rows of the tree
  are painted, and the CPU time of the browser's main thread in it.

The budget is a second from the navigation. Prints a table and one line of JSON.
"""

import argparse
import json
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

import httpx
import psutil
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from load import write_json
from penstock.testing.server import PenstockServer

SIZES = (1_000, 5_000, 20_000)
BUDGET_MS = 1_000
PER_REQUEST = 5_000
PER_PARENT = 6
PATIENCE = 60.0
ASKED = {"outline": "true"}
"""As the page asks."""
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
PAINTED = """
window.painted = new Promise((resolve) => {
  const rows = new MutationObserver(() => {
    if (!document.querySelector('[role="treeitem"]')) return;
    rows.disconnect();
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
  });
  rows.observe(document, { childList: true, subtree: true });
});
"""
"""Run before the page's own scripts: says when the first rows of the tree have been painted."""

out = Console(stderr=True)


def attribute(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


def step(trace: str, ids: list[str], at: int, start: int) -> dict[str, Any]:
    """One span in OTLP's JSON; each is above `PER_PARENT` others."""
    began = start + at % 900 * 1_000_000
    return {
        "traceId": trace,
        "spanId": ids[at],
        "parentSpanId": ids[(at - 1) // PER_PARENT] if at else "",
        "name": f"step {at}",
        "startTimeUnixNano": str(began),
        "endTimeUnixNano": str(began + 900_000_000),
        "attributes": [
            attribute("openinference.span.kind", "CHAIN" if at % 7 else "TOOL"),
            attribute("input.value", f"What step {at} was given. " * 8),
            attribute("output.value", f"What step {at} made of it. " * 8),
        ],
    }


def send(server: PenstockServer, spans: int) -> str:
    """A trace of so many spans; its id, once all of them can be read."""
    trace = secrets.token_hex(16)
    ids = [secrets.token_hex(8) for _ in range(spans)]
    start = time.time_ns() - 600 * 1_000_000_000
    with client_of(server) as client:
        resource = {"attributes": [attribute("service.name", "pipeline")]}
        for first in range(0, spans, PER_REQUEST):
            part = [step(trace, ids, at, start) for at in range(first, min(spans, first + PER_REQUEST))]
            scope = {"scope": {"name": "bench"}, "spans": part}
            body = {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}
            client.post("/otlp/v1/traces", json=body).raise_for_status()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = client.get(f"/api/v1/traces/{trace}")
            if found.status_code == 200 and len(found.json()["spans"]) == spans:
                return trace
            time.sleep(0.2)
    raise SystemExit(f"the {spans} spans could not be read after {PATIENCE:.0f} s")


def client_of(server: PenstockServer) -> httpx.Client:
    headers = {"authorization": f"Bearer {server.admin_key}"}
    return httpx.Client(base_url=server.console_url, headers=headers, timeout=60, trust_env=False)


def console_process(server: PenstockServer) -> psutil.Process:
    """Of the processes below the supervisor, the one that answers at the console's address."""
    below = psutil.Process(server.pid).children(recursive=True)
    return next(each for each in below if any("console" in word for word in each.cmdline()))


def ask(server: PenstockServer, trace: str, rounds: int) -> dict[str, float]:
    """What the answer takes that the page asks for."""
    console = console_process(server)
    wall: list[float] = []
    cpu: list[float] = []
    sent = unpacked = 0
    with client_of(server) as client:
        for _ in range(rounds + 1):
            before, began = console.cpu_times(), time.perf_counter()
            with client.stream("GET", f"/api/v1/traces/{trace}", params=ASKED) as answer:
                unpacked = sum(len(part) for part in answer.iter_bytes())
                sent = answer.num_bytes_downloaded
            wall.append((time.perf_counter() - began) * 1_000)
            after = console.cpu_times()
            cpu.append((after.user + after.system - before.user - before.system) * 1_000)
    # The first round finds cold caches; a page that is looked at again does not.
    return {
        "server_ms": statistics.median(wall[1:]),
        "server_cpu_ms": statistics.mean(cpu[1:]),
        "sent_bytes": sent,
        "unpacked_bytes": unpacked,
    }


def visit(page: Page, metrics: CDPSession, address: str) -> tuple[float, float]:
    """Milliseconds from the navigation to the painted rows, and those that the main thread worked."""

    def worked() -> float:
        found = cast("list[dict[str, Any]]", metrics.send("Performance.getMetrics")["metrics"])
        return next(float(each["value"]) for each in found if each["name"] == "TaskDuration") * 1_000

    page.goto("about:blank")
    before = worked()
    page.goto(address, wait_until="commit")
    return float(page.evaluate("window.painted")), worked() - before


def look(browser: Browser, server: PenstockServer, trace: str, rounds: int) -> dict[str, float]:
    """What the page takes."""
    with client_of(server) as client:
        answer = client.post("/api/v1/signin-links", json={"role": "viewer", "name": "Vic"})
        link = answer.raise_for_status().json()["url"]
    context = browser.new_context(base_url=server.console_url, viewport={"width": 1280, "height": 800})
    context.add_init_script(PAINTED)
    page = context.new_page()
    page.goto(link)
    page.wait_for_url("**/overview*")
    metrics = context.new_cdp_session(page)
    # What another process does meanwhile is no work of this one.
    metrics.send("Performance.enable", {"timeDomain": "threadTicks"})
    seen = [visit(page, metrics, f"/traces/{trace}") for _ in range(rounds + 1)][1:]
    context.close()
    return {
        "browser_ms": statistics.median(painted for painted, _ in seen),
        "browser_ms_worst": max(painted for painted, _ in seen),
        "browser_work_ms": statistics.median(worked for _, worked in seen),
    }


def table(rows: list[dict[str, float]]) -> Table:
    made = Table(title=f"Opening one trace; budget {BUDGET_MS:,} ms")
    columns = ("spans", "answer", "console CPU", "sent", "unpacked", "rows painted", "slowest", "main thread")
    for name in columns:
        made.add_column(name, justify="right")
    for row in rows:
        made.add_row(
            f"{row['spans']:,.0f}",
            f"{row['server_ms']:.0f} ms",
            f"{row['server_cpu_ms']:.0f} ms",
            f"{row['sent_bytes'] / 1e6:.2f} MB",
            f"{row['unpacked_bytes'] / 1e6:.2f} MB",
            f"{row['browser_ms']:.0f} ms",
            f"{row['browser_ms_worst']:.0f} ms",
            f"{row['browser_work_ms']:.0f} ms",
        )
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(str(size) for size in SIZES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    chromium = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if chromium is None:
        raise SystemExit("no Chromium on this machine: apt-get install chromium")
    rows: list[dict[str, float]] = []
    with (
        tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder,
        PenstockServer(Path(folder)) as server,
        sync_playwright() as playwright,
        Progress(console=out, transient=True) as progress,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for size in progress.track([int(word) for word in chosen.sizes.split(",")]):
            trace = send(server, size)
            measured = {"spans": float(size), **ask(server, trace, chosen.rounds)}
            rows.append(measured | look(browser, server, trace, chosen.rounds))
        browser.close()
    out.print(table(rows))
    result = {"budget_ms": BUDGET_MS, "rows": rows}
    if chosen.json:
        write_json(chosen.json, result)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
