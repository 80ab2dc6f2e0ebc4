"""The questions of `console_queries`, asked of ClickHouse.

    python bench/console_queries_clickhouse.py [--folder DIR | --address URL --password PASSWORD]
        [--database FILE] [--copies 1] [--rounds 40] [--only NAME]

Without an address, ClickHouse's own engine out of `chdb` serves the folder, in a process of its own, as in the tests.
An empty store is filled from a DuckDB file (that `console_queries.py --database FILE --spans N` has made), by the code
of `penstock spans migrate`, and summed up. `--copies N` copies all of it over later times, with other ids.

Prints, for each question, its p50 and p95 and the processor's time of server and client; and one line of JSON.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from sqlglot import parse_one

from console_queries import (
    AUDIT,
    BUDGET_MS,
    DAYS,
    HOUR,
    _Asker,  # the questions are the same
    budget,
    lists,
    metrics,
    open_store,
    searches,
)
from penstock.core.clock import ManualClock
from penstock.store.spans.clickhouse.engine import Address, ClickHouseEngine
from penstock.store.spans.clickhouse.store import ClickHouseSpanStore
from penstock.store.spans.queries.window import Window
from penstock.store.spans.transfer import Migration
from spans import DAY, START

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "store" / "spans"))
from clickhouse_server import PASSWORD, USER, Server

DATABASE = "bench"
QUIET_SECONDS = 5
MERGING_SECONDS = 900
TIMES = ("started", "start", "hour", "day", "low", "high", "created", "last_success", "last_error", "first", "last")
"""Columns of any table that are moments."""
BLOCKS = {"min_insert_block_size_rows": 500_000, "min_insert_block_size_bytes": 2 * 1024**3}
_MOMENT = "leftPad(lower(hex(intDiv(created + {shift:Int64}, 1000))), 12, '0')"
NEW = {
    "trace_id": "reinterpretAsUUID(sipHash128(trace_id, {copy:Int64}))",
    "span_id": "sipHash64(span_id, {copy:Int64})",
    "parent_id": "if(isNull(parent_id), NULL, sipHash64(assumeNotNull(parent_id), {copy:Int64}))",
    # Of a score: its time, and random bits.
    "id": f"concat(substring({_MOMENT}, 1, 8), '-', substring({_MOMENT}, 9, 4), substring(id, 14))",
    "rowid": "rowid + {copy:Int64} * 1000000000",
    "block": "block + intDiv({shift:Int64}, 3600000000) * 65536",
}


class _Within(_Asker):
    """Draws windows from the time that the store has spans of."""

    def __init__(self, store: ClickHouseSpanStore) -> None:
        super().__init__(store, random.Random(7))  # type: ignore[arg-type] - a store of the other engine
        ((newest,),) = store.engine.read(parse_one("SELECT max(started) FROM spans"))
        self.end = START - (START - newest) // DAY * DAY

    def window(self, *hours: int) -> Window:
        fits = [each for each in hours if each * HOUR <= self.end - START]
        return super().window(*fits) if fits else self.last(max(hours))


def copy(store: ClickHouseSpanStore, engine: ClickHouseEngine, copies: int) -> None:
    """All that is stored, and what was made of it, again at later times."""
    ((first, last),) = engine.ask("SELECT min(started), max(started) FROM spans")
    length = -(-(last - first) // DAY) * DAY
    tables = engine.ask(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
        " AND name NOT IN ('schema_version', 'segments', 'payloads', 'deletions')"
    )
    # Merged once at the end, rather than after each copy.
    engine.change("SYSTEM STOP MERGES spans")
    for number in range(1, copies):
        for (table,) in tables:
            columns = engine.ask(
                "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String}",
                {"table": table},
            )
            names = [name for (name,) in columns]
            values = [NEW.get(name, f"`{name}` + {{shift:Int64}}" if name in TIMES else f"`{name}`") for name in names]
            moment = next(name for name in ("started", "start", "created", "hour", "day") if name in names)
            engine.change(
                f"INSERT INTO {table} ({', '.join(f'`{name}`' for name in names)})"
                f" SELECT {', '.join(values)} FROM {table} WHERE `{moment}` < {{end:Int64}}",
                {"copy": number, "shift": number * length, "end": START + length},
                settings=BLOCKS,
            )
        print(f"  copied {number} times, {store.count_spans():,} spans", flush=True)
    engine.change("SYSTEM START MERGES spans")


def fill(store: ClickHouseSpanStore, database: Path, folder: Path) -> None:
    source = open_store(database, folder / "source")
    migration = Migration(source, store, folder=folder / "source" / "migration", name="bench")
    of = migration.prepare().of
    begun = time.perf_counter()
    migration.run(told=lambda moved: print(f"\r  {moved.records:,} of {of:,}", end="", flush=True))
    print(f"\n  {of / (time.perf_counter() - begun):,.0f} records/s; differences: {migration.check()}")
    source.close()


def merged(engine: ClickHouseEngine) -> None:
    """Wait until the server merges nothing any more: what has just been written lies in many parts."""
    begun, quiet = time.perf_counter(), 0
    while quiet < QUIET_SECONDS and time.perf_counter() - begun < MERGING_SECONDS:
        ((merges,),) = engine.ask("SELECT count() FROM system.merges")
        quiet = 0 if merges else quiet + 1
        time.sleep(1)
    ((parts,),) = engine.ask(
        "SELECT count() FROM system.parts WHERE active AND table = 'spans' AND database = currentDatabase()"
    )
    print(f"  merged in {time.perf_counter() - begun:.0f} s; spans lie in {parts} parts", flush=True)


def upkeep(store: ClickHouseSpanStore) -> None:
    begun = time.perf_counter()
    pieces = 0
    while store.maintain():
        pieces += 1
    if pieces:
        print(f"  {pieces} pieces of upkeep in {time.perf_counter() - begun:.0f} s", flush=True)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int, which: str) -> int:
    """`VmRSS`, or the most it ever was: `VmHWM`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(which))


