"""Key uses: spans in, last use out."""

from pathlib import Path

from penstock.core.clock import ManualClock
from penstock.server.key_uses import KeyUses
from penstock.store.spans.duckdb.store import open_spans
from penstock.tracing.jobs import IngestJob
from penstock.wire.span import Span, encode_span


def segment(folder: Path, number: int, *uses: tuple[str | None, int]) -> Path:
    path = folder / f"{number:016x}-{'0' * 16}-{number:08x}.ndjson"
    spans = [
        Span(project="p", trace_id=f"{at:032x}", span_id=f"{at:016x}", name="n", kind="llm", started=at, key=key)
        for key, at in uses
    ]
    path.write_bytes(b"".join(b'{"record":"span",' + encode_span(span)[1:] + b"\n" for span in spans))
    return path


def test_the_last_use_of_each_key_is_noted_once(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.mkdir()
    clock = ManualClock()
    spans = open_spans(tmp_path / "spans.duckdb", clock=clock)
    noted: list[dict[str, int]] = []
    uses = KeyUses(spans, IngestJob(spans, journal, clock=clock), lambda found: noted.append(dict(found)))
    uses.step()
    spans.load([segment(journal, 1, ("a", 10), ("a", 30), ("b", 20), (None, 40))])
    uses.step()
    uses.step()
    spans.load([segment(journal, 2, ("b", 50))])
    uses.step()
    spans.close()
    assert noted == [{"a": 30, "b": 20}, {"b": 50}]
