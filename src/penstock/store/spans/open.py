"""The store of spans that an installation is configured to have."""

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from penstock.core.clock import Clock
from penstock.core.home import Home
from penstock.core.settings import Environment, resolve_secret
from penstock.store.spans.duckdb.loader import BATCH_BYTES
from penstock.store.spans.duckdb.store import DuckDbSpanStore
from penstock.wire.snapshot import StoreSettings

if TYPE_CHECKING:
    from penstock.store.spans.clickhouse.store import ClickHouseSpanStore

__all__ = ["ConfiguredSpanStore", "batch_bytes", "open_configured"]

ConfiguredSpanStore: TypeAlias = "DuckDbSpanStore | ClickHouseSpanStore"


def open_configured(
    settings: StoreSettings, home: Home, *, clock: Clock, environment: Environment | None = None
) -> ConfiguredSpanStore:
    """The store that is configured. Opens and sends nothing yet.

    Args:
        settings: Which one.
        home: Where segments lie, and the file of DuckDB.
        clock: Time of ingestion.
        environment: Where `env:` looks; None is the process's own.

    Raises:
        InvalidInput: the address is none, or there is nothing behind the reference to the password.
    """
    if settings.spans == "duckdb":
        return DuckDbSpanStore(
            home.spans,
            journal=home.journal,
            quarantine=home.quarantine,
            clock=clock,
            intake=home.intake,
            scores=home.scores,
        )
    # A quarter of what the two engines take to load, for those alone who have it.
    from penstock.store.spans.clickhouse.engine import Address  # noqa: PLC0415
    from penstock.store.spans.clickhouse.store import ClickHouseSpanStore  # noqa: PLC0415

    reference = settings.spans_password
    return ClickHouseSpanStore(
        Address.parse(
            settings.spans,
            password=resolve_secret(reference, environment) if reference is not None else None,
            ca=Path(settings.spans_ca) if settings.spans_ca is not None else None,
        ),
        journal=home.journal,
        quarantine=home.quarantine,
        clock=clock,
        intake=home.intake,
        scores=home.scores,
    )


def batch_bytes(settings: StoreSettings) -> int | None:
    """Bytes of segments that the configured store does best to take at once; None for no more than any takes."""
    return BATCH_BYTES if settings.spans == "duckdb" else None
