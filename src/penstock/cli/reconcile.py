"""What `penstock doctor --reconcile` asks and prints: budgets' counters beside the records."""

import socket
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from penstock.cli.client import connect, path_of
from penstock.cli.output import Exit, format_time, print_data, print_table, say
from penstock.cli.records import decode
from penstock.core.clock import SystemClock
from penstock.core.errors import NotFound, Unavailable
from penstock.core.home import Home
from penstock.core.ids import RandomIds
from penstock.core.money import format_dollars

__all__ = ["ReconciliationRow", "console_answers", "exit_of", "reconcile", "show"]

PATIENCE: Final = 90.0
"""Seconds: what moves is looked at several times, and counters are looked at again once they are put right."""
SOURCES: Final = {
    "redis": "the counters in Redis",
    "worker": "the counters in the worker's memory",
    "log": "spend.log, with which the next worker begins",
}


class WhoRow(msgspec.Struct):
    level: str
    id: str = ""
    name: str = ""


class MismatchRow(msgspec.Struct):
    limit: str
    who: WhoRow
    window: str
    start: int
    counted: int
    recorded: int
    difference: int
    state: str


class ReconciliationRow(msgspec.Struct):
    source: str
    items: list[MismatchRow]
    equal: bool
    settled: bool
    truncated: bool = False
    fixed: int = 0
    unfixable: str | None = None


def reconcile(home: Path, url: str | None, key: str | None, *, fix: bool) -> bytes:
    """What the console answers; without one that runs, what the home's own files say, in the same form.

    Raises:
        PenstockError: the console refuses, or counters or records cannot be read.
    """
    place = Home(home)
    if url is None and not console_answers(place):
        return msgspec.json.encode(_from_files(place, fix=fix))
    client = connect(home, url, key, timeout=PATIENCE)
    path = path_of("reconciliation")
    return client.post(path) if fix else client.get(path)


def show(data: bytes) -> None:
    """The answer as a table: what differs, or what was compared."""
    found = decode(data, ReconciliationRow)
    rows = [
        [
            item.limit,
            f"{item.who.level} {item.who.name or item.who.id}".strip(),
            f"{item.window} from {format_time(item.start)}",
            format_dollars(item.counted),
            format_dollars(item.recorded),
            f"{item.difference:+,}",
            item.state,
        ]
        for item in found.items
    ]
    print_table(
        ["limit", "who", "window", "counted", "recorded", "difference (n$)", "state"],
        rows,
        right=["counted", "recorded", "difference (n$)"],
    )
    say(f"Compared {len(found.items)} counters: {SOURCES.get(found.source, found.source)}, against the records.")
    if found.truncated:
        say("The worker holds more counters than it reports; only its largest were compared.")
    if found.fixed:
        say(f"Put right: {found.fixed}.")
    if found.unfixable:
        say(found.unfixable)
    if not found.settled:
        say("Some moved while they were looked at, because calls are in flight. Ask again in a quieter moment.")
    if found.equal and not rows:
        print_data("No budget has spent anything in its current window.")


def exit_of(data: bytes) -> Exit:
    """`DONE` when all are equal, `NO` when some differ, `UNKNOWN` when they only moved."""
    found = decode(data, ReconciliationRow)
    if found.equal:
        return Exit.DONE
    return Exit.NO if any(item.state == "differs" for item in found.items) else Exit.UNKNOWN


def console_answers(home: Home) -> bool:
    """Whether a console listens where the home says that one does."""
    try:
        parts = urlsplit((home.run / "console.url").read_text(encoding="utf-8").strip())
        with closing(socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5)):
            return True
    except (OSError, ValueError):
        return False


def _from_files(home: Home, *, fix: bool) -> object:
    """Compare without a console: open the store that it would hold."""
    from penstock.server.reconciliation import BudgetReconciler  # noqa: PLC0415 - the engines, only when it is asked
    from penstock.store.spans.open import open_configured  # noqa: PLC0415 - as above
    from penstock.wire.snapshot import decode_snapshot  # noqa: PLC0415 - as above

    try:
        snapshot = decode_snapshot(home.snapshot.read_bytes())
    except FileNotFoundError:
        raise NotFound(f"There is no Penstock in {home.path}.", hint="Name its home with --home.") from None
    except OSError as error:
        raise Unavailable(f"{home.snapshot} cannot be read: {error.strerror}.") from error
    clock = SystemClock()
    with closing(open_configured(snapshot.stores, home, clock=clock)) as spans:
        reconciler = BudgetReconciler(
            home,
            spans,
            snapshot=lambda: snapshot,
            key_names=lambda project: {one.id: one.name for one in snapshot.keys.values() if one.project == project},
            clock=clock,
            ids=RandomIds(clock),
        )
        return reconciler.reconcile(fix=fix)
