"""Calibrations of judges: made of people's labels, kept by the judge's digest, asked for by gates (FAILURES E6)."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput, NotFound, PermissionDenied
from penstock.core.ids import Ids
from penstock.evals.calibration import Calibration, CalibrationRule, Pair, calibrate
from penstock.evals.evaluators.catalog import define
from penstock.evals.evaluators.types import Value
from penstock.evals.experiments import calibration_store, store
from penstock.evals.experiments.calibration_types import (
    CalibrationDetail,
    CalibrationRecord,
    CalibrationSource,
    Disagreement,
    LabelPlace,
    NewCalibration,
    PeopleLabel,
    PeopleScores,
    WrittenCalibration,
)
from penstock.evals.experiments.references import FoundEvaluator, definition_of, is_judge, judges_of
from penstock.evals.experiments.service import found as found_experiment
from penstock.evals.experiments.store import CellRow
from penstock.evals.experiments.table import Standing
from penstock.evals.experiments.types import Experiment, ExperimentSpec, Finding
from penstock.evals.statistics.types import Estimate
from penstock.store.metadata import Metadata
from penstock.tracing.actor import Actor, note

__all__ = ["Calibrations", "Judge", "read_calibrations", "why_not"]

MAX_LABELS: Final = 100_000
MAX_PAGE: Final = 1000
MAX_FILE: Final = 32 * 1024 * 1024
MAX_SHOWN: Final = 500
"""Disagreements that are kept."""
SHOWN: Final = 12
"""Digits of a digest that people are shown."""


class Judge(msgspec.Struct, frozen=True, kw_only=True):
    """The version that is calibrated."""

    name: str
    version: int | None
    digest: str
    metric: str
    """Of its own judgements; those of its parts begin so."""


class Calibrations:
    """All calibrations. Methods block.

    Args:
        metadata: The open store.
        clock: Where time comes from.
        ids: Where ids come from.
        find: A version of an evaluator of a project's registry; None where there is none.
        scores: What people said of traces; None where there are no records.
    """

    def __init__(
        self,
        metadata: Metadata,
        *,
        clock: Clock,
        ids: Ids,
        find: Callable[[str, str, str], FoundEvaluator] | None = None,
        scores: PeopleScores | None = None,
    ) -> None:
        self._metadata = metadata
        self._clock = clock
        self._ids = ids
        self._find = find
        self._scores = scores

    def listed(
        self, project: str, name: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[CalibrationRecord], str | None]:
        """Those of an evaluator, newest first, and the cursor of what follows.

        Raises:
            NotFound: there is neither such an evaluator nor a calibration of that name.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInput(f"limit: Expected 1 to {MAX_PAGE}, got {limit}.", field="limit")
        with self._metadata.read() as connection:
            rows = calibration_store.listed(connection, project, name, before=cursor, limit=limit + 1)
        if not rows and self._find is not None:
            self._find(project, name, "latest")
        return rows[:limit], rows[limit - 1].id if len(rows) > limit else None

    def get(self, project: str, name: str, id_: str) -> CalibrationDetail:
        """One of an evaluator's, with where judge and people differ. Raises `NotFound`."""
        with self._metadata.read() as connection:
            found = calibration_store.found(connection, project, name, id_)
        if found is None:
            raise NotFound(f"{name[:60]} has no calibration {id_[:40]!r}.", code="calibration_not_found")
        return found

    def calibrate(self, actor: Actor, project: str, name: str, new: NewCalibration) -> CalibrationRecord:
        """Hold a version of a judge against people's labels, and keep the report.

        Args:
            actor: Who does it.
            project: Whose.
            name: Of the registry's evaluator; with `new.experiment`, of an evaluator of that.
            new: The labels.

        Raises:
            InvalidInput: the evaluator is no judge, or labels do not fit.
            NotFound: there is no such evaluator, version, experiment or answer.
            PermissionDenied: the caller may not read what labels refer to.
        """
        if len(new.labels) > MAX_LABELS:
            raise InvalidInput(f"Expected at most {MAX_LABELS:,} labels.", field="labels")
        written, version = self.written(actor, project, name, new)
        return _told(self.keep(actor, project, written, version=version))

    def written(
        self, actor: Actor, project: str, name: str, new: NewCalibration
    ) -> tuple[WrittenCalibration, int | None]:
        """The labels with the judge's verdicts beside them, and the version of the registry. Raises as `calibrate`."""
        if new.experiment is None:
            judge = self._of_registry(project, name, new)
            labels, others = new.labels, new.others
        else:
            judge, labels, others = self._of_experiment(actor, project, name, new)
        if not labels:
            raise InvalidInput("Expected at least one label of a person.", field="labels")
        made = WrittenCalibration(
            name=judge.name,
            evaluator=judge.digest,
            metric=_metric(judge, new.metric),
            labels=list(labels),
            others=list(others),
            comparisons=new.comparisons,
            rule=new.rule,
            source=CalibrationSource()
            if new.experiment is None
            else CalibrationSource(kind="experiment", experiment=new.experiment, scores=new.scores),
        )
        return made, judge.version

    def keep(
        self, actor: Actor, project: str, written: WrittenCalibration, *, version: int | None = None
    ) -> CalibrationDetail:
        """Compute the report of labels and keep it. Raises `InvalidInput`."""
        rule = written.rule or CalibrationRule()
        differing = _disagreements(written.labels)
        record = CalibrationDetail(
            id=self._ids.uuid7(),
            name=written.name,
            version=version,
            evaluator=written.evaluator,
            metric=written.metric,
            report=_report(written, rule),
            rule=rule,
            at=self._clock.now(),
            by=actor.name,
            source=written.source,
            disagreements=differing[:MAX_SHOWN],
            disagreed=len(differing),
        )
        with self._metadata.write() as connection:
            calibration_store.insert(connection, project, record)
            note(
                connection,
                actor,
                id_=self._ids.uuid7(),
                at=record.at,
                action="evaluator.calibrate",
                target=record.id,
                project=project,
                details={"name": record.name, "metric": record.metric, "calibrated": record.report.calibrated},
            )
        return record

    def judge(self, project: str, name: str, version: str, metric: str | None) -> tuple[Judge, dict[str, Any]]:
        """A version of a judge of the registry with its definition, and which of its judgements is meant.

        Raises:
            InvalidInput: it is no judge, or has no such judgement.
            NotFound: there is no such version.
        """
        found = self._registered(project, name, version)
        judge = _judge(found)
        return msgspec.structs.replace(judge, metric=_metric(judge, metric)), found.body

    def standing(self, experiment: Experiment) -> Standing:
        """Why metrics of an experiment may not gate: those of judges that are not calibrated."""
        judges = judges_of(experiment.spec)
        if not judges:
            return lambda _: None
        with self._metadata.read() as connection:
            reports = calibration_store.newest(connection, experiment.project, set(judges.values()))

        def why(metric: str) -> str | None:
            digest = next((judges[name] for name in judges if _belongs(metric, name)), None)
            return None if digest is None else why_not(digest, reports.get((digest, metric)))

        return why

    # --- parts --------------------------------------------------------------------------------

    def _of_registry(self, project: str, name: str, new: NewCalibration) -> Judge:
        if new.scores is not None or any(label.row is not None for label in new.labels):
            raise InvalidInput("Rows and scores are those of an experiment.", field="experiment")
        return _judge(self._registered(project, name, new.version))

    def _registered(self, project: str, name: str, version: str) -> FoundEvaluator:
        if self._find is None:
            raise InvalidInput(
                f"The evaluator {name} would lie in a registry, and there is none here.",
                hint="Name the experiment that it judged in.",
                field="experiment",
                code="no_registry",
            )
        return self._find(project, name, version)

    def _of_experiment(
        self, actor: Actor, project: str, name: str, new: NewCalibration
    ) -> tuple[Judge, list[PeopleLabel], list[Value]]:
        """The judge, labels with its recorded verdicts, and its verdicts on the other answers."""
        for permission in ("experiments:read", *(("traces:read",) if new.scores is not None else ())):
            if not actor.may(permission, project):
                raise PermissionDenied(f"To read the answers takes the permission {permission}.")
        with self._metadata.read() as connection:
            row = found_experiment(connection, project, str(new.experiment))
            spec = msgspec.convert(row.spec, ExperimentSpec)
            cells = store.cells(connection, row.id, failed=False)
            judge = _judge_of(spec, name)
            keys = [cell.key for cell in cells]
            judged = store.judgements(connection, project, keys, [judge.digest])
            outputs = store.outputs(connection, project, keys)
        metric = _metric(judge, new.metric)
        verdicts = {
            _place(cell): _verdict(judged.get((cell.key, cell.reference), {}).get(judge.digest, ()), metric)
            for cell in cells
        }
        trace_ids = {_place(cell): outputs[cell.key].trace_id for cell in cells if cell.key in outputs}
        lengths = {_place(cell): len(outputs[cell.key].text or "") for cell in cells if cell.key in outputs}
        said = list(_said(spec, new.labels))
        if new.scores is not None:
            traces = {outputs[cell.key].trace_id: _place(cell) for cell in cells if cell.key in outputs}
            said += [(traces[trace], value) for trace, value in self._people(project, new.scores) if trace in traces]
        labels: list[PeopleLabel] = []
        for place, people in said:
            if place not in verdicts:
                raise NotFound(
                    f"Row {place[0]} has no answer of {place[1]} in this experiment.", code="answer_not_found"
                )
            verdict = verdicts[place]
            labels.append(
                PeopleLabel(
                    people=people,
                    judge=None if verdict is None else verdict.value,
                    length=lengths.get(place),
                    reason=None if verdict is None else verdict.reason,
                    place=LabelPlace(
                        experiment=row.id, row=str(place[0]), variant=place[1], trace_id=trace_ids.get(place)
                    ),
                )
            )
        labelled = {place for place, _ in said}
        others = [
            verdict.value
            for place, verdict in verdicts.items()
            if verdict is not None and verdict.value is not None and place not in labelled
        ]
        return judge, labels, others

    def _people(self, project: str, name: str) -> Iterator[tuple[str, Value]]:
        if self._scores is None:
            raise InvalidInput("There are no records with scores here.", field="scores")
        yield from self._scores(project, name).items()


