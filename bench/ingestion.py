"""Journal to queryable: spans per second, and disk per span.

    python bench/ingestion.py [--spans 200000] [--per-segment 5000] [--text 2000]

Segments are made beforehand. Then the ingesting job of the console empties the folder, as it does in
production: parsing, transaction, files removed. The time includes the last checkpoint. Disk is the
database file after it, with the log folded in. Prints a table, and one line of JSON.
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

from penstock.core.clock import SystemClock
from penstock.store.spans.duckdb.store import DuckDbSpanStore
from penstock.tracing.jobs import IngestJob
from spans import write_segments

RATE = 20_000
BYTES = 800


async def empty(job: IngestJob) -> None:
    while await job.step():
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=200_000)
    parser.add_argument("--per-segment", type=int, default=5_000)
    parser.add_argument("--text", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "journal"
        (folder / "quarantine").mkdir(parents=True)
        paths = write_segments(folder, options.spans, 1, per_segment=options.per_segment, text=options.text)
        size = sum(path.stat().st_size for path in paths)
        print(f"{len(paths)} segments, {size / 1e6:.0f} MB")
        store = DuckDbSpanStore(
            Path(scratch) / "spans.duckdb", journal=folder, quarantine=folder / "quarantine", clock=SystemClock()
        )
        job = IngestJob(store, folder, clock=SystemClock())
        store.count_spans()
        begun, worked = time.perf_counter(), time.process_time()
        asyncio.run(empty(job))
        queryable = time.perf_counter() - begun
        store.compact()
        whole, worked = time.perf_counter() - begun, time.process_time() - worked
        spans = store.count_spans()
        assert spans == job.state.stored_spans
        result = {
            "bench": "ingestion",
            "spans": spans,
            "spans_per_second": round(spans / whole),
            "spans_per_second_to_queryable": round(spans / queryable),
            "spans_per_cpu_second": round(spans / worked),
            "bytes_per_span": round(store.disk_bytes() / spans),
            "journal_bytes_per_span": round(size / spans),
            "budget": {"spans_per_second": RATE, "bytes_per_span": BYTES},
        }
        store.close()
    print(f"{'':28}{'measured':>12}{'budget':>12}")
    print(f"{'spans/s to queryable':28}{result['spans_per_second_to_queryable']:>12,}{f'>= {RATE:,}':>12}")
    print(f"{'spans/s with checkpoint':28}{result['spans_per_second']:>12,}{f'>= {RATE:,}':>12}")
    print(f"{'spans/s of processor time':28}{result['spans_per_cpu_second']:>12,}")
    print(f"{'disk bytes per span':28}{result['bytes_per_span']:>12,}{f'<= {BYTES}':>12}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