def measure(question: Callable[[], object], rounds: int, pid: int | None) -> tuple[list[float], float, float]:
    """Milliseconds of each round, in order; of the client's processor and of the server's, in each on average."""
    question()
    times: list[float] = []
    own, server = time.process_time(), cpu_seconds(pid) if pid else 0.0
    for _ in range(rounds):
        begun = time.perf_counter()
        msgspec.json.encode(question())
        times.append((time.perf_counter() - begun) * 1000)
    spent = (cpu_seconds(pid) - server if pid else 0.0) * 1000 / rounds
    return sorted(times), (time.process_time() - own) * 1000 / rounds, spent


def run(store: ClickHouseSpanStore, options: argparse.Namespace, pid: int | None) -> None:
    spans = store.count_spans()
    use = store.disk_use()
    size = store.disk_bytes()
    print(f"{spans:,} spans, {size / spans:.0f} bytes each on disk ({use.text_index / spans:.0f} the index of words)\n")
    print(f"{'question':34}{'p50 ms':>10}{'p95 ms':>10}{'server ms':>11}{'client ms':>11}")
    results: dict[str, dict[str, float]] = {}
    ask = _Within(store)
    for name, question in (lists(ask) | metrics(ask) | searches(ask)).items():
        if options.only not in name:
            continue
        times, client, server = measure(question, options.rounds, pid)
        p50, p95 = times[len(times) // 2], times[int(len(times) * 0.95)]
        results[name] = {
            "p50_ms": round(p50, 1),
            "p95_ms": round(p95, 1),
            "server_cpu_ms": round(server, 1),
            "client_cpu_ms": round(client, 1),
        }
        over = "" if p95 <= budget(name) else "   over budget"
        print(f"{name:34}{p50:>10.1f}{p95:>10.1f}{server:>11.1f}{client:>11.1f}{over}", flush=True)
    worst = max(
        (result["p95_ms"] * BUDGET_MS / budget(name) for name, result in results.items() if name != AUDIT), default=0.0
    )
    memory = {"rss_mb": resident_mb(pid, "VmRSS"), "peak_rss_mb": resident_mb(pid, "VmHWM")} if pid else {}
    print(json.dumps({
        "bench": "console_queries_clickhouse", "spans": spans, "bytes_per_span": round(size / spans), "server": memory,
        "budget_ms": BUDGET_MS, "worst_p95_ms": worst, "within_budget": worst <= BUDGET_MS, "questions": results,
    }))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="of the engine out of chdb; kept")
    parser.add_argument("--address", help="of a server that runs, as http://USER@HOST:8123/DATABASE")
    parser.add_argument("--password", default=PASSWORD)
    parser.add_argument("--pid", type=int, help="of that server, to measure its processor and memory")
    parser.add_argument("--database", type=Path, help="DuckDB file that an empty store is filled from")
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--only", default="", help="questions whose name holds this")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        server: Server | None = None
        address, pid = options.address, options.pid
        if address is None:
            server = Server(options.folder or Path(scratch) / "clickhouse")
            server.start()
            address, pid = f"http://{USER}@127.0.0.1:{server.port}/{DATABASE}", server.pid
        folder = Path(scratch) / "journal"
        (folder / "source").mkdir(parents=True)
        store_address = Address.parse(address, password=options.password)
        store = ClickHouseSpanStore(
            store_address,
            journal=folder,
            quarantine=folder / "quarantine",
            clock=ManualClock(START + (DAYS + 1) * DAY),
        )
        try:
            empty = store.count_spans() == 0
            if empty and options.database is None:
                parser.error("the store is empty: name a DuckDB file to fill it from with --database")
            if empty:
                fill(store, options.database, folder)
            upkeep(store)
            if options.copies > 1 and empty:
                copy(store, ClickHouseEngine(store_address), options.copies)
            merged(ClickHouseEngine(store_address))
            run(store, options, pid)
        finally:
            store.close()
            if server is not None:
                server.kill()


if __name__ == "__main__":
    main()
