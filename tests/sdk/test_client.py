"""`penstock.init`: providers, exporters, the end of the process (FAILURES O7)."""

import os
import subprocess
import sys
import threading
import time

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import penstock
from penstock.core.clock import SystemClock
from penstock.core.errors import InvalidInput
from penstock.sdk.spans import SpanQueue


class Hanging(SpanExporter):
    """Never comes back until it is let go."""

    def __init__(self):
        self.began = threading.Event()
        self.go = threading.Event()
        self.names = []

    def export(self, spans):
        self.began.set()
        self.go.wait(20)
        self.names += [span.name for span in spans]
        return SpanExportResult.SUCCESS

    def shutdown(self):
        self.go.wait(20)


@pytest.fixture
def hanging():
    exporter = Hanging()
    yield exporter
    exporter.go.set()


def test_a_provider_that_is_there_is_kept_and_gets_a_processor(init, spans, provider):
    other = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(other))
    init(service_name="shop", environment="staging", mask=lambda text: "masked")
    with penstock.span("s"):
        pass
    ours, theirs = spans()["masked"], other.get_finished_spans()[0]
    assert ours.resource.attributes["service.name"] == "shop"
    assert ours.resource.attributes["deployment.environment.name"] == "staging"
    assert theirs.name == "s"
    assert theirs.resource.attributes["service.name"] != "shop"


def test_another_provider_can_be_named(init, spans):
    own = TracerProvider(resource=Resource({"service.name": "own"}), shutdown_on_exit=False)
    init(tracer_provider=own)
    with penstock.span("global"):
        pass
    own.get_tracer("x").start_span("named").end()
    assert set(spans()) == {"named"}
    assert spans()["named"].resource.attributes["service.name"] == "own"


def test_spans_that_are_not_sampled_are_not_sent(init, spans):
    init(tracer_provider=TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False))
    assert spans() == {}


def test_init_again_replaces_what_was_there(init, exporter):
    first = init()
    other = InMemorySpanExporter()
    init(exporter=other)
    with penstock.span("s"):
        pass
    assert first.stopped
    assert penstock.flush(5)
    assert [span.name for span in other.get_finished_spans()] == ["s"]
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"exporter": None}, "endpoint"),
        ({"endpoint": "localhost:4180"}, "endpoint"),
        ({"endpoint": "http://[::1"}, "endpoint"),
        ({"gateway": "x"}, "gateway"),
        ({"mask": "email"}, "mask"),
        ({"mask": ["("]}, "mask"),
        ({"mask": [1]}, "mask"),
        ({"max_queue": 0}, "max_queue"),
        ({"flush_seconds": 0}, "flush_seconds"),
        ({"instrument": ["nothing"]}, "instrument"),
    ],
)
def test_what_cannot_be_is_said_at_once(init, options, field):
    with pytest.raises(InvalidInput) as caught:
        init(**options)
    assert caught.value.field == field
    assert penstock.statistics() is None


def test_a_provider_of_another_kind_is_refused(monkeypatch, exporter):
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", object())
    with pytest.raises(InvalidInput, match="takes no processors"):
        penstock.init(exporter=exporter)


def test_spans_of_a_parent_outlive_those_of_its_children(init, hanging):
    """A full queue gives up leaves first, so that what is left of a trace holds together."""
    init(exporter=hanging, max_queue=6)
    for _ in range(6):
        with penstock.span("sent"):
            pass
    assert hanging.began.wait(5)
    with penstock.span("root"):
        for _ in range(4):
            with penstock.span("middle"), penstock.span("leaf"):
                pass
    statistics = penstock.statistics().spans
    assert (statistics.queued, statistics.dropped) == (12, 3)
    hanging.go.set()
    assert penstock.flush(5)
    assert sorted(hanging.names[6:]) == ["leaf", "middle", "middle", "middle", "middle", "root"]


def test_an_exporter_that_hangs_holds_up_neither_the_program_nor_its_end(init, hanging):
    client = init(exporter=hanging, exit_seconds=0.05)
    with penstock.span("s"):
        pass
    assert not client.flush(0.01)
    started = time.monotonic()
    client.shutdown()
    assert time.monotonic() - started < 2
    assert client.statistics.spans.dropped == 1


def test_after_the_end_nothing_is_taken(init, exporter):
    client = init()
    client.shutdown()
    client.shutdown()
    with penstock.span("late"):
        pass
    assert exporter.get_finished_spans() == ()


def test_a_processor_forgets_spans_that_never_end(exporter, monkeypatch):
    monkeypatch.setattr("penstock.sdk.spans.MAX_OPEN", 3)
    provider = TracerProvider(shutdown_on_exit=False)
    queue = SpanQueue(exporter, clock=SystemClock())
    provider.add_span_processor(queue)
    for _ in range(10):
        provider.get_tracer("x").start_span("endless")
    assert len(queue._open) == 3
    queue.shutdown()


PROGRAM = """
import sys, threading, time
import penstock
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

class Exporter(SpanExporter):
    def export(self, spans):
        if "hang" in sys.argv:
            time.sleep(60)
        for span in spans:
            print(span.name, span.resource.attributes["service.name"], flush=True)
        return SpanExportResult.SUCCESS
    def shutdown(self):
        print("shut down", flush=True)

penstock.init(exporter=Exporter(), service_name="script", exit_seconds=0.3, flush_seconds=60)
with penstock.span("last words"):
    pass
print("ended", flush=True)
"""


def run(*arguments):
    started = time.monotonic()
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env=environment,
        check=False,
    )
    return ran, time.monotonic() - started


def test_the_end_of_the_process_sends_what_waits():
    ran, _ = run()
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[:2] == ["ended", "last words script"]


def test_the_end_of_the_process_has_a_deadline():
    ran, seconds = run("hang")
    assert ran.returncode == 0
    assert ran.stdout.splitlines() == ["ended"]
    assert seconds < 15
    assert "were lost" in ran.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_gives_ids_of_its_own(init):
    client = init()
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writer, client.new_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    assert os.read(reader, 100).decode()[14:] != client.new_id()[14:]
    os.close(reader)
