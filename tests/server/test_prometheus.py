"""`/metrics`: the text that Prometheus reads."""

import json
import re
from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from penstock.core.home import Home
from penstock.gateway.metrics import Meter
from penstock.server.prometheus import console_metrics, gateway_metrics
from penstock.server.span_flow import span_flow
from penstock.tracing.otlp.export.sender import Sender
from penstock.tracing.otlp.export.spool import Spool
from penstock.tracing.otlp.intake import IntakeState
from penstock.tracing.types import (
    DiskState,
    ExportProgress,
    IngestProgress,
    IntakeProgress,
    JournalState,
    SystemState,
)
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
    intake=IntakeProgress(),
    exports=[],
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


def test_the_console_tells_of_what_comes_in_and_goes_out(tmp_path):
    """FAILURES O4, O6"""
    why = 'the span id is not 8 bytes, or "all" zero'
    backend = "https://otlp.example.com/v1/traces"
    system = msgspec.structs.replace(
        SYSTEM,
        intake=IntakeProgress(
            requests=5, accepted=40, rejected={why: 2, "other": 1}, refused=3, in_flight_bytes=7, waiting_segments=1,
            waiting_bytes=9,
        ),
        exports=[ExportProgress(backend=backend, sent=8, rejected=1, filtered=2, waiting_bytes=6, error="503")],
    )  # fmt: skip
    found = samples(console_metrics(home_of(tmp_path), system, now=NOW))
    told = {
        ("intake_requests_total",): 5,
        ("intake_spans_accepted_total",): 40,
        ("intake_spans_rejected_total", ("reason", why)): 2,
        ("intake_spans_rejected_total", ("reason", "other")): 1,
        ("intake_requests_refused_total",): 3,
        ("intake_in_flight_bytes",): 7,
        ("intake_waiting_segments",): 1,
        ("intake_waiting_bytes",): 9,
        ("export_spans_sent_total", ("backend", backend)): 8,
        ("export_spans_rejected_total", ("backend", backend)): 1,
        ("export_spans_filtered_total", ("backend", backend)): 2,
        ("export_waiting_bytes", ("backend", backend)): 6,
        ("export_failing", ("backend", backend)): 1,
    }
    assert {(name.removeprefix("penstock_"), *labels): value for (name, *labels), value in found.items()}.items() >= (
        told.items()
    )


def test_what_an_address_hides_is_not_told(tmp_path):
    """FAILURES S12"""

    class Intake:
        state = IntakeState(accepted=3, reasons={"old": 1}, pushed_back=2)

    home = home_of(tmp_path)
    (home.intake / "a.ndjson").write_bytes(b"{}")
    sender = Sender(
        Spool(tmp_path / "spool", max_bytes=100),
        "https://me:secret@otlp.example.com:4318/v1/traces?token=secret",
        headers=dict,
        matches=lambda _: True,
        content=True,
        transport=None,
    )
    flow = span_flow(home, Intake(), [sender])
    assert (flow.intake.accepted, flow.intake.rejected, flow.intake.refused) == (3, {"old": 1}, 2)
    assert flow.intake.waiting_segments == 1
    assert [one.backend for one in flow.exports] == ["https://otlp.example.com:4318/v1/traces"]
