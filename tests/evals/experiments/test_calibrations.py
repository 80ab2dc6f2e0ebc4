"""Judges that are held against people's labels, and what gates make of it."""

import json

import msgspec
import pytest

from experiments_harness import Lab
from penstock.core.errors import InvalidInput, NotFound, PermissionDenied
from penstock.evals.calibration import CalibrationRule
from penstock.evals.evaluators.catalog import define
from penstock.evals.experiments.calibration_types import NewCalibration, PeopleLabel
from penstock.evals.experiments.calibrations import Calibrations, read_calibrations
from penstock.evals.experiments.references import FoundEvaluator, compares, is_judge, judges_of
from penstock.evals.experiments.service import NewRow
from penstock.evals.experiments.types import CellResult, Ending, Finding, Output

JUDGE = {
    "type": "rubric",
    "name": "good",
    "model": "m",
    "criteria": [{"name": "good", "description": "Is it good?", "scale": "boolean"}],
}
DIGEST = define(JUDGE)[1]
LOCAL = "local"


async def judged(lab: Lab, rows: int = 240, **more) -> str:
    """Id of an experiment whose judge said yes of two answers in three, and could not say of every fiftieth."""
    made = lab.made(rows, evaluators=[JUDGE], gate=["good >= 50%"], **more)
    lab.place.take(made.id, runner="x", evaluators={DIGEST: "good"}, instead_of=None)
    ledger = lab.place.ledger(made.id, runner="x")
    engine = lab.engine(without_judges(made), take=False)
    results = []
    async for chunk in lab.place.rows(made.id).chunks():
        for cell in (work.cell for row in chunk for work in engine._cells(row)):
            said = {"error": "It mumbled."} if cell.position % 50 == 49 else {"value": yes(cell.position)}
            finding = Finding(name="good", **said)
            results.append(CellResult(cell=cell, output=Output(text="x" * cell.position), findings={DIGEST: [finding]}))
    await ledger.finish(results)
    lab.place.release(made.id, runner="x", ending=Ending(state="done"))
    return made.id


def without_judges(experiment):
    return msgspec.structs.replace(experiment, spec=msgspec.structs.replace(experiment.spec, evaluators=[]))


def yes(position: int) -> bool:
    return position % 3 > 0


def people(rows: int, *, wrong: int = 20) -> list[PeopleLabel]:
    """A person who disagrees with the judge on one row in so many."""
    return [PeopleLabel(row=row, people=yes(row) != (row % wrong == 0)) for row in range(rows)]


async def test_a_judge_gates_only_with_a_report_of_its_version(lab: Lab):
    """FAILURES E6"""
    id_ = await judged(lab)
    (rule,) = lab.place.summary(id_).gates["a"].rules
    assert (rule.verdict, rule.value) == ("INCONCLUSIVE", rule.value)
    assert DIGEST[:12] in rule.reason
    assert "has not been calibrated" in rule.reason
    # What it says is shown all the same.
    (metric, *_) = lab.place.summary(id_).variants[0].metrics
    assert (metric.metric, metric.n) == ("good", 236)
    few = lab.place.calibrate("good", NewCalibration(experiment=id_, labels=people(20)))
    assert not few.report.calibrated
    assert "is not calibrated" in lab.place.summary(id_).gates["a"].rules[0].reason
    enough = lab.place.calibrate("good", NewCalibration(experiment=id_, labels=people(150)))
    assert (enough.report.reasons, enough.report.n, enough.report.unscored) == ([], 147, 3)
    # The rest of the answers is what the corrected rate is of.
    assert enough.report.corrected is not None
    assert enough.report.corrected.n == 89
    assert lab.place.summary(id_).gates["a"].verdict == "PASS"
    # Another version of it begins anew.
    other = lab.made(1, evaluators=[{**JUDGE, "model": "another"}], gate=["good >= 50%"])
    assert "has not been calibrated" in (lab.place._calibrations.standing(other)("good") or "")


