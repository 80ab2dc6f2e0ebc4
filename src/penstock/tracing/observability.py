"""The services of looking, bound together: what the routes beside the list of traces work with."""

from dataclasses import dataclass
from typing import Protocol

from penstock.core.clock import Clock
from penstock.core.ids import Ids
from penstock.store.metadata import Metadata
from penstock.tracing.activity.ports import ActivityStore
from penstock.tracing.activity.service import ActivityService
from penstock.tracing.dashboards.service import Dashboards
from penstock.tracing.exports.ports import ExportStore
from penstock.tracing.exports.service import ExportService
from penstock.tracing.metrics.service import MetricsService
from penstock.tracing.ports import MetricStore
from penstock.tracing.query.names import KeyNames, QueryReader, UserHash
from penstock.tracing.query.ports import FacetStore
from penstock.tracing.query.service import QueryHelp
from penstock.tracing.retention.service import RetentionService
from penstock.tracing.views.service import SavedViews

__all__ = ["Observability", "observe"]


@dataclass(frozen=True, kw_only=True)
class Observability:
    reader: QueryReader
    query_help: QueryHelp
    metrics: MetricsService
    dashboards: Dashboards
    views: SavedViews
    retention: RetentionService
    exports: ExportService
    activity: ActivityService


class Store(ActivityStore, ExportStore, FacetStore, MetricStore, Protocol):
    """All that is asked of the store of spans."""


def observe(
    spans: Store,
    metadata: Metadata,
    *,
    clock: Clock,
    ids: Ids,
    key_names: KeyNames,
    user_hash: UserHash | None = None,
) -> Observability:
    """The services over open stores.

    Args:
        spans: The store of spans.
        metadata: The open metadata store.
        clock: Where time comes from.
        ids: Where ids come from.
        key_names: Names of keys by id.
        user_hash: Hashes an end user's id, so that people find users by it.
    """
    reader = QueryReader(key_names, user_hash=user_hash)
    return Observability(
        reader=reader,
        query_help=QueryHelp(spans, key_names=key_names, clock=clock),
        metrics=MetricsService(spans, reader=reader, key_names=key_names, clock=clock),
        dashboards=Dashboards(metadata, clock=clock, ids=ids),
        views=SavedViews(metadata, clock=clock, ids=ids),
        retention=RetentionService(metadata, reader=reader, clock=clock, ids=ids, user_hash=user_hash),
        exports=ExportService(spans, where=reader.where, key_names=key_names),
        activity=ActivityService(spans, reader=reader, key_names=key_names, user_hash=user_hash),
    )
