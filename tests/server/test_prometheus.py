"""`/metrics`: the text that Prometheus reads."""

import json
import re
from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from penstock.core.home import Home
from penstock.gateway.metrics import Meter
from penstock.server.prometheus import console_metrics, gateway_metrics
from penstock.tracing.types import DiskState, IngestProgress, JournalState, SystemState
from penstock.wire.span import Span
from penstock.wire.status import TargetReport, WorkerReport

NOW = 1_800_000_000_000_000
DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana" / "penstock.json"


def leave(home, worker, *, calls=1, at=NOW, **report):
    meter = Meter(str)
    for _ in range(calls):
        meter.observe(
            [
                Span(
                    project="care", trace_id="0" * 32, span_id="0" * 16, name="chat", kind="llm", call=True, started=1,
                    duration=200_000, operation="chat", http_status=200, provider="sim", target_model="m", cost=10,
                )
            ]
        )  # fmt: skip
    (home.workers / f"{worker}.metrics").write_bytes(msgspec.json.encode(meter.report(worker, at)))
    told = WorkerReport(worker=worker, pid=1, program="0", started=1, at=at, snapshot=3, **report)
    (home.workers / f"{worker}.json").write_bytes(msgspec.json.encode(told))


def home_of(tmp_path):
    home = Home(tmp_path / "home")
    home.create()
    return home


def samples(text):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


SYSTEM = SystemState(
    version="1",
    journal=JournalState(waiting_segments=2, waiting_bytes=30, quarantined=1),
    ingest=IngestProgress(stored_spans=9, last_ingested=None, error="down"),
    disk=DiskState(spans_bytes=100, metadata_bytes=7, free_bytes=1000),
)


def test_every_worker_has_series_of_its_own_and_the_stale_have_none(tmp_path):
    home = home_of(tmp_path)
    leave(home, "a", calls=2, targets=(TargetReport(target="sim/m", state="open"),), in_flight=4)
    leave(home, "b", calls=3, lost=6)
    leave(home, "gone", calls=9, at=NOW - 60_000_000)
    (home.workers / "half.metrics").write_bytes(b"{")

    found = samples(gateway_metrics(home, now=NOW))

    calls = {dict(key[1:])["worker"]: value for key, value in found.items() if key[0] == "penstock_calls_total"}
    assert calls == {"a": 2, "b": 3}
    assert found["penstock_calls_in_flight", ("worker", "a")] == 4
    assert found["penstock_records_lost_total", ("worker", "b")] == 6
    assert found["penstock_target_state", ("state", "open"), ("target", "sim/m"), ("worker", "a")] == 1
    buckets = [value for key, value in found.items() if key[0] == "penstock_call_duration_seconds_bucket"]
    assert sorted(set(buckets)) == [0, 2, 3]


def test_the_console_tells_of_storage_too(tmp_path):
    found = samples(console_metrics(home_of(tmp_path), SYSTEM, now=NOW))
    assert found[("penstock_spans",)] == 9
    assert found[("penstock_ingest_failing",)] == 1
    assert found["penstock_disk_bytes", ("what", "spans")] == 100


def test_the_dashboard_asks_only_for_what_there_is(tmp_path):
    home = home_of(tmp_path)
    leave(home, "a")
    text = console_metrics(home, SYSTEM, now=NOW).decode()
    known = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
    dashboard = json.loads(DASHBOARD.read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
        for name in re.findall(r"penstock_[a-z_]+", target["expr"])
    }
    assert asked
    assert {re.sub(r"_bucket$", "", name) for name in asked} <= known
