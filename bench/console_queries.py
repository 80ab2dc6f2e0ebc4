"""How long the console's questions take: p50 and p95 over random windows, filters and pages.

    python bench/console_queries.py [--spans 1000000] [--rounds 40] [--database FILE] [--text 2000] [--copies 1]
        [--only NAME] [--export] [--json PATH]

With --database the store is kept and used again; otherwise it is made anew. `--copies N` writes a part of the time
and copies it over the rest, to reach tens of millions without writing as much text. With `--export` all is asked a
second time while a million spans are exported. Prints a table, and one line of JSON.
"""

import argparse
import json
import random
import resource
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import duckdb
import msgspec

from load import write_json
from penstock.core.clock import ManualClock
from penstock.store.spans.duckdb.store import DuckDbSpanStore
from penstock.store.spans.filters import Filter
from penstock.store.spans.metrics import DistributionQuery, MetricQuery
from penstock.store.spans.queries.traces import Order, Sort
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import And, Node, Not, Or, Text, all_of
from spans import DAY, PROJECTS, START, write_segments

BUDGET_MS = 300
SEARCH_BUDGET_MS = 1000
DAYS = 30
PROJECT = PROJECTS[0]
HOUR = DAY // 24
PART = 100_000
EXPORTED = 1_000_000
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
    """Every span and its sums many times, later each time; and scores of some, with ids that grow with time."""
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
            SELECT concat(time[1:8], '-', time[9:12], '-7', bits[1:3], '-8', bits[4:6], '-', bits[7:18]), project,
                'helpful', 'boolean', CAST(hash(span_id) // 50 % 5 > 0 AS INTEGER), NULL,
                trace_id, span_id, NULL, 'user', NULL, NULL, created, NULL
            FROM (
                SELECT *, started + duration + 5000000 AS created, md5(span_id::VARCHAR) AS bits,
                    lpad(lower(to_hex((started + duration + 5000000) // 1000)), 12, '0') AS time
                FROM spans WHERE call AND hash(span_id) % 50 = 0
            )
            """
        )
        for pending, length in (("pending_hours", HOUR), ("pending_text", HOUR), ("pending_days", DAY)):
            connection.execute(f"DELETE FROM {pending}")
            connection.execute(f"INSERT INTO {pending} SELECT DISTINCT started // $n * $n FROM spans", {"n": length})


Questions = dict[str, Callable[[], object]]
COMMON = ("apples", "dollars", "total", "each")
"""Words that a tenth and more of the texts hold."""


class _Asker:
    """Draws windows, conditions and words; everything random comes from one generator."""

    def __init__(self, store: DuckDbSpanStore, rng: random.Random) -> None:
        self.store = store
        self.rng = rng
        self.end = START + DAYS * DAY
        self.rows = store.list_calls(Window(project=PROJECT), limit=200).rows

    def window(self, *hours: int) -> Window:
        length = self.rng.choice(hours) * HOUR
        start = self.rng.randrange(START, self.end - length + 1)
        return Window(project=PROJECT, from_=start, to=start + length)

    def last(self, hours: int) -> Window:
        return Window(project=PROJECT, from_=self.end - hours * HOUR, to=self.end)

    def conditions(self) -> Node | None:
        rng = self.rng
        choices: list[Node] = [
            Filter(column="status", operator="eq", value="error"),
            Filter(column="served_model", operator="in", value=["gpt-4o", "claude-haiku-4-5"]),
            Filter(column="model", operator="like", value="anthropic/*"),
            Filter(column="duration", operator="gte", value=rng.randrange(1, 9) * 1_000_000),
            Not(Filter(column="route", operator="eq", value="search")),
            Filter(column="key", operator="eq", value=f"01990000-0000-7000-8000-0000000001{rng.randrange(40):02x}"),
            Filter(column="session", operator="missing"),
            Filter(column="tags.team", operator="eq", value="care"),
            Or((Filter(column="cost", operator="gt", value=rng.randrange(1, 9) * 1_000_000),
                Filter(column="usage_total", operator="gt", value=2_000))),
            Filter(column="error_message", operator="contains", value="429"),
            Filter(column="score.helpful", operator="eq", value=0),
        ]  # fmt: skip
        return all_of(*rng.sample(choices, rng.randrange(1, 4)))

    def rare(self) -> Node:
        """What little fits in a month, or nothing."""
        key = Filter(
            column="key", operator="eq", value=f"01990000-0000-7000-8000-0000000001{self.rng.randrange(40):02x}"
        )
        failed = Filter(column="status", operator="eq", value="error")
        choices: list[Node] = [
            And((key, failed, Filter(column="served_model", operator="eq", value="claude-haiku-4-5"))),
            And((key, failed, Filter(column="tags.team", operator="eq", value="care"))),
            And((self.user(), failed)),
            And((key, Filter(column="duration", operator="gte", value=20_000_000), failed)),
        ]
        return self.rng.choice(choices)

    def user(self) -> Node:
        value = f"{self.rng.randrange(20_000) * 2654435761 % 2**64:016x}"
        return Filter(column="user", operator="eq", value=value)

    def metric(self, **fields: object) -> object:
        window = fields.pop("window", None) or self.last(720)
        assert isinstance(window, Window)
        query = {"project": PROJECT, "from_": window.from_, "to": window.to} | fields
        return self.store.measure(MetricQuery(**query))  # type: ignore[arg-type] - fields of the query


def lists(ask: _Asker) -> Questions:
    store = ask.store

    def deep() -> object:
        page = store.list_calls(ask.window(24, 168, 720), limit=50)
        return store.list_calls(Window(project=PROJECT), after=page.next, limit=50)

    def sorted_by(by: Sort) -> Callable[[], object]:
        return lambda: store.list_calls(ask.last(720), order=Order(by=by))

    return {
        "list, newest": lambda: store.list_calls(Window(project=PROJECT), limit=50),
        "list, two pages in": deep,
        "list, random conditions": lambda: store.list_calls(ask.window(24, 168, 720), where=ask.conditions()),
        "list, one user of 20,000": lambda: store.list_calls(ask.last(720), where=ask.user(), limit=50),
        "list, rare conditions": lambda: store.list_calls(ask.last(720), where=ask.rare(), limit=50),
        "list, no such tag": lambda: store.list_calls(
            ask.last(720), where=Filter(column="tags.team", operator="eq", value="nobody")),
        "list, by duration": sorted_by("duration"),
        "list, by cost": sorted_by("cost"),
        "list, by tokens": sorted_by("tokens"),
        "spans, tools that failed": lambda: store.list_spans(
            ask.last(720), where=all_of(Filter(column="kind", operator="eq", value="tool"),
                                        Filter(column="status", operator="eq", value="error"))),
        "groups by model": lambda: store.group_by(ask.last(720), ("model",)),
        "groups by route and key": lambda: store.group_by(ask.last(720), ("route", "key")),
        "groups by tag, 7 d": lambda: store.group_by(ask.window(168), ("tags.team",)),
        "trace": lambda: store.trace(PROJECT, ask.rng.choice(ask.rows).trace_id),
        "tail": lambda: store.rows_after(PROJECT, mark=store.newest_row() - 200),
        "groups by name, 30 d": lambda: store.group_by(ask.last(720), ("name",)),
        "groups by session and model, 30 d": lambda: store.group_by(ask.last(720), ("session", "model")),
        "groups by user and route, 30 d": lambda: store.group_by(ask.last(720), ("user", "route")),
        "facets without sums, 30 d": lambda: store.facets_of(
            ask.last(720), ("name", "http_status", "price_version", "requested_model")),
        "facets, 8 columns": lambda: store.facets_of(
            ask.window(24, 168, 720),
            ("status", "kind", "route", "model", "provider", "key", "service", "error_type")),
        "facets under a condition": lambda: store.facets_of(
            ask.window(24, 168, 720), ("status", "model"), where=Filter(column="route", operator="eq", value="agent")),
        "facets under a common word": lambda: store.facets_of(
            ask.last(720), ("status", "kind", "route", "model", "provider", "key", "service", "error_type"),
            where=Text(words=ask.rng.choice(COMMON))),
        "groups under a common word": lambda: store.group_by(
            ask.last(720), ("model",), where=Text(words=ask.rng.choice(COMMON))),
        "facet, session": lambda: store.facets(ask.window(24, 168), "session"),
        "sessions, last seen": lambda: store.sessions(ask.last(720)),
        "sessions, by cost": lambda: store.sessions(ask.last(720), order="cost"),
        "users, by cost": lambda: store.users(ask.last(720), order="cost"),
        "one session": lambda: store.session(
            PROJECT, next(row.session for row in ask.rows if row.session), limit=100),
        "one user": lambda: store.user(PROJECT, next(row.user for row in ask.rows if row.user), limit=30),
    }  # fmt: skip


def metrics(ask: _Asker) -> Questions:
    store = ask.store
    return {
        "overview, 1 h": lambda: store.overview(ask.window(1), points=60),
        "overview, 24 h": lambda: store.overview(ask.window(24), points=60),
        "overview, 7 d": lambda: store.overview(ask.window(168), points=60),
        "overview, 30 d": lambda: store.overview(ask.last(720), points=60),
        "models, 24 h": lambda: store.model_stats(PROJECT, (day := ask.window(24)).from_, day.to),
        "models, 30 d": lambda: store.model_stats(PROJECT, START, ask.end),
        "providers, 30 d": lambda: store.provider_stats(PROJECT, START, ask.end),
        "calls by hour, 30 d": lambda: ask.metric(step=HOUR),
        "p95 by model and hour, 7 d": lambda: ask.metric(
            window=ask.window(168), aggregation="p95", field="duration", group_by=("model",), step=HOUR),
        "p95 by day of a route, 30 d": lambda: ask.metric(
            aggregation="p95", field="duration", step=DAY, where=Filter(column="route", operator="eq", value="agent")),
        "cost by route and model, 30 d": lambda: ask.metric(
            aggregation="sum", field="cost", group_by=("route", "model")),
        "error rate by minute, 6 h": lambda: ask.metric(
            window=ask.window(6), aggregation="share", of=Filter(column="status", operator="ne", value="ok"),
            step=60_000_000),
        "cost by user, 24 h": lambda: ask.metric(
            window=ask.window(24), aggregation="sum", field="cost", group_by=("user",)),
        "cost by tag, 7 d": lambda: ask.metric(
            window=ask.window(168), aggregation="sum", field="cost", group_by=("tags.team",), step=DAY),
        "users, 7 d": lambda: ask.metric(window=ask.window(168), aggregation="distinct", field="user"),
        "scores by model, 30 d": lambda: ask.metric(
            population="scores", aggregation="avg", field="score.helpful", group_by=("model",), step=DAY),
        "heat map of latency, 7 d": lambda: store.distribution(DistributionQuery(
            project=PROJECT, from_=(week := ask.window(168)).from_ or 0, to=week.to or 0, step=HOUR)),
        "histogram of cost, 24 h": lambda: store.distribution(DistributionQuery(
            project=PROJECT, from_=(day := ask.window(24)).from_ or 0, to=day.to or 0, field="cost")),
        "groups by user and model, 24 h": lambda: store.group_by(ask.window(24), ("user", "model")),
        "cost by user and model, 30 d": lambda: ask.metric(aggregation="sum", field="cost", group_by=("user", "model")),
        "p95 by key and model, 30 d": lambda: ask.metric(
            aggregation="p95", field="duration", group_by=("key", "model"), step=DAY),
        AUDIT: lambda: store.books(ask.last(720)),
    }  # fmt: skip


def searches(ask: _Asker) -> Questions:
    store = ask.store

    def search(window: Window, *words: str, where: Node | None = None, prefix: bool = False) -> object:
        return store.list_calls(window, where=all_of(*(Text(words=each, prefix=prefix) for each in words), where))

    return {
        "search, common word": lambda: search(ask.last(720), ask.rng.choice(COMMON)),
        "search, rare word": lambda: search(ask.last(720), str(ask.rng.randrange(10_000))),
        "search, no such word": lambda: search(ask.last(720), f"zzq{ask.rng.randrange(10**6)}"),
        "search, two words": lambda: search(ask.last(720), "janet", str(ask.rng.randrange(10_000))),
        "search, phrase": lambda: search(ask.last(720), ask.rng.choice(("how many apples", "total cost of the"))),
        "search, prefix": lambda: search(ask.last(720), ask.rng.choice(("appl", "dolla", "quart")), prefix=True),
        "search, common with conditions": lambda: search(
            ask.last(720), ask.rng.choice(COMMON), where=ask.conditions()),
        "search, facets of no such word": lambda: store.facets_of(
            ask.last(720), ("status", "model"), where=Text(words=f"zzq{ask.rng.randrange(10**6)}")),
        "search, metric of a rare phrase": lambda: ask.metric(
            group_by=("model",), where=Text(words=f"zzq {ask.rng.randrange(10_000)}")),
        "search, chart of a common word by 6 h": lambda: ask.metric(
            step=6 * HOUR, where=Text(words=ask.rng.choice(COMMON)), exact=False),
        "search, chart of a common word by hour": lambda: ask.metric(
            step=HOUR, where=Text(words=ask.rng.choice(COMMON)), exact=False),
        "search, cost of a common word by model": lambda: ask.metric(
            aggregation="sum", field="cost", group_by=("model",), step=12 * HOUR,
            where=Text(words=ask.rng.choice(COMMON)), exact=False),
        "search, rare with a user": lambda: search(ask.last(720), str(ask.rng.randrange(10_000)), where=ask.user()),
    }  # fmt: skip


class Exporting:
    """A million spans as JSON lines, in a thread as the console does it, again and again while the block lasts."""

    def __init__(self, store: DuckDbSpanStore, spans: int) -> None:
        length = int(DAYS * DAY * min(1.0, EXPORTED / spans))
        self._store = store
        self._window = Window(project=PROJECT, from_=START, to=START + length)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.lines = 0
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        begun = time.perf_counter()
        while not self._over.is_set():
            for piece in self._store.export(self._window):
                self.lines += piece.count(b"\n")
                if self._over.is_set():
                    break
        self.seconds = time.perf_counter() - begun


def measure(question: Callable[[], object], rounds: int) -> dict[str, float]:
    """Milliseconds of a round, by the clock and of the processor; the latter of the whole process."""
    question()
    times: list[float] = []
    spent: list[float] = []
    for _ in range(rounds):
        begun, worked = time.perf_counter(), time.process_time()
        msgspec.json.encode(question())
        times.append((time.perf_counter() - begun) * 1000)
        spent.append((time.process_time() - worked) * 1000)
    return {
        f"{name}{share}_ms": round(sorted(values)[int(len(values) * share / 100)], 1)
        for name, values in (("p", times), ("cpu_p", spent))
        for share in (50, 95)
    }


def budget(question: str) -> int:
    return SEARCH_BUDGET_MS if question.startswith("search") else BUDGET_MS


def ask_all(questions: Questions, rounds: int) -> dict[str, dict[str, float]]:
    """Each question's figures, printed as they come."""
    print(f"{'question':34}{'p50 ms':>10}{'p95 ms':>10}{'cpu p50':>10}{'cpu p95':>10}")
    results: dict[str, dict[str, float]] = {}
    for name, question in questions.items():
        found = results[name] = measure(question, rounds)
        figures = "".join(f"{found[each]:>10.1f}" for each in ("p50_ms", "p95_ms", "cpu_p50_ms", "cpu_p95_ms"))
        print(f"{name:34}{figures}{'' if found['p95_ms'] <= budget(name) else '   over budget'}", flush=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--text", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--database", type=Path)
    parser.add_argument("--only", default="", help="questions whose name holds one of these, with | between")
    parser.add_argument("--export", action="store_true", help="ask all a second time while spans are exported")
    parser.add_argument("--as-it-lies", action="store_true", help="leave sums and index of the database as they are")
    parser.add_argument("--json", type=Path, help="write all figures there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "journal"
        path = options.database or Path(scratch) / "spans.duckdb"
        if not path.exists():
            print(f"filling {path}")
            fill(path, folder, options.spans, text=options.text, copies=options.copies)
        store = open_store(path, folder)
        while not options.as_it_lies and store.maintain():
            pass
        spans = store.count_spans()
        bytes_each, free = round(store.disk_bytes() / spans), round(store.disk_use().free / spans)
        print(f"{spans:,} spans, {bytes_each} bytes each on disk, {free} of them blocks that the next spans take\n")
        ask = _Asker(store, random.Random(7))
        every = lists(ask) | metrics(ask) | searches(ask)
        asked = {name: each for name, each in every.items() if any(part in name for part in options.only.split("|"))}
        results = ask_all(asked, options.rounds)
        figures: dict[str, object] = {
            "bench": "console_queries", "spans": spans, "bytes_per_span": bytes_each, "free_bytes_per_span": free,
            "budget_ms": BUDGET_MS, **worst_of(results), "questions": results,
        }  # fmt: skip
        if options.export:
            with Exporting(store, spans) as exporting:
                print("\nwhile spans are exported (the processor's time is that of the export, too)")
                beside = ask_all(asked, options.rounds)
            rate = round(exporting.lines / exporting.seconds)
            print(f"{rate:,} spans exported in a second")
            figures["export"] = {"spans_per_second": rate, **worst_of(beside), "questions": beside}
        figures["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        if options.json is not None:
            write_json(options.json, figures)
        print(json.dumps(figures))
        store.close()


def worst_of(results: dict[str, dict[str, float]]) -> dict[str, object]:
    asked = (result["p95_ms"] * BUDGET_MS / budget(name) for name, result in results.items() if name != AUDIT)
    worst = max(asked, default=0.0)
    return {"worst_p95_ms": worst, "within_budget": worst <= BUDGET_MS}


if __name__ == "__main__":
    main()
