"""Journal to queryable: spans per second, and disk per span.

    python bench/ingestion.py [--spans 200000] [--per-segment 5000] [--text 2000] [--from journal|intake]

Segments are made beforehand. Then the ingesting job of the console empties the folder, as it does in
production: parsing, transaction, files removed. The time includes the last checkpoint. Disk is the
database file after it, with the log folded in. Prints a table, and one line of JSON.

From `intake` the spans are those of applications: agents that run for ten spans, with model calls and tools
below them, each trace under a root of its own. The last tenth of them is sent twice, as after an answer that was lost.
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

import msgspec

from penstock.core.clock import SystemClock
from penstock.store.spans.duckdb.loader import BATCH_BYTES
from penstock.store.spans.duckdb.store import DuckDbSpanStore
from penstock.tracing.jobs import IngestJob
from spans import write_segments

RATE = 20_000
BYTES = 800


_span = msgspec.json.Decoder(type=dict).decode
SPANS_OF_A_TRACE = 10


def as_sent(paths: list[Path], folder: Path) -> list[Path]:
    """The same spans as applications would have sent them; the last tenth is sent twice."""
    sent: list[Path] = []
    root = trace = started = None
    number = 0
    for path in paths:
        lines: list[bytes] = []
        for line in path.read_bytes().splitlines():
            span = _span(line)
            if number % SPANS_OF_A_TRACE == 0:
                root, trace, started = span["span_id"], span["trace_id"], span["started"]
            kind = ("agent", "llm", "tool", "chain")[min(number % SPANS_OF_A_TRACE, 3)]
            span |= {"source": "otlp", "service": "shop", "call": False, "trace_id": trace, "kind": kind}
            span["started"] = started + number % SPANS_OF_A_TRACE * 1000
            span["parent_id"] = None if kind == "agent" else root
            lines.append(msgspec.json.encode(span) + b"\n")
            number += 1
        target = folder / f"{path.stem[:-8]}{len(sent):08x}.ndjson"
        target.write_bytes(b"".join(lines))
        sent.append(target)
        path.unlink()
    for path in sent[-max(1, len(sent) // 10) :]:
        again = folder / f"{sent[-1].stem[:-8]}{len(sent):08x}.ndjson"
        again.write_bytes(path.read_bytes())
        sent.append(again)
    return sent


async def empty(job: IngestJob) -> None:
    while await job.step():
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=200_000)
    parser.add_argument("--per-segment", type=int, default=5_000)
    parser.add_argument("--text", type=int, default=2000)
    parser.add_argument("--from", dest="source", choices=("journal", "intake"), default="journal")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "journal"
        (folder / "quarantine").mkdir(parents=True)
        paths = write_segments(folder, options.spans, 1, per_segment=options.per_segment, text=options.text)
        if options.source == "intake":
            (Path(scratch) / "intake").mkdir()
            paths = as_sent(paths, Path(scratch) / "intake")
        size = sum(path.stat().st_size for path in paths)
        print(f"{len(paths)} segments, {size / 1e6:.0f} MB")
        store = DuckDbSpanStore(
            Path(scratch) / "spans.duckdb", journal=folder, quarantine=folder / "quarantine", clock=SystemClock()
        )
        job = IngestJob(store, folder, intake=Path(scratch) / "intake", clock=SystemClock(), batch_bytes=BATCH_BYTES)
        store.count_spans()
        begun, worked = time.perf_counter(), time.process_time()
        asyncio.run(empty(job))
        queryable = time.perf_counter() - begun
        store.compact()
        whole, worked = time.perf_counter() - begun, time.process_time() - worked
        spans = store.count_spans()
        assert spans == job.state.stored_spans
        result = {
            "bench": "ingestion" if options.source == "journal" else "ingestion of intake",
            "spans": spans,
            "spans_per_second": round(spans / whole),
            "spans_per_second_to_queryable": round(spans / queryable),
            "duplicates": job.state.duplicates,
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
