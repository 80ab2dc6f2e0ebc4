"""Runs every check of the repository, all of them even when one fails, and prints counts.

All but Python's tests run two at a time, for each keeps one core busy; those have both cores for themselves.
The last line is `N passed, N failed, N skipped`: each test counts as one, and so does each check that
has no tests of its own. Exits with 1 when anything failed.
"""

import filecmp
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.etree import ElementTree as ET

import npm

ROOT = Path(__file__).resolve().parent.parent
CONSOLE = ROOT / "console"
MIN_COVERAGE = 90
WORKERS = os.environ.get("PENSTOCK_TEST_WORKERS", "2")


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: "Counts") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


Output = IO[bytes] | None
"""Where a step writes what it has to say; None for this program's own output, as it comes."""
Step = Callable[[Output], Counts]


@dataclass
class Outcome:
    name: str
    counts: Counts
    seconds: float


def run(*command: str, output: Output, errors: Output = None, cwd: Path = ROOT) -> int:
    """The exit code of a command. Its errors go to its output unless `errors` is given."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=npm.environment(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors if output is None or errors is not None else subprocess.STDOUT,
        check=False,
    ).returncode


def say(output: Output, text: str) -> None:
    stream = sys.stdout.buffer if output is None else output
    stream.write(f"{text}\n".encode())
    stream.flush()


def check(*command: str, cwd: Path = ROOT) -> Step:
    """A check that has no tests of its own: one, passed or failed."""

    def step(output: Output) -> Counts:
        return Counts(passed=1) if run(*command, output=output, cwd=cwd) == 0 else Counts(failed=1)

    return step


def openapi_is_fresh(output: Output) -> Counts:
    with tempfile.TemporaryFile() as made:
        code = run("python", "-m", "penstock.server.openapi", output=made, errors=output)
        made.seek(0)
        text = made.read()
    if code == 0 and text == (CONSOLE / "openapi.json").read_bytes():
        return Counts(passed=1)
    say(output, "console/openapi.json is not what the control API says. Run: make openapi")
    return Counts(failed=1)


def client_is_fresh(output: Output) -> Counts:
    committed = CONSOLE / "src" / "api" / "generated" / "schema.ts"
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "schema.ts"
        command = ("node_modules/.bin/openapi-typescript", "openapi.json", "--output", str(made))
        if run(*command, output=output, cwd=CONSOLE) == 0 and filecmp.cmp(made, committed, shallow=False):
            return Counts(passed=1)
    say(output, f"{committed.relative_to(ROOT)} is not made from console/openapi.json. Run: make openapi")
    return Counts(failed=1)


def console_tests(output: Output) -> Counts:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "vitest.json"
        code = run(
            *npm.command(),
            "test",
            "--silent",
            "--",
            "--reporter=default",
            "--reporter=json",
            f"--outputFile.json={report}",
            output=output,
            cwd=CONSOLE,
        )
        if not report.is_file():
            return Counts(failed=1)
        found = json.loads(report.read_bytes())
    counts = Counts(found["numPassedTests"], found["numFailedTests"], found["numPendingTests"] + found["numTodoTests"])
    if code and not counts.failed:
        counts.failed = 1
    return counts


def python_tests(output: Output) -> Counts:
    for stale in ROOT.glob(".coverage*"):
        stale.unlink()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "pytest.xml"
        code = run(
            "pytest",
            "-n",
            WORKERS,
            "--dist",
            "loadgroup",
            "--cov",
            "--cov-report=",
            f"--junitxml={report}",
            "--durations=15",
            output=output,
        )
        counts = Counts()
        if report.is_file():
            for suite in ET.parse(report).getroot().iter("testsuite"):
                bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
                skipped = int(suite.get("skipped", 0))
                counts.add(Counts(int(suite.get("tests", 0)) - bad - skipped, bad, skipped))
    if code and not counts.failed:
        counts.failed = 1
    return counts


def coverage_holds(output: Output) -> Counts:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        if run("coverage", "report", "--skip-covered", output=output):
            return Counts(failed=1)
        run("coverage", "json", "--quiet", "-o", str(report), output=output)
        totals = json.loads(report.read_bytes())["totals"]
    branches = 100 * totals["covered_branches"] / max(1, totals["num_branches"])
    say(output, f"branches {branches:.1f} %, lines and branches {totals['percent_covered']:.1f} %")
    return Counts(passed=1) if min(branches, totals["percent_covered"]) >= MIN_COVERAGE else Counts(failed=1)


# The long ones first, so that the short ones fill up beside them.
SIDE_BY_SIDE: dict[str, Step] = {
    "pyright": check("pyright"),
    "console tests": console_tests,
    "console lint and types": check(*npm.command(), "run", "--silent", "check", cwd=CONSOLE),
    "ruff check": check("ruff", "check", "."),
    "ruff format": check("ruff", "format", "--check", "."),
    "import layers": check("lint-imports"),
    "openapi.json is fresh": openapi_is_fresh,
    "console client is fresh": client_is_fresh,
}
ALONE: dict[str, Step] = {
    "python tests": python_tests,
    f"coverage, branches >= {MIN_COVERAGE} %": coverage_holds,
}


def timed(name: str, step: Step, output: Output) -> Outcome:
    started = time.monotonic()
    counts = step(output)
    return Outcome(name, counts, time.monotonic() - started)


def side_by_side(steps: dict[str, Step]) -> Iterator[Outcome]:
    """Two at a time; what each said is printed in one piece when it has ended."""

    def quietly(name: str) -> tuple[Outcome, bytes]:
        with tempfile.TemporaryFile() as output:
            outcome = timed(name, steps[name], output)
            output.seek(0)
            return outcome, output.read()

    with ThreadPoolExecutor(2) as pool:
        for outcome, said in pool.map(quietly, steps):
            say(None, f"\n==> {outcome.name}")
            sys.stdout.buffer.write(said)
            yield outcome


def in_turn(steps: dict[str, Step]) -> Iterator[Outcome]:
    for name, step in steps.items():
        say(None, f"\n==> {name}")
        yield timed(name, step, None)


def main() -> int:
    words = sys.argv[1:]

    def wanted(steps: dict[str, Step]) -> dict[str, Step]:
        return {name: step for name, step in steps.items() if not words or any(word in name for word in words)}

    outcomes = [*side_by_side(wanted(SIDE_BY_SIDE)), *in_turn(wanted(ALONE))]
    total = Counts()
    width = max((len(one.name) for one in outcomes), default=0)
    print("\n" + "-" * min(width + 48, shutil.get_terminal_size().columns))
    for one in outcomes:
        total.add(one.counts)
        print(f"{'FAILED' if one.counts.failed else 'ok':<7}{one.name:<{width}}  {one.counts}  {one.seconds:.1f} s")
    print(f"\n{total}")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