def read_calibrations(path: Path) -> list[WrittenCalibration]:
    """What a file of `penstock eval calibrate --output` holds.

    Raises:
        InvalidInput: it cannot be read.
    """
    try:
        data = path.read_bytes()
        if len(data) > MAX_FILE:
            raise InvalidInput(f"{path} is larger than {MAX_FILE // 1024**2} MiB.", field="calibration")
        return msgspec.json.decode(data, type=list[WrittenCalibration])
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.", field="calibration") from error
    except msgspec.MsgspecError as error:
        raise InvalidInput(
            f"{path} holds no calibrations: {error}.",
            field="calibration",
            hint="Write it with `penstock eval calibrate --output`.",
        ) from error


def _report(written: WrittenCalibration, rule: CalibrationRule) -> Calibration:
    pairs = [Pair(judge=one.judge, people=one.people, length=one.length) for one in written.labels]
    report = calibrate(pairs, others=written.others, comparisons=written.comparisons, rule=rule)
    # Where nothing varies there is no figure; a number that is none cannot be kept as JSON.
    return msgspec.structs.replace(
        report,
        agreement=_finite(report.agreement),
        lengths=_finite(report.lengths),
        corrected=_finite(report.corrected),
        kappa=_finite(report.kappa),
        raw=_finite(report.raw),
    )


