"""Records of tracing that the control API answers with, beside those of the span store."""

from collections.abc import Sequence

import msgspec

from penstock.store.spans.types import Facet, GroupRow, TraceRow

__all__ = [
    "Asked",
    "DiskState",
    "ExportProgress",
    "FacetPage",
    "Flow",
    "IngestProgress",
    "IntakeProgress",
    "JournalState",
    "Paging",
    "ProjectSpans",
    "SystemState",
    "TracePage",
]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which spans a request is about, as it came."""

    q: str | None = None
    """In the filter language."""
    filters: Sequence[str] = ()
    """`column:operator:value`; all must hold, and `q` too."""
    from_: int | None = None
    """Microseconds since the epoch, inclusive."""
    to: int | None = None
    """Exclusive."""


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a list a request is about, as it came."""

    sort: str | None = None
    """A field; with a `-` before it the largest come first."""
    cursor: str | None = None
    """`next_cursor` of the page before."""
    limit: int = 50
    """Rows of a page, 1 to 200."""


class TracePage(msgspec.Struct, frozen=True, kw_only=True):
    """Calls, or spans, in the order of `sort`."""

    items: list[TraceRow]
    sort: str
    """What they are sorted by: what was asked for, but a search for words is always `-started`."""
    next_cursor: str | None
    """Set while older ones may exist. A text search may send a page that is short, or empty, and go on."""


class FacetPage(msgspec.Struct, frozen=True, kw_only=True):
    """Values of a column, the most frequent first, at most 50."""

    items: list[Facet]
    next_cursor: str | None


class FacetValue(msgspec.Struct, frozen=True, kw_only=True):
    value: str | None
    """What to search for; None where there is none."""
    name: str | None
    """Of a key."""
    count: int
    margin: int = 0
    """Of an estimate: the true count lies within so many of it, in 95 of 100 cases."""


class ColumnFacets(msgspec.Struct, frozen=True, kw_only=True):
    column: str
    values: list[FacetValue]
    """The most frequent first, at most 50."""


class FacetsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Values of several columns among the same calls, in the order that was asked for."""

    items: list[ColumnFacets]
    next_cursor: str | None
    estimated: bool = False
    """Whether counts that have a margin are scaled up from a sample; which values are the most frequent is, too."""
    sample: float = 1.0
    """The share of the spans that were asked."""


class GroupPage(msgspec.Struct, frozen=True, kw_only=True):
    """Groups of calls or spans, the largest first. Keys have their names as labels."""

    items: list[GroupRow]
    next_cursor: str | None
    estimated: bool = False
    """Whether groups that have a margin are scaled up from a sample, and latencies are those of it; which groups are
    the largest is taken from it, too."""
    sample: float = 1.0
    """The share of the spans that were asked."""


class JournalState(msgspec.Struct, frozen=True, kw_only=True):
    waiting_segments: int
    """Sealed, not stored yet."""
    waiting_bytes: int
    quarantined: int
    """Lines set aside in the quarantine folder because they are no spans."""


class IngestProgress(msgspec.Struct, frozen=True, kw_only=True):
    stored_spans: int
    """In the store, of all projects; since the start of the console while the store is down."""
    last_ingested: int | None
    """Microseconds since the epoch; None when nothing was since the console started."""
    error: str | None
    """Why spans wait; None when they are stored as they come."""


class ProjectSpans(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    spans: int


class DiskState(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes. What lies inside of the store of spans is None while it cannot be asked, and up to a minute old."""

    spans_bytes: int
    """The files of the store of spans, all in all."""
    rows_bytes: int | None = None
    """Of these: spans."""
    payload_bytes: int | None = None
    """Long texts, which lie apart."""
    rollup_bytes: int | None = None
    """What was summed up for charts and lists."""
    text_index_bytes: int | None = None
    score_bytes: int | None = None
    reusable_bytes: int | None = None
    """Empty; used again for what comes."""
    growth_bytes: int | None = None
    """Of a day, as of the last one."""
    journal_bytes: int = 0
    """Waiting records of calls, and what was set aside as unreadable."""
    intake_bytes: int = 0
    """Waiting spans of applications."""
    waiting_score_bytes: int = 0
    metadata_bytes: int
    free_bytes: int
    """On the file system of the home folder."""
    projects: list[ProjectSpans] = []
    """Spans of each project that the caller sees, the most first."""


class IntakeProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Spans of applications, by OTLP, since the console started."""

    requests: int = 0
    accepted: int = 0
    """Spans."""
    rejected: dict[str, int] = {}
    """Spans by reason."""
    refused: int = 0
    """Requests that were told to come again, for the store did not keep up."""
    in_flight_bytes: int = 0
    """Of requests being read, mapped or written."""
    waiting_segments: int = 0
    waiting_bytes: int = 0
    """Accepted and not in the store yet, as last measured."""


class ExportProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Spans sent on to one backend, since the console started."""

    backend: str
    """Its address, without what may be secret in it."""
    sent: int
    rejected: int
    """Spans that it refused for good."""
    filtered: int
    """Spans that its filter left out."""
    waiting_bytes: int
    error: str | None
    """Why the last try failed; None when it did not."""


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """What comes from applications, and what goes to other backends."""

    intake: IntakeProgress = IntakeProgress()
    exports: list[ExportProgress] = []


class SystemState(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    journal: JournalState
    ingest: IngestProgress
    disk: DiskState
    intake: IntakeProgress
    exports: list[ExportProgress]
    """In the order of the configuration."""
