"""What the engine of experiments costs, beside inspect_ai on the same rows against the same simulator.

    python -m bench.experiments [--rows 2000] [--memory 100000] [--peer]

CPU time is that of this process alone, divided by rows: reading rows, marking calls, HTTP, recording, one evaluator.
The last line is JSON.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from penstock.core.clock import SystemClock
from penstock.core.ids import RandomIds
from penstock.evals.experiments.places import LocalPlace
from penstock.evals.experiments.service import NewRow
from penstock.evals.experiments.session import Gateway, Session
from penstock.evals.experiments.types import ExperimentSpec, VariantSpec
from penstock.testing.simulator import SimulatorServer

CACHE = Path(__file__).resolve().parent.parent / ".bench"
CONCURRENCY = 64
BUDGET_MS = 2.0
PEER = """
import json, resource, sys, time
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import generate

rows, url, concurrency = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
samples = [Sample(input=f"question {number}", target="3") for number in range(rows)]
model = get_model("openai/gpt-4o-mini", base_url=url, api_key="x")
began, cpu = time.monotonic(), time.process_time()
(log,) = eval(
    Task(dataset=samples, solver=generate(), scorer=includes()), model=model, max_connections=concurrency,
    max_samples=concurrency, display="none", log_dir=sys.argv[4],
)
print(json.dumps({
    "status": log.status, "seconds": time.monotonic() - began, "cpu": time.process_time() - cpu,
    "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
}))
"""


def rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(folder: Path, url: str, rows: int) -> tuple[float, float]:
    """Seconds and CPU seconds of a run."""
    clock = SystemClock()
    place = LocalPlace(folder / "evals.db", clock=clock, ids=RandomIds(clock))
    session = Session(place, Gateway(url=url), folder=folder, clock=clock, ids=RandomIds(clock), random=Random(0))
    spec = ExperimentSpec(
        name="bench",
        dataset="rows.jsonl",
        variants=[VariantSpec(name="a", model="gpt-4o-mini")],
        evaluators=[{"type": "contains"}],
        concurrency=CONCURRENCY,
    )
    made = session.create(spec, (NewRow(input=f"question {n}", reference="3") for n in range(rows)), cache=False)
    began, cpu = time.monotonic(), time.process_time()
    ending = asyncio.run(session.run(made))
    taken = time.monotonic() - began, time.process_time() - cpu
    counts = place.get(made.id).counts
    assert (ending.state, counts.done) == ("done", rows), (ending, counts)
    place.close()
    return taken


def peer(folder: Path, url: str, rows: int) -> dict:
    python = CACHE / "inspect" / "bin" / "python"
    if not python.exists():
        print("installing inspect-ai into .bench/inspect", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(CACHE / "inspect")], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "inspect-ai", "openai"], check=True)
    logs = folder / "logs"
    command = [str(python), "-c", PEER, str(rows), f"{url}/v1", str(CONCURRENCY), str(logs)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "NO_COLOR": "1"})
    return json.loads(ran.stdout.strip().splitlines()[-1])


def figures(rows: int, seconds: float, cpu: float, rss: float) -> dict:
    """Of one run; memory in MB."""
    return {"rows": rows, "rows_per_second": rows / seconds, "cpu_ms_per_row": cpu / rows * 1000, "rss_mb": rss}


def told(name: str, found: dict, after: str = "") -> None:
    print(
        f"{name:<12}{found['rows']:>7,} rows  {found['rows_per_second']:>7.0f} rows/s  "
        f"{found['cpu_ms_per_row']:.2f} ms CPU/row  {found['rss_mb']:.0f} MB  {after}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--memory", type=int, default=0, help="rows of a run that only looks at memory")
    parser.add_argument("--peer", action="store_true", help="run inspect_ai too")
    options = parser.parse_args()
    results = {"bench": "experiments", "budget_ms": BUDGET_MS, "concurrency": CONCURRENCY}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "sim").mkdir()
        with SimulatorServer(folder / "sim") as simulator:
            run(folder, simulator.url, 200)
            results["penstock"] = figures(options.rows, *run(folder, simulator.url, options.rows), rss_mb())
            told("penstock", results["penstock"], f"(budget {BUDGET_MS:g} ms)")
            if options.memory:
                results["long"] = figures(options.memory, *run(folder, simulator.url, options.memory), rss_mb())
                told("penstock", results["long"])
            if options.peer:
                found = peer(folder, simulator.url, options.rows)
                results["inspect_ai"] = figures(options.rows, found["seconds"], found["cpu"], found["rss"] / 1024)
                told("inspect_ai", results["inspect_ai"], found["status"])
    print(json.dumps(results))


if __name__ == "__main__":
    main()