def _finite(estimate: Estimate | None) -> Estimate | None:
    if estimate is None:
        return None
    numbers = (estimate.value, estimate.interval.low, estimate.interval.high, estimate.se or 0.0)
    return estimate if all(map(math.isfinite, numbers)) else None


def _belongs(metric: str, name: str) -> bool:
    return metric == name or metric.startswith(f"{name}.")


def _metric(judge: Judge, asked: str | None) -> str:
    if asked is not None and not _belongs(asked, judge.metric):
        raise InvalidInput(
            f"Judgements of {judge.name} are called {judge.metric}, or {judge.metric} with a part; got {asked!r}.",
            field="metric",
        )
    return asked or judge.metric


def why_not(digest: str, record: CalibrationRecord | None) -> str | None:
    """Why a version of a judge may not gate by its newest report; None: it may."""
    shown = digest[:SHOWN]
    if record is None:
        return f"This version of its judge ({shown}) has not been calibrated against people's labels."
    if record.report.calibrated:
        return None
    return f"Its judge ({shown}) is not calibrated: {' '.join(record.report.reasons)}"


def _judge(found: FoundEvaluator) -> Judge:
    canonical, digest = define(found.body)
    _check_judge(found.name, is_judge=is_judge(found.body))
    return Judge(name=found.name, version=found.version, digest=digest, metric=str(canonical["name"]))


