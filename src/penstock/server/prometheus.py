"""`/metrics` of both planes: what workers have counted, how targets do, and how records are stored.

Every worker of a gateway listens on the same port, so a scrape reaches any one of them. Each leaves what it counted in
a file once a second, and whoever is scraped tells of all, with the label `worker`: a worker that was replaced
starts new series instead of setting others back.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TypeVar

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from penstock import __version__
from penstock.core.home import Home
from penstock.gateway.metrics import BOUNDS, COUNTERS, HISTOGRAMS
from penstock.tracing.types import ExportProgress, IntakeProgress, SystemState
from penstock.wire.metrics import MetricsReport
from penstock.wire.status import WorkerReport

__all__ = ["CONTENT_TYPE", "console_metrics", "gateway_metrics"]

logger = logging.getLogger(__name__)

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
STALE = 10_000_000
"""Microseconds after which a worker that wrote nothing is gone."""
STATES = ("closed", "half_open", "open")

Report = TypeVar("Report", WorkerReport, MetricsReport)

_decode_report = msgspec.json.Decoder(WorkerReport).decode
_decode_metrics = msgspec.json.Decoder(MetricsReport).decode


def gateway_metrics(home: Home, *, now: int) -> bytes:
    """Text of the exposition format: all workers of this home.

    Args:
        home: Where workers leave their reports.
        now: Microseconds since the epoch.
    """
    return _expose(_workers(home, now))


def console_metrics(home: Home, system: SystemState, *, now: int) -> bytes:
    """As `gateway_metrics`, with what only the console knows."""
    return _expose([*_workers(home, now), *_storage(system), *_intake(system.intake), *_exports(system.exports)])


def _expose(families: Iterable[Metric]) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(list(families)))
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _workers(home: Home, now: int) -> Iterator[Metric]:
    info = GaugeMetricFamily("penstock_build", "Version of Penstock.", labels=["version"])
    info.add_metric([__version__], 1)
    yield info
    yield from _counted([one for one in _read(home, "*.metrics", _decode_metrics) if one.at > now - STALE])
    yield from _reported([one for one in _read(home, "*.json", _decode_report) if one.at > now - STALE])


def _read(home: Home, pattern: str, decode: Callable[[bytes], Report]) -> list[Report]:
    found: list[Report] = []
    for path in sorted(home.workers.glob(pattern)):
        try:
            found.append(decode(path.read_bytes()))
        except (OSError, msgspec.MsgspecError) as error:
            # It is being replaced, or of another version: the next scrape has it.
            logger.debug("%s cannot be read: %s", path, error)
    return found


def _counted(reports: Sequence[MetricsReport]) -> Iterator[Metric]:
    for name, (help_, labels) in COUNTERS.items():
        counter = CounterMetricFamily(f"penstock_{name}", help_, labels=[*labels, "worker"])
        for report in reports:
            for values, amount in report.counters.get(name, ()):
                counter.add_metric([*values, report.worker], amount)
        yield counter
    bounds = [*(f"{bound:g}" for bound in BOUNDS), "+Inf"]
    for name, (help_, labels) in HISTOGRAMS.items():
        histogram = HistogramMetricFamily(f"penstock_{name}", help_, labels=[*labels, "worker"])
        for report in reports:
            for values, found in report.histograms.get(name, ()):
                buckets = list(zip(bounds, map(float, accumulate(found.counts)), strict=True))
                histogram.add_metric([*values, report.worker], buckets, found.total)
        yield histogram


def _reported(reports: Sequence[WorkerReport]) -> Iterator[Metric]:
    in_flight = GaugeMetricFamily("penstock_calls_in_flight", "Calls being served.", labels=["worker"])
    snapshot = GaugeMetricFamily("penstock_snapshot_version", "Published state that is served.", labels=["worker"])
    lost = CounterMetricFamily(
        "penstock_records_lost", "Spans dropped because the journal was full.", labels=["worker"]
    )
    counters_lost = GaugeMetricFamily(
        "penstock_counters_lost", "1 while the shared counters of limits cannot be reached.", labels=["worker"]
    )
    state = GaugeMetricFamily(
        "penstock_target_state", "1 for the state that a target's breaker is in.", labels=["target", "state", "worker"]
    )
    waiting = GaugeMetricFamily("penstock_target_in_flight", "Requests in flight.", labels=["target", "worker"])
    for report in reports:
        in_flight.add_metric([report.worker], report.in_flight)
        snapshot.add_metric([report.worker], report.snapshot)
        lost.add_metric([report.worker], report.lost)
        counters_lost.add_metric([report.worker], report.counters == "lost")
        for target in report.targets:
            waiting.add_metric([target.target, report.worker], target.in_flight)
            for one in STATES:
                state.add_metric([target.target, one, report.worker], target.state == one)
    yield from (in_flight, snapshot, lost, counters_lost, state, waiting)


def _storage(system: SystemState) -> Iterator[Metric]:
    yield GaugeMetricFamily("penstock_spans", "Spans in the store.", value=system.ingest.stored_spans)
    yield GaugeMetricFamily(
        "penstock_ingest_failing", "1 while spans cannot be stored and wait.", value=system.ingest.error is not None
    )
    yield GaugeMetricFamily(
        "penstock_journal_waiting_segments", "Sealed segments that wait.", value=system.journal.waiting_segments
    )
    yield GaugeMetricFamily(
        "penstock_journal_waiting_bytes", "Bytes of segments that wait.", value=system.journal.waiting_bytes
    )
    yield GaugeMetricFamily(
        "penstock_journal_quarantined", "Lines set aside because they are no spans.", value=system.journal.quarantined
    )
    disk = GaugeMetricFamily("penstock_disk_bytes", "Bytes on disk.", labels=["what"])
    disk.add_metric(["spans"], system.disk.spans_bytes)
    disk.add_metric(["metadata"], system.disk.metadata_bytes)
    disk.add_metric(["free"], system.disk.free_bytes)
    yield disk


def _intake(intake: IntakeProgress) -> Iterator[Metric]:
    yield CounterMetricFamily("penstock_intake_requests", "Requests of applications, by OTLP.", value=intake.requests)
    yield CounterMetricFamily("penstock_intake_spans_accepted", "Spans taken.", value=intake.accepted)
    rejected = CounterMetricFamily("penstock_intake_spans_rejected", "Spans not taken.", labels=["reason"])
    for reason, count in sorted(intake.rejected.items()):
        rejected.add_metric([reason], count)
    yield rejected
    yield CounterMetricFamily(
        "penstock_intake_requests_refused",
        "Requests answered 429, for the store did not keep up.",
        value=intake.refused,
    )
    yield GaugeMetricFamily(
        "penstock_intake_in_flight_bytes", "Bytes of requests being taken.", value=intake.in_flight_bytes
    )
    yield GaugeMetricFamily(
        "penstock_intake_waiting_segments", "Segments of accepted spans that wait.", value=intake.waiting_segments
    )
    yield GaugeMetricFamily(
        "penstock_intake_waiting_bytes",
        "Bytes of accepted spans that wait, as last measured.",
        value=intake.waiting_bytes,
    )


def _exports(exports: Sequence[ExportProgress]) -> Iterator[Metric]:
    labels = ["backend"]
    sent = CounterMetricFamily("penstock_export_spans_sent", "Spans that another backend took.", labels=labels)
    rejected = CounterMetricFamily("penstock_export_spans_rejected", "Spans that it refused for good.", labels=labels)
    filtered = CounterMetricFamily("penstock_export_spans_filtered", "Spans that its filter left out.", labels=labels)
    waiting = GaugeMetricFamily("penstock_export_waiting_bytes", "Bytes of segments that wait for it.", labels=labels)
    failing = GaugeMetricFamily("penstock_export_failing", "1 while it takes nothing.", labels=labels)
    for one in exports:
        sent.add_metric([one.backend], one.sent)
        rejected.add_metric([one.backend], one.rejected)
        filtered.add_metric([one.backend], one.filtered)
        waiting.add_metric([one.backend], one.waiting_bytes)
        failing.add_metric([one.backend], one.error is not None)
    yield from (sent, rejected, filtered, waiting, failing)