async def test_a_later_report_takes_the_place_of_an_earlier_one(lab: Lab):
    id_ = await judged(lab)
    for wrong in (20, 3):
        lab.place.calibrate("good", NewCalibration(experiment=id_, labels=people(150, wrong=wrong)))
    assert lab.place.summary(id_).gates["a"].verdict == "INCONCLUSIVE"
    items, after = lab.place._calibrations.listed(LOCAL, "good", limit=1)
    assert (len(items), items[0].report.calibrated) == (1, False)
    (earlier,), last = lab.place._calibrations.listed(LOCAL, "good", cursor=after)
    assert (earlier.report.calibrated, last) == (True, None)


async def test_the_file_holds_labels_of_which_the_report_is_computed_anew(lab: Lab, tmp_path):
    id_ = await judged(lab)
    written = lab.place.written("good", NewCalibration(experiment=id_, labels=people(150)))
    path = tmp_path / "c.json"
    path.write_bytes(msgspec.json.encode([written]))
    (read,) = read_calibrations(path)
    assert read == written
    lab.place.keep([read])
    assert lab.place.summary(id_).gates["a"].verdict == "PASS"
    path.write_text(json.dumps([{"name": "good", "evaluator": DIGEST, "report": {"calibrated": True}}]))
    with pytest.raises(InvalidInput, match="no calibrations"):
        read_calibrations(path)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_calibrations(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("name", "new", "said"),
    [
        ("other", {"labels": [PeopleLabel(row=0, people=True)]}, "no evaluator 'other'"),
        ("good", {}, "at least one label"),
        ("good", {"labels": [PeopleLabel(people=True)]}, "position of the row"),
        ("good", {"labels": [PeopleLabel(row=900, people=True)]}, "Row 900"),
        ("good", {"labels": [PeopleLabel(row=0, variant="b", people=True)]}, "answer of b"),
        ("good", {"labels": [PeopleLabel(row=0, people=True)], "metric": "bad"}, "called good"),
        ("good", {"labels": [PeopleLabel(row=0, people=2.5)]}, "one type"),
        ("good", {"scores": "verdict"}, "no records"),
    ],
)
async def test_labels_that_fit_nothing_are_refused(lab: Lab, name, new, said):
    id_ = await judged(lab, 3)
    with pytest.raises((InvalidInput, NotFound), match=said):
        lab.place.calibrate(name, NewCalibration(experiment=id_, **new))


async def test_people_who_said_it_as_scores_are_found_by_the_answers_traces(lab: Lab):
    made = lab.made(30, evaluators=[JUDGE])
    lab.place.take(made.id, runner="x", evaluators={DIGEST: "good"}, instead_of=None)
    engine = lab.engine(without_judges(made), take=False)
    results = []
    async for chunk in lab.place.rows(made.id).chunks():
        for cell in (work.cell for row in chunk for work in engine._cells(row)):
            output = Output(text="x", trace_id=f"{cell.position:032x}")
            findings = {DIGEST: [Finding(name="good", value=yes(cell.position))]}
            results.append(CellResult(cell=cell, output=output, findings=findings))
    await lab.place.ledger(made.id, runner="x").finish(results)
    said = {f"{row:032x}": yes(row) for row in range(10)} | {"f" * 32: True}
    service = Calibrations(
        lab.place._metadata,
        clock=lab.clock,
        ids=lab.place._experiments._ids,
        scores=lambda project, name: said if (project, name) == (LOCAL, "verdict") else {},
    )
    record = service.calibrate(lab.place._user, LOCAL, "good", NewCalibration(experiment=made.id, scores="verdict"))
    assert record.report.n == 10

    class Blind:
        kind, id, name, user = "key", "k", "weak", None

        def may(self, permission: str, project: str, /) -> bool:
            return permission != "traces:read"

    with pytest.raises(PermissionDenied, match="traces:read"):
        service.calibrate(Blind(), LOCAL, "good", NewCalibration(experiment=made.id, scores="verdict"))


