"""What the commands of `penstock eval` share: where experiments are kept, and how a run is shown."""

import asyncio
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Final

import msgspec

from penstock.cli.client import connect, path_of
from penstock.cli.output import Exit, format_count, format_duration, one_line, print_data, print_table, say
from penstock.core.clock import Clock, SystemClock
from penstock.core.errors import InvalidInput, Unavailable
from penstock.core.home import Home
from penstock.core.ids import RandomIds
from penstock.core.money import format_dollars
from penstock.core.settings import default_home, process_environment

if TYPE_CHECKING:
    from penstock.evals.experiments.places import Place
    from penstock.evals.experiments.session import Session
    from penstock.evals.experiments.summary import Summary
    from penstock.evals.experiments.types import Counts, Ending, Experiment

__all__ = ["Where", "exit_of", "open_place", "open_session", "run_session", "show_summary"]

LOCAL_FILE: Final = "evals.db"
LINE_SECONDS: Final = 5.0
"""Between two lines of progress where there is no terminal."""
GATEWAY_VARIABLES: Final = ("PENSTOCK_GATEWAY_URL", "OPENAI_BASE_URL")
SHOWN_ERRORS: Final = 3
"""Reasons for failed calls, of each variant."""
KEY_VARIABLE: Final = "OPENAI_API_KEY"


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """The options that say where a run takes place."""

    home: Path | None
    url: str | None
    key: str | None
    project: str | None
    local: bool
    gateway: str | None


class _Session(msgspec.Struct):
    gateway_url: str | None = None


@contextmanager
def open_place(where: Where) -> Generator[tuple["Place", str | None, str | None], None, None]:
    """Where experiments are kept, and the gateway's address and key as far as they are known."""
    from penstock.evals.experiments.places import ConsolePlace, LocalPlace  # noqa: PLC0415 - SQL, only when it is used

    variables = process_environment()
    gateway = where.gateway or next((variables[name] for name in GATEWAY_VARIABLES if variables.get(name)), None)
    # A key of the home goes only to the gateway that its own console names.
    key = where.key or (variables.get(KEY_VARIABLE) if gateway is not None else None)
    client = None
    if not where.local:
        try:
            client = connect(where.home, where.url, where.key)
        except Unavailable:
            if where.url is not None:
                raise
            say("No console is running here: the experiment is kept in a file.")
    if client is not None:
        if gateway is None:
            gateway = msgspec.json.decode(client.get(path_of("session")), type=_Session).gateway_url
            key = client.key
        yield ConsolePlace(client, where.project), gateway, key
        return
    clock = SystemClock()
    place = LocalPlace(Home(where.home or default_home()).path / LOCAL_FILE, clock=clock, ids=RandomIds(clock))
    try:
        yield place, gateway, key
    finally:
        place.close()


@contextmanager
def open_session(where: Where) -> Generator["Session", None, None]:
    """A session that can run experiments."""
    from penstock.evals.experiments.session import Gateway, Session  # noqa: PLC0415 - as above

    with open_place(where) as (place, gateway, key):
        if gateway is None:
            raise InvalidInput(
                "There is nobody to ask: no gateway is known.",
                hint="Name one with --gateway, as http://127.0.0.1:4100, or any server with OpenAI's API.",
                code="gateway_missing",
            )
        clock = SystemClock()
        yield Session(
            place,
            Gateway(url=gateway, key=key),
            folder=Path.cwd(),
            clock=clock,
            ids=RandomIds(clock),
            random=SystemRandom(),
        )


def run_session(session: "Session", experiment: "Experiment", *, quiet: bool, patience: float) -> "Ending":
    """Run it with its progress on stderr. Ctrl-C pauses: what is under way is finished."""
    import uvloop  # noqa: PLC0415 - only when something runs

    async def run() -> "Ending":
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, session.interrupt)
        with _progress(experiment, quiet=quiet) as progress:
            return await session.run(experiment, progress=progress, patience=patience)

    return uvloop.run(run())


