"""The span store: one engine, the questions of the console."""

from collections.abc import Sequence
from pathlib import Path

from penstock.core.clock import Clock
from penstock.store.spans.deletion import Deleted, DiskUse, Remaining, Selection
from penstock.store.spans.duckdb.deletion import delete_batch, forget_deletion, remaining
from penstock.store.spans.duckdb.disk import disk_use
from penstock.store.spans.duckdb.engine import DuckDbEngine
from penstock.store.spans.duckdb.loader import INTAKE, JOURNAL, SCORES, Records, load
from penstock.store.spans.duckdb.rollup import forget_segments, roll_up, roll_up_days
from penstock.store.spans.duckdb.scores import delete_scores
from penstock.store.spans.duckdb.text_index import candidates, index_text, tidy
from penstock.store.spans.loaded import Loaded
from penstock.store.spans.questions import Questions

__all__ = ["DuckDbSpanStore", "open_spans"]

SETTLED = 600_000_000
"""Microseconds after its end when an hour is summed up: late records have come by then, or make it pending again."""
FRESH = 120_000_000
"""Microseconds after which the words of spans are indexed, when there are many: most that started then have come."""
REMEMBERED = 7 * 24 * 3600 * 1_000_000
"""Microseconds for which the name of a stored segment is kept. Its file is removed within seconds."""


class DuckDbSpanStore(Questions):
    """Spans in one DuckDB file. Every method blocks; call from a thread. Threads may share the store.

    Every method raises `Unavailable` (`span_store_unavailable`) while the file cannot be used.

    Args:
        path: The database file; made when it is first needed.
        journal: Folder of the segments.
        quarantine: Folder for lines that are no spans; inside `journal`.
        clock: Time of ingestion.
        intake: Folder of segments that hold what applications sent; beside the file unless said otherwise.
        scores: Folder of segments of scores; likewise.
    """

    def __init__(
        self,
        path: Path,
        *,
        journal: Path,
        quarantine: Path,
        clock: Clock,
        intake: Path | None = None,
        scores: Path | None = None,
    ) -> None:
        self._folders = (journal, intake or path.parent / "intake", scores or path.parent / "scores")
        self._engine = DuckDbEngine(path, readable=self._folders)
        super().__init__(self._engine, candidates=candidates)
        self._quarantine = quarantine
        self._clock = clock

    def close(self) -> None:
        """Fold the log into the file and release it."""
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
        """Sum up and index what has settled, some at a time; returns how much. Call again while it is not 0."""
        now = self._clock.now()
        settled = now - SETTLED
        forget_segments(self._engine, before=now - REMEMBERED, waiting=self._folders)
        return (
            roll_up(self._engine, before=settled)
            or roll_up_days(self._engine, before=settled)
            or index_text(self._engine, before=settled, fresh=now - FRESH)
            or tidy(self._engine, before=settled)
        )

    def compact(self) -> None:
        """Fold the log into the file now; otherwise this happens by itself, now and then."""
        self._engine.compact()

    def disk_use(self) -> DiskUse:
        """What the file holds, in bytes, by parts."""
        return disk_use(self._engine, now=self._clock.now())

    def disk_bytes(self) -> int:
        """Bytes of the file and its log."""
        return self._engine.disk_bytes()

    def count_spans(self) -> int:
        """Spans stored, of all projects."""
        return self._engine.count()


def open_spans(path: Path, *, clock: Clock, journal: Path | None = None) -> DuckDbSpanStore:
    """The store of an installation; the journal lies beside the file unless said otherwise. Opens nothing yet."""
    folder = path.parent / "journal" if journal is None else journal
    return DuckDbSpanStore(path, journal=folder, quarantine=folder / "quarantine", clock=clock)
