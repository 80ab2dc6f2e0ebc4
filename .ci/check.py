"""Runs every check of the repository, all of them even when one fails, and prints counts.

All but Python's tests run two at a time, for each keeps one core busy; those have both cores for themselves.
What failed in Python's tests is told once more near the end, where CI shows it. The last line is
`N passed, N failed, N skipped`: each test counts as one, and so does each check that has no tests of its own.
Exits with 1 when anything failed.
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from xml.etree import ElementTree as ET

import npm

ROOT = Path(__file__).resolve().parent.parent
CONSOLE = ROOT / "console"
MIN_COVERAGE = 90
# One more than there are cores: many tests wait for the processes that they start.
WORKERS = os.environ.get("PENSTOCK_TEST_WORKERS", "3")
TOLD_TESTS = 25
"""Of failed tests as many are told in full."""
TOLD_LINES = 12
"""Of the end of a failed test's report."""
KEPT = 64 * 1024
"""Bytes of the end of pytest's output that are kept, to say why it ended early."""


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    told: list[str] = field(default_factory=list[str])
    """What is said about failures near the end."""

    def add(self, other: "Counts") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.told += other.told

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


def tests_are_collected(output: Output) -> Counts:
    """Pytest compiles each test's file anew for its assertions: here once, and not in each worker under coverage."""
    with tempfile.TemporaryFile() as listed:
        code = run("pytest", "--collect-only", "-q", output=listed)
        if code == 0:
            return Counts(passed=1)
        listed.seek(0)
        lines = [line for line in listed.read().decode(errors="replace").splitlines() if "::" not in line]
    say(output, "\n".join(lines[-60:]))
    return Counts(failed=1)


def run_and_keep(*command: str) -> tuple[int, str]:
    """The exit code of a command whose output goes to this program's as it comes, and the end of that output."""
    kept = b""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=npm.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
    ) as process:
        assert process.stdout is not None
        while part := process.stdout.read(KEPT):
            sys.stdout.buffer.write(part)
            sys.stdout.flush()
            kept = (kept + part)[-KEPT:]
    return process.returncode, kept.decode(errors="replace")


def why_it_ended(code: int, end: str) -> str:
    """Why pytest ended before its tests did: what it says of that stands among much else."""
    lines = end.splitlines()
    signs = ("INTERNALERROR", "Different tests were collected", "error:", "ERROR", "Error:", "node down", "crashed")
    found = [line for line in lines if any(sign in line for sign in signs)]
    return "\n".join(
        [f"pytest ended with code {code} before its tests.", *found[:20], "… its last lines:", *lines[-40:]]
    )


def reports(case: ET.Element) -> Iterator[str]:
    """What is told of a test that failed, before, in or after its call."""
    for kind in ("failure", "error"):
        for found in case.iter(kind):
            message = found.get("message", "").strip().partition("\n")[0]
            lines = (found.text or "").strip().splitlines()[-TOLD_LINES:]
            name = f"{case.get('classname', '')}::{case.get('name', '')}"
            yield "\n".join([f"{kind.upper()} {name}: {message[:200]}", *(f"    {line}" for line in lines)])


def read_report(path: Path) -> Counts:
    counts = Counts()
    for suite in ET.parse(path).getroot().iter("testsuite"):
        bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        told = [report for case in suite.iter("testcase") for report in reports(case)]
        counts.add(Counts(int(suite.get("tests", 0)) - bad - skipped, bad, skipped, told))
    if len(counts.told) > TOLD_TESTS:
        counts.told[TOLD_TESTS:] = [f"… and {len(counts.told) - TOLD_TESTS} more that failed."]
    return counts


def python_tests(_output: Output) -> Counts:
    for stale in ROOT.glob(".coverage*"):
        stale.unlink()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "pytest.xml"
        code, end = run_and_keep(
            "pytest",
            "-n",
            WORKERS,
            # By files, so that what the tests of one share is made once; `tests/conftest.py` sets their order.
            "--dist",
            "loadfile",
            "--no-loadscope-reorder",
            "--cov",
            "--cov-report=",
            f"--junitxml={report}",
            "--durations=15",
        )
        counts = read_report(report) if report.is_file() else Counts()
    # 0 and 1: all tests ran, and passed or not. Anything else, or no report, is an end before that.
    if code > 1 or code < 0 or (code and not counts.failed):
        counts.failed = max(1, counts.failed)
        counts.told.append(why_it_ended(code, end))
    return counts


def coverage_holds(output: Output) -> Counts:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        if run("coverage", "json", "--quiet", "-o", str(report), output=output):
            return Counts(failed=1)
        found = json.loads(report.read_bytes())
    for name, file in sorted(found["files"].items()):
        if file["summary"]["percent_covered"] < MIN_COVERAGE:
            missing = ",".join(map(str, file["missing_lines"][:20]))
            say(output, f"{file['summary']['percent_covered']:5.1f} %  {name}  lines {missing}")
    totals = found["totals"]
    branches = 100 * totals["covered_branches"] / max(1, totals["num_branches"])
    say(output, f"branches {branches:.1f} %, lines and branches {totals['percent_covered']:.1f} %")
    return Counts(passed=1) if min(branches, totals["percent_covered"]) >= MIN_COVERAGE else Counts(failed=1)


# The long ones first, so that the short ones fill up beside them.
SIDE_BY_SIDE: dict[str, Step] = {
    "pyright": check("pyright"),
    "console tests": console_tests,
    "console lint and types": check(*npm.command(), "run", "--silent", "check", cwd=CONSOLE),
    "tests are collected": tests_are_collected,
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
    for one in outcomes:
        total.add(one.counts)
    for told in total.told:
        print(f"\n{told}")
    width = max((len(one.name) for one in outcomes), default=0)
    print("\n" + "-" * min(width + 48, shutil.get_terminal_size().columns))
    for one in outcomes:
        print(f"{'FAILED' if one.counts.failed else 'ok':<7}{one.name:<{width}}  {one.counts}  {one.seconds:.1f} s")
    print(f"\n{total}")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
