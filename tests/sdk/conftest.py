import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import penstock
from penstock.sdk.state import active


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def provider(monkeypatch):
    """A provider of the test's own as the global one, which OpenTelemetry lets nobody set twice."""
    provider = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", provider)
    return provider


@pytest.fixture
def init(provider, exporter, monkeypatch):
    """`penstock.init` towards the test's exporter."""
    for name in ("PENSTOCK_CONSOLE_URL", "PENSTOCK_API_KEY", "PENSTOCK_GATEWAY_URL"):
        monkeypatch.delenv(name, raising=False)

    def init(**options):
        options.setdefault("exporter", exporter)
        return penstock.init(**options)

    yield init
    penstock.shutdown()
    assert active() is None


@pytest.fixture
def spans(exporter):
    """Sent so far, by name."""

    def spans():
        assert penstock.flush(5)
        return {span.name: span for span in exporter.get_finished_spans()}

    return spans
