"""Runs every check of the repository, all of them even when one fails, and prints counts.

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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
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


def run(*command: str, cwd: Path = ROOT, stdout: int | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, cwd=cwd, env=npm.environment(), stdin=subprocess.DEVNULL, stdout=stdout, check=False)


def check(*command: str, cwd: Path = ROOT) -> Callable[[], Counts]:
    """A check that has no tests of its own: one, passed or failed."""

    def step() -> Counts:
        return Counts(passed=1) if run(*command, cwd=cwd).returncode == 0 else Counts(failed=1)

    return step


def openapi_is_fresh() -> Counts:
    made = run("python", "-m", "penstock.server.openapi", stdout=subprocess.PIPE)
    if made.returncode == 0 and made.stdout == (CONSOLE / "openapi.json").read_bytes():
        return Counts(passed=1)
    print("console/openapi.json is not what the control API says. Run: make openapi")
    return Counts(failed=1)


def client_is_fresh() -> Counts:
    committed = CONSOLE / "src" / "api" / "generated" / "schema.ts"
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "schema.ts"
        result = run("node_modules/.bin/openapi-typescript", "openapi.json", "--output", str(made), cwd=CONSOLE)
        if result.returncode == 0 and filecmp.cmp(made, committed, shallow=False):
            return Counts(passed=1)
    print(f"{committed.relative_to(ROOT)} is not made from console/openapi.json. Run: make openapi")
    return Counts(failed=1)


def console_tests() -> Counts:
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
            cwd=CONSOLE,
        ).returncode
        if not report.is_file():
            return Counts(failed=1)
        found = json.loads(report.read_bytes())
    counts = Counts(found["numPassedTests"], found["numFailedTests"], found["numPendingTests"] + found["numTodoTests"])
    if code and not counts.failed:
        counts.failed = 1
    return counts


def python_tests() -> Counts:
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
        ).returncode
        counts = Counts()
        if report.is_file():
            for suite in ET.parse(report).getroot().iter("testsuite"):
                bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
                skipped = int(suite.get("skipped", 0))
                counts.add(Counts(int(suite.get("tests", 0)) - bad - skipped, bad, skipped))
    if code and not counts.failed:
        counts.failed = 1
    return counts


def coverage_holds() -> Counts:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        if run("coverage", "report", "--skip-covered").returncode:
            return Counts(failed=1)
        run("coverage", "json", "--quiet", "-o", str(report))
        totals = json.loads(report.read_bytes())["totals"]
    branches = 100 * totals["covered_branches"] / max(1, totals["num_branches"])
    print(f"branches {branches:.1f} %, lines and branches {totals['percent_covered']:.1f} %")
    return Counts(passed=1) if min(branches, totals["percent_covered"]) >= MIN_COVERAGE else Counts(failed=1)


STEPS: dict[str, Callable[[], Counts]] = {
    "ruff check": check("ruff", "check", "."),
    "ruff format": check("ruff", "format", "--check", "."),
    "import layers": check("lint-imports"),
    "pyright": check("pyright"),
    "openapi.json is fresh": openapi_is_fresh,
    "console client is fresh": client_is_fresh,
    "console lint and types": check(*npm.command(), "run", "--silent", "check", cwd=CONSOLE),
    "console tests": console_tests,
    "python tests": python_tests,
    f"coverage, branches >= {MIN_COVERAGE} %": coverage_holds,
}


def main() -> int:
    wanted = sys.argv[1:]
    total, rows = Counts(), []
    for name, step in STEPS.items():
        if wanted and not any(word in name for word in wanted):
            continue
        print(f"\n==> {name}", flush=True)
        started = time.monotonic()
        counts = step()
        total.add(counts)
        rows.append((name, counts, time.monotonic() - started))
    width = max((len(name) for name, _, _ in rows), default=0)
    print("\n" + "-" * min(width + 48, shutil.get_terminal_size().columns))
    for name, counts, seconds in rows:
        print(f"{'FAILED' if counts.failed else 'ok':<7}{name:<{width}}  {counts}  {seconds:.1f} s")
    print(f"\n{total}")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
