"""Checks of a version, before it is used."""

from typing import Any, Final

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput, NotFound
from penstock.core.ids import Ids
from penstock.evals.datasets.background import Background, Note
from penstock.evals.datasets.checks.coverage import coverage_of
from penstock.evals.datasets.checks.findings import findings_of
from penstock.evals.datasets.checks.tally import Tally
from penstock.evals.datasets.checks.texts import question_of
from penstock.evals.datasets.checks.types import CheckReport, CheckRun, Coverage, CoverageWanted, NewCheck
from penstock.evals.datasets.sampling import Sample
from penstock.evals.datasets.service import Datasets
from penstock.evals.datasets.traces import TraceRows, TraceSample
from penstock.registry.artifacts.types import Ref

__all__ = ["Checks"]

COMPARED: Final = 20_000
"""Rows that traffic is compared with: evenly chosen where there are more."""
LEAST_SAMPLE: Final = 50
MOST_SAMPLE: Final = 10_000


class Checks:
    """Checks of all projects' datasets. `start` returns at once.

    Args:
        datasets: Gives rows.
        traces: Gives recorded questions; None where nothing is recorded.
        clock: When.
        ids: Names checks.
    """

    def __init__(self, datasets: Datasets, traces: TraceRows | None, *, clock: Clock, ids: Ids) -> None:
        self._datasets = datasets
        self._traces = traces
        self._clock = clock
        self._ids = ids
        self._work: Background[CheckRun] = Background("check", at_once=1, clock=clock, missing="check_not_found")

    def start(self, ref: Ref, new: NewCheck) -> CheckRun:
        """Begin a check.

        Raises:
            NotFound: there is no such version; or no traffic to compare with (`no_traces`).
            InvalidInput: what is wanted does not fit.
        """
        if new.similar is not None and not 0.5 <= new.similar <= 1:
            raise InvalidInput(f"Expected a similarity from 0.5 to 1, got {new.similar:g}.", field="similar")
        self._datasets.manifest(ref, new.version)
        if new.coverage is not None:
            self._check_coverage(ref.project, new.coverage)
        begun = CheckRun(id=self._ids.uuid7(), dataset=ref.name, started=self._clock.now())

        def run(note: Note) -> dict[str, Any]:
            report = self.report(ref, new, note=note)
            return {"report": report, "rows": report.rows}

        return self._work.begin(ref.project, begun, run)

    def get(self, project: str, id_: str) -> CheckRun:
        """How far a check is, and what it found. Raises `NotFound` (`check_not_found`)."""
        return self._work.get(project, id_)

    def close(self) -> None:
        """Give up what is running, and wait for it."""
        self._work.close()

    def report(self, ref: Ref, new: NewCheck, *, note: Note) -> CheckReport:
        """Look at all rows of a version."""
        version = self._datasets.rows(ref, new.version, limit=1)
        every = 1 + version.rows // COMPARED
        tally = Tally(new.similar)
        asked: list[str] = []
        for rows in self._datasets.stream(ref, str(version.version)):
            for row in rows:
                text = tally.add(row)
                if new.coverage is not None and tally.rows % every == 0:
                    asked.append(text)
            note(rows=tally.rows)
        coverage = None if new.coverage is None else self._coverage(ref.project, new.coverage, asked)
        return CheckReport(
            version=version.version,
            rows=tally.rows,
            findings=findings_of(tally, coverage),
            fields=tally.fields(),
            labels=tally.labels(),
            splits=tally.splits(),
            characters=tally.characters(),
            duplicates=tally.duplicates,
            contradictions=tally.contradictions,
            near_checked=tally.near_checked,
            near=tally.near,
            near_pairs=tally.pairs,
            leaks=tally.leaks,
            coverage=coverage,
        )

    def _check_coverage(self, project: str, wanted: CoverageWanted) -> TraceRows:
        if self._traces is None:
            raise NotFound("Nothing is recorded here to compare with.", code="no_traces")
        if not LEAST_SAMPLE <= wanted.sample <= MOST_SAMPLE:
            raise InvalidInput(
                f"Expected a sample from {LEAST_SAMPLE} to {MOST_SAMPLE}, got {wanted.sample}.", field="coverage.sample"
            )
        if not 0 < wanted.near <= 1:
            raise InvalidInput(f"Expected a similarity above 0, up to 1, got {wanted.near:g}.", field="coverage.near")
        self._traces.check(project, _sample(wanted))
        return self._traces

    def _coverage(self, project: str, wanted: CoverageWanted, asked: list[str]) -> Coverage:
        traces = self._check_coverage(project, wanted)
        questions = [question_of(row.input) for row in traces.rows(project, _sample(wanted))]
        return coverage_of([one for one in questions if one], asked, near=wanted.near)


def _sample(wanted: CoverageWanted) -> TraceSample:
    # A question that is asked often counts as often as it is asked.
    return TraceSample(
        q=wanted.q,
        from_=wanted.from_,
        to=wanted.to,
        of=wanted.of,
        sample=Sample(how="random", size=wanted.sample),
        input="question",
        distinct=False,
    )