def _check_judge(name: str, *, is_judge: bool) -> None:
    if not is_judge:
        raise InvalidInput(f"{name} asks no model: there is nothing to calibrate.", field="name")


def _judge_of(spec: ExperimentSpec, name: str) -> Judge:
    """The evaluator of an experiment that is called so, or that the experiment refers to so."""
    names: list[str] = []
    for entry in spec.evaluators:
        if "python" in entry:
            continue
        reference = str(entry.get("ref", ""))
        canonical, digest = define(definition_of(entry))
        called = str(canonical["name"])
        if name in {called, reference.partition("@")[0], reference}:
            _check_judge(name, is_judge=is_judge(definition_of(entry)))
            return Judge(name=name.partition("@")[0], version=_number(reference), digest=digest, metric=called)
        names.append(called)
    raise NotFound(
        f"This experiment has no evaluator {name[:60]!r}.",
        hint=f"It has {', '.join(names)}." if names else None,
        code="evaluator_not_found",
    )


def _number(reference: str) -> int | None:
    version = reference.partition("@")[2]
    return int(version) if version.isdecimal() else None


_Place = tuple[int, str, int]


def _place(cell: CellRow) -> _Place:
    return cell.position, cell.variant, cell.repetition


def _said(spec: ExperimentSpec, labels: Sequence[PeopleLabel]) -> Iterator[tuple[_Place, Value]]:
    names = [variant.name for variant in spec.variants]
    for index, label in enumerate(labels):
        if label.row is None:
            raise InvalidInput("Expected the position of the row that was labelled.", field=f"labels[{index}].row")
        variant = label.variant or (names[0] if len(names) == 1 else None)
        if variant is None:
            raise InvalidInput(f"Expected one of {', '.join(names)}.", field=f"labels[{index}].variant")
        yield (label.row, variant, label.repetition), label.people


def _verdict(findings: Sequence[Finding], metric: str) -> Finding | None:
    return next((one for one in findings if one.name == metric and one.error is None), None)


def _told(detail: CalibrationDetail) -> CalibrationRecord:
    names = CalibrationRecord.__struct_fields__
    return CalibrationRecord(**{name: getattr(detail, name) for name in names})


def _disagreements(labels: Sequence[PeopleLabel]) -> list[Disagreement]:
    """The labels that the judge did not share, the furthest first."""
    differing = [label for label in labels if label.judge != label.people]
    differing.sort(key=lambda label: -_distance(label))
    return [
        Disagreement(people=one.people, judge=one.judge, reason=one.reason, place=one.place or LabelPlace())
        for one in differing
    ]


def _distance(label: PeopleLabel) -> float:
    if isinstance(label.people, str) or label.judge is None or isinstance(label.judge, str):
        return 0.0
    return abs(float(label.people) - float(label.judge))