class _Lines:
    """Progress as lines, for logs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._said = self._began
        self._first: int | None = None

    def update(self, counts: "Counts") -> None:
        self.begin(counts)
        now = self._clock.monotonic()
        if now - self._said >= LINE_SECONDS or counts.done + counts.errors == counts.total:
            self._said = now
            say(self.text(counts))

    def begin(self, counts: "Counts") -> None:
        """What was done before this run does not count for its rate."""
        if self._first is None:
            self._first = counts.done + counts.errors

    def text(self, counts: "Counts") -> str:
        """`420 of 1,000, 35.1/s, 3 errors, $0.12, 17 s left`."""
        ended = counts.done + counts.errors
        seconds = max(1e-6, self._clock.monotonic() - self._began)
        rate = max(0, ended - (self._first or 0)) / seconds
        parts = [*_counted(counts), f"{rate:.1f}/s"]
        if rate > 0 and ended < counts.total:
            parts.append(f"{format_duration(round((counts.total - ended) / rate * 1_000_000))} left")
        return ", ".join(parts)


def _counted(counts: "Counts") -> list[str]:
    parts = [f"{counts.done + counts.errors:,} of {counts.total:,}"]
    if counts.cached:
        parts.append(f"{format_count(counts.cached)} cached")
    if counts.errors:
        parts.append(f"{format_count(counts.errors)} errors")
    if counts.unscored:
        parts.append(f"{format_count(counts.unscored)} unscored")
    known = counts.cost or counts.unpriced == 0
    parts.append(format_dollars(counts.cost) if known else "cost unknown")
    return parts


class _Silent:
    def update(self, counts: "Counts") -> None:
        """Say nothing."""


class _Bar:
    """Progress as a bar on a terminal."""

    def __init__(self, bar: Any, task: Any, lines: _Lines) -> None:
        self._bar = bar
        self._task = task
        self._lines = lines

    def update(self, counts: "Counts") -> None:
        self._lines.begin(counts)
        self._bar.update(self._task, completed=counts.done + counts.errors, description=self._lines.text(counts))


@contextmanager
def _progress(experiment: "Experiment", *, quiet: bool) -> Generator[Any, None, None]:
    if quiet:
        yield _Silent()
        return
    lines = _Lines(SystemClock())
    if not sys.stderr.isatty():
        yield lines
        return
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - as above

    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Bar(bar, bar.add_task("", total=experiment.counts.total), lines)


def show_summary(experiment: "Experiment", summary: "Summary") -> None:
    """Figures on stdout."""
    from penstock.evals.experiments.report import comparison_row, metric_cell  # noqa: PLC0415 - as above

    print_data(f"{experiment.name} ({experiment.id}): {experiment.state}, {', '.join(_counted(experiment.counts))}")
    names = list(dict.fromkeys(one.metric for variant in summary.variants for one in variant.metrics))
    rows = [
        [one.variant, *(metric_cell(by_name[name]) if name in by_name else "-" for name in names), f"{one.errors:,}"]
        for one in summary.variants
        for by_name in [{metric.metric: metric for metric in one.metrics}]
    ]
    print_data("")
    print_table(["variant", *names, "errors"], rows, right=("errors",))
    for one in summary.variants:
        for reason, count in sorted(one.error_reasons.items(), key=lambda pair: -pair[1])[:SHOWN_ERRORS]:
            print_data(f"\n{one.variant}: {count:,} calls failed: {one_line(reason)}")
    if summary.comparisons:
        print_data(f"\nAgainst {summary.baseline}:")
        print_table(
            ["metric", "variant", "difference", "p", "wins / losses / ties", "rows"],
            [comparison_row(one) for one in summary.comparisons],
            right=("p", "rows"),
        )
    for variant, result in summary.gates.items():
        print_data(f"\nGate of {variant}: {result.verdict}")
        for one in result.rules:
            print_data(f"  {one.verdict:<12}  {one.rule}: {one.reason}")


def exit_of(experiment: "Experiment", summary: "Summary", *, gate: bool) -> Exit:
    """0 when it is done and, where that is asked, its gate says PASS; 1 for FAIL; 2 when nobody can tell."""
    from penstock.evals.experiments.report import verdict_of  # noqa: PLC0415 - as above

    verdict = verdict_of(summary.gates) if gate else None
    if gate and verdict == "FAIL":
        return Exit.NO
    if experiment.state != "done" and verdict != "PASS":
        return Exit.UNKNOWN
    if gate:
        return Exit.DONE if verdict == "PASS" and experiment.state in {"done", "stopped"} else Exit.UNKNOWN
    return Exit.DONE
