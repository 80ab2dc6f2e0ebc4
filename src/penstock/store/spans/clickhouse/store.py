"""The span store on ClickHouse: one database of a server, the questions of the console."""

from collections.abc import Sequence
from pathlib import Path

from penstock.core.clock import Clock
from penstock.store.spans.clickhouse.deletion import delete_batch, disk_use, forget_deletion
from penstock.store.spans.clickhouse.engine import Address, ClickHouseEngine
from penstock.store.spans.clickhouse.loader import Records, load
from penstock.store.spans.clickhouse.rollup import forget_segments, roll_up, roll_up_days, sweep
from penstock.store.spans.clickhouse.scores import SCORES, delete_scores
from penstock.store.spans.clickhouse.spans import INTAKE, JOURNAL
from penstock.store.spans.clickhouse.text_index import index_text
from penstock.store.spans.deletion import Deleted, DiskUse, Remaining, Selection
from penstock.store.spans.duckdb.deletion import remaining
from penstock.store.spans.duckdb.text_index import candidates
from penstock.store.spans.loaded import Loaded
from penstock.store.spans.questions import Questions

__all__ = ["ClickHouseSpanStore"]

SETTLED = 600_000_000
"""Microseconds after its end when an hour is summed up: late records have come by then, or make it pending again."""
REMEMBERED = 7 * 24 * 3600 * 1_000_000
"""Microseconds for which the name of a stored segment is kept. Its file is removed within seconds."""
SWEEP_SECONDS = 3600.0
"""How often rows are removed that rollups no longer need."""
_DISK = "SELECT sum(bytes_on_disk) FROM system.parts WHERE database = currentDatabase()"


class ClickHouseSpanStore(Questions):
    """Spans in a database of a ClickHouse server. Every method blocks; call from a thread. Threads may share the store.

    Every method raises `Unavailable` (`span_store_unavailable`) while the server cannot be used.

    Args:
        address: The server and the database.
        journal: Folder of the segments.
        quarantine: Folder for lines that are no spans; inside `journal`.
        clock: Time of ingestion.
        intake: Folder of segments that hold what applications sent; beside `journal` unless said otherwise.
        scores: Folder of segments of scores; likewise.
    """

    def __init__(
        self,
        address: Address,
        *,
        journal: Path,
        quarantine: Path,
        clock: Clock,
        intake: Path | None = None,
        scores: Path | None = None,
    ) -> None:
        self._folders = (journal, intake or journal.parent / "intake", scores or journal.parent / "scores")
        self._engine = ClickHouseEngine(address)
        super().__init__(self._engine, candidates=candidates)
        self._quarantine = quarantine
        self._clock = clock
        self._swept = float("-inf")

    def close(self) -> None:
        """Close the connections."""
        self._engine.close()

    # What is stored

    def load(self, segments: Sequence[Path]) -> list[Loaded]:
        """Store sealed segments exactly once; see `loader.load`."""
        return self._load(segments, JOURNAL)

    def load_intake(self, segments: Sequence[Path]) -> list[Loaded]:
        """Store segments of what applications sent, each span once, however often it was sent."""
        return self._load(segments, INTAKE)

    def load_scores(self, segments: Sequence[Path]) -> list[Loaded]:
        """Store segments of scores; of each id the newest counts."""
        return self._load(segments, SCORES)

    def _load(self, segments: Sequence[Path], records: Records) -> list[Loaded]:
        return load(self._engine, segments, records=records, quarantine=self._quarantine, clock=self._clock)

    def delete_scores(self, project: str, ids: Sequence[str]) -> int:
        """Delete scores by id; returns how many there were. One that waits in a segment is not reached."""
        return delete_scores(self._engine, project, ids)

    def delete_batch(self, selection: Selection, *, job: str) -> Deleted:
        """Delete some of the selection; see `deletion.delete_batch`."""
        return delete_batch(self._engine, selection, job=job)

    def remaining(self, selection: Selection) -> Remaining:
        """What of the selection is stored."""
        return remaining(self._engine, selection)

    def forget_deletion(self, job: str) -> None:
        """Drop the count of a deletion that is over."""
        forget_deletion(self._engine, job)

    def maintain(self) -> int:
        """Sum up hours and days that have settled, or index their words; returns how many.

        They are at most a day's, or as many more as few spans lie in. Call again while it is not 0.
        """
        settled = self._clock.now() - SETTLED
        forget_segments(self._engine, before=self._clock.now() - REMEMBERED, waiting=self._folders)
        done = roll_up(self._engine, before=settled) or roll_up_days(self._engine, before=settled)
        done = done or index_text(self._engine, before=settled)
        if not done and self._clock.monotonic() - self._swept >= SWEEP_SECONDS:
            sweep(self._engine)
            self._swept = self._clock.monotonic()
        return done

    def compact(self) -> None:
        """Nothing: the server merges by itself."""

    def disk_use(self) -> DiskUse:
        """What the tables hold, in bytes, by parts."""
        return disk_use(self._engine, now=self._clock.now())

    def disk_bytes(self) -> int:
        """Bytes of all tables, on the server."""
        ((size,),) = self._engine.ask(_DISK)
        return int(size or 0)

    def count_spans(self) -> int:
        """Spans stored, of all projects."""
        ((spans,),) = self._engine.ask("SELECT count() FROM spans")
        return spans