def registry(body: dict):
    def find(project: str, name: str, version: str) -> FoundEvaluator:
        if name != "quality":
            raise NotFound("no such evaluator")
        return FoundEvaluator(name="quality", version=3 if version == "latest" else int(version), body=body)

    return find


def test_a_version_of_the_registry_is_calibrated_by_pairs(lab: Lab):
    service = Calibrations(lab.place._metadata, clock=lab.clock, ids=lab.place._experiments._ids, find=registry(JUDGE))
    labels = [PeopleLabel(judge=yes(n) if n % 30 else None, people=yes(n)) for n in range(120)]
    record = service.calibrate(lab.place._user, LOCAL, "quality", NewCalibration(labels=labels))
    assert (record.version, record.evaluator, record.metric, record.report.calibrated) == (3, DIGEST, "good", True)
    strict = CalibrationRule(least_labels=1000)
    record = service.calibrate(lab.place._user, LOCAL, "quality", NewCalibration(labels=labels, rule=strict))
    assert (record.report.calibrated, record.rule.least_labels) == (False, 1000)
    assert service.listed(LOCAL, "quality")[0][0] == record
    with pytest.raises(NotFound):
        service.listed(LOCAL, "nothing")
    with pytest.raises(InvalidInput, match="Rows and scores"):
        service.calibrate(lab.place._user, LOCAL, "quality", NewCalibration(labels=[PeopleLabel(row=1, people=True)]))
    with pytest.raises(InvalidInput, match="limit"):
        service.listed(LOCAL, "quality", limit=0)
    plain = Calibrations(
        lab.place._metadata, clock=lab.clock, ids=lab.place._experiments._ids, find=registry({"type": "exact"})
    )
    with pytest.raises(InvalidInput, match="asks no model"):
        plain.calibrate(lab.place._user, LOCAL, "quality", NewCalibration(labels=labels))
    with pytest.raises(InvalidInput, match="registry"):
        lab.place.calibrate("quality", NewCalibration(labels=labels))


def test_where_nothing_varies_the_report_can_be_kept_and_says_so(lab: Lab):
    service = Calibrations(lab.place._metadata, clock=lab.clock, ids=lab.place._experiments._ids, find=registry(JUDGE))
    labels = [PeopleLabel(judge=True, people=True, length=5)] * 200
    service.calibrate(lab.place._user, LOCAL, "quality", NewCalibration(labels=labels))
    (record,), _ = service.listed(LOCAL, "quality")
    assert (record.report.calibrated, record.report.agreement) == (False, None)


@pytest.mark.parametrize(
    ("body", "judge", "compared"),
    [
        (JUDGE, True, False),
        ({"type": "exact"}, False, False),
        ({"type": "embedding", "model": "e"}, False, False),
        ({"type": "pairwise", "model": "m", "criterion": "better"}, True, True),
        ({"type": "pairwise", "model": "m", "criterion": "better", "against": "reference"}, True, False),
        ({"type": "panel", "judges": [JUDGE, {"type": "pairwise", "model": "m", "criterion": "x"}]}, True, True),
        ({"type": "conversation", "evaluator": JUDGE}, True, False),
    ],
)
def test_judges_are_told_from_what_only_counts(body, judge, compared):
    assert (is_judge(body), compares(body)) == (judge, compared)


def test_functions_of_ones_own_and_code_gate_without_a_calibration(lab: Lab):
    spec = lab.spec(evaluators=[{"type": "exact"}, {"python": "m:f"}, {"ref": "quality@3", "definition": JUDGE}])
    assert judges_of(spec) == {"good": DIGEST}
    made = lab.made([NewRow(input="x")])
    assert lab.place._calibrations.standing(made)("exact") is None
