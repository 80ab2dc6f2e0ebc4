"""How long the console's questions take: p50 and p95 over random windows, filters and pages.

    python bench/console_queries.py [--spans 1000000] [--rounds 40] [--database FILE] [--text 2000] [--copies 1]

With --database the store is kept and used again; otherwise it is made anew. `--copies N` writes a part of the time
and copies it over the rest, to reach tens of millions without writing as much text. Prints a table, and one line of JSON.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import msgspec

from penstock.core.clock import ManualClock
from penstock.store.spans.columns import COLUMNS
from penstock.store.spans.duckdb.store import DuckDbSpanStore
from penstock.store.spans.filters import Filter
from penstock.store.spans.queries.window import Window
from spans import DAY, PROJECTS, START, write_segments

BUDGET_MS = 300
DAYS = 30
PROJECT = PROJECTS[0]
HOUR = DAY // 24
PART = 100_000
AUDIT = "books, 30 d (an audit)"
"""Reads every span on purpose, for reconciliation; no page of the console waits for it."""


def open_store(path: Path, folder: Path) -> DuckDbSpanStore:
    (folder / "quarantine").mkdir(parents=True, exist_ok=True)
    clock = ManualClock(START + (DAYS + 1) * DAY)
    return DuckDbSpanStore(path, journal=folder, quarantine=folder / "quarantine", clock=clock)


def fill(path: Path, folder: Path, spans: int, *, text: int, copies: int) -> None:
    """Make a database through the ingestion's own code, hours summed up as the console would have them.

    With copies, the first part of the time is written so, and copied over the rest with other ids: the same text never
    lies close to itself, so it takes the disk that other text would.
    """
    first = path.with_name(f"{path.name}.once") if copies > 1 else path
    if not first.exists():
        part = first.with_name(f"{first.name}.part")
        _load(part, folder, spans // copies, text=text, days=DAYS / copies)
        part.rename(first)
    if copies > 1:
        _copy(first, path, folder, copies)
        first.unlink()
    store = open_store(path, folder)
    while store.maintain():
        pass
    store.compact()
    store.close()


def _load(path: Path, folder: Path, spans: int, *, text: int, days: float) -> None:
    store = open_store(path, folder)
    for number in range(-(-spans // PART)):
        share = min(1.0, PART / spans)
        start = START + int(number * share * days * DAY)
        paths = write_segments(folder, min(PART, spans), number + 1, days=days * share, text=text, start=start)
        for at in range(0, len(paths), 3):
            store.load(paths[at : at + 3])
        for segment in paths:
            segment.unlink()
        print(f"  {store.count_spans():,} spans", flush=True)
    store.close()


def _copy(source: Path, target: Path, folder: Path, copies: int) -> None:
    """Every span and its sums many times, later each time; and scores of some."""
    store = open_store(target, folder)
    store.count_spans()
    store.close()
    changed = {
        "trace_id": "CAST(md5(concat(trace_id, $copy)) AS UUID)",
        "span_id": "hash(span_id, $copy)",
        "parent_id": "CASE WHEN parent_id IS NOT NULL THEN hash(parent_id, $copy) END",
        "started": "started + $copy * $length",
    }
    length = DAYS * DAY // copies
    with duckdb.connect(str(target), config={"memory_limit": "2GB", "threads": 1}) as connection:
        connection.execute(f"ATTACH '{source}' AS source (READ_ONLY)")
        for table in ("spans", "totals"):
            names = [row[0] for row in connection.execute(f"SELECT name FROM pragma_table_info('{table}')").fetchall()]
            columns = ", ".join(f'"{name}"' for name in names)
            values = ", ".join(changed.get(name, f'"{name}"') for name in names)
            for copy in range(copies):
                connection.execute(
                    f"INSERT INTO {table} ({columns}) SELECT {values} FROM source.{table}",
                    {"copy": copy, "length": length},
                )
                print(f"  {table} copied {copy + 1} times", flush=True)
        connection.execute(
            """
            INSERT INTO scores
            SELECT uuid()::VARCHAR, project, 'helpful', 'boolean', CAST(hash(span_id) % 5 > 0 AS INTEGER), NULL,
                trace_id, span_id, NULL, 'user', NULL, NULL, started + duration + 5000000, NULL
            FROM spans WHERE call AND hash(span_id) % 50 = 0
            """
        )
        connection.execute("DELETE FROM pending_hours")
        connection.execute("INSERT INTO pending_hours SELECT DISTINCT started // $h * $h FROM spans", {"h": HOUR})


def questions(store: DuckDbSpanStore, rng: random.Random) -> dict[str, Callable[[], object]]:
    end = START + DAYS * DAY
    rows = store.list_calls(Window(project=PROJECT), limit=200).rows
    words = ("janet", "apples", "how many", "total cost", "$<<", "dollars per")

    def window(*hours: int) -> Window:
        length = rng.choice(hours) * HOUR
        start = rng.randrange(START, end - length + 1)
        return Window(project=PROJECT, from_=start, to=start + length)

    def last(hours: int) -> Window:
        return Window(project=PROJECT, from_=end - hours * HOUR, to=end)

    def filters() -> list[Filter]:
        choices = [
            Filter(column="status", operator="eq", value="error"),
            Filter(column="served_model", operator="in", value=["gpt-4o", "claude-haiku-4-5"]),
            Filter(column="duration", operator="gte", value=rng.randrange(1, 9) * 1_000_000),
            Filter(column="route", operator="eq", value="search"),
            Filter(column="key", operator="eq", value=f"01990000-0000-7000-8000-0000000001{rng.randrange(40):02x}"),
            Filter(column="session", operator="missing"),
            Filter(column="tags.team", operator="eq", value="care"),
            Filter(column="cost", operator="gt", value=rng.randrange(1, 9) * 1_000_000),
            Filter(column="error_message", operator="contains", value="429"),
        ]
        return rng.sample(choices, rng.randrange(1, 4))

    def rare() -> list[Filter]:
        return [Filter(column="user", operator="eq", value=f"{rng.randrange(20_000) * 2654435761 % 2**64:016x}")]

    def deep() -> object:
        page = store.list_calls(window(24, 168, 720), limit=50)
        return store.list_calls(Window(project=PROJECT), after=page.next, limit=50)

    return {
        "list, newest": lambda: store.list_calls(Window(project=PROJECT), limit=50),
        "list, two pages in": deep,
        "list, random filters": lambda: store.list_calls(window(24, 168, 720), filters=filters(), limit=50),
        "list, one user of 20,000": lambda: store.list_calls(last(720), filters=rare(), limit=50),
        "search, first page": lambda: store.list_calls(window(168, 720), text=rng.choice(words), limit=50),
        "search with filters": lambda: store.list_calls(last(720), filters=filters(), text=rng.choice(words), limit=50),
        "trace": lambda: store.trace(PROJECT, rng.choice(rows).trace_id),
        "tail": lambda: store.rows_after(PROJECT, mark=store.newest_row() - 200),
        "facet, status": lambda: store.facets(window(24, 168, 720), "status"),
        "facet, session": lambda: store.facets(window(24, 168, 720), "session"),
        "overview, 1 h": lambda: store.overview(window(1), points=60),
        "overview, 24 h": lambda: store.overview(window(24), points=60),
        "overview, 7 d": lambda: store.overview(window(168), points=60),
        "overview, 30 d": lambda: store.overview(last(720), points=60),
        "models, 24 h": lambda: store.model_stats(PROJECT, (day := window(24)).from_, day.to),
        "models, 30 d": lambda: store.model_stats(PROJECT, START, end),
        "providers, 30 d": lambda: store.provider_stats(PROJECT, START, end),
        AUDIT: lambda: store.books(last(720)),
    }


def measure(question: Callable[[], object], rounds: int) -> list[float]:
    question()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        msgspec.json.encode(question())
        times.append((time.perf_counter() - begun) * 1000)
    return sorted(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--text", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--database", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "journal"
        path = options.database or Path(scratch) / "spans.duckdb"
        if not path.exists():
            print(f"filling {path}")
            fill(path, folder, options.spans, text=options.text, copies=options.copies)
        store = open_store(path, folder)
        spans = store.count_spans()
        print(f"{spans:,} spans, {store.disk_bytes() / spans:.0f} bytes each on disk\n")
        print(f"{'question':28}{'p50 ms':>10}{'p95 ms':>10}")
        results = {}
        for name, question in questions(store, random.Random(7)).items():
            times = measure(question, options.rounds)
            p50, p95 = times[len(times) // 2], times[int(len(times) * 0.95)]
            results[name] = {"p50_ms": round(p50, 1), "p95_ms": round(p95, 1)}
            print(f"{name:28}{p50:>10.1f}{p95:>10.1f}{'' if p95 <= BUDGET_MS else '   over budget'}", flush=True)
        worst = max(result["p95_ms"] for name, result in results.items() if name != AUDIT)
        print(json.dumps({
            "bench": "console_queries", "spans": spans, "bytes_per_span": round(store.disk_bytes() / spans),
            "budget_ms": BUDGET_MS, "worst_p95_ms": worst, "within_budget": worst <= BUDGET_MS, "questions": results,
        }))  # fmt: skip
        store.close()


if __name__ == "__main__":
    main()
