"""`@pytest.mark.penstock_eval`: a test for each row of a dataset, and one answer for all of them together.

A marked test is run once for each row and repetition, with the fixture `eval_row`. It passes or fails a row; what
counts for the session is the marker's threshold, held against an interval, never a single row.
"""

import json
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from penstock.evals.experiments.service import NewRow
    from penstock.evals.gates.types import GateResult

__all__ = ["MARK", "EvalRow", "Evals"]

MARK: Final = "penstock_eval"
PROPERTY: Final = "penstock_eval"
"""Of a test's report, so that it crosses from a worker of xdist to the process that sums up."""
_NOT_PASSED: Final = 1
"""pytest's exit code for tests that failed."""


class EvalRow:
    """One row of the dataset, for the test that asks with it.

    Attributes:
        input: What is asked.
        reference: What would be right.
        metadata: Of the row.
        id: Of the row.
        repetition: From 0.
    """

    def __init__(self, row: "NewRow", position: int, repetition: int) -> None:
        self.input = row.input
        self.reference = row.reference
        self.context = row.context
        self.metadata = row.metadata
        self.group = row.group
        self.id = row.id if row.id is not None else str(position)
        self.position = position
        self.repetition = repetition
        self.output: str | None = None
        self.scores: dict[str, float | bool] = {}

    def answer(self, output: str) -> str:
        """Note the answer, for the marker's evaluators and the report. Returns it."""
        self.output = output
        return output

    def score(self, name: str, value: float | bool) -> None:
        """Note a judgement of the test's own."""
        self.scores[name] = value


class Evals:
    """The plugin of a session in which a test is marked."""

    def __init__(self) -> None:
        self._results: dict[str, list[dict[str, Any]]] = {}
        self._marks: dict[str, dict[str, Any]] = {}
        self._answers: dict[str, GateResult] = {}

    # --- collecting ---------------------------------------------------------------------------

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A test for each row and repetition."""
        mark = metafunc.definition.get_closest_marker(MARK)
        if mark is None:
            return
        options = _options(mark)
        if "eval_row" not in metafunc.fixturenames:
            raise pytest.UsageError(f"{metafunc.definition.nodeid} is marked {MARK} and takes no `eval_row`.")
        folder = metafunc.definition.path.parent
        rows = _rows(folder / options["dataset"], options)
        params = [
            pytest.param((row, position, repetition), id=f"{row.id if row.id is not None else position}-{repetition}")
            for position, row in enumerate(rows)
            for repetition in range(options["repeats"])
        ]
        metafunc.parametrize("eval_row", params, indirect=True)

    # --- running ------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put what came of a row into the test's report. A row that fails is a score of the whole, not a failure."""
        report = yield
        mark = item.get_closest_marker(MARK)
        if mark is None or call.when != "call":
            return report
        options = _options(mark)
        row: EvalRow | None = getattr(item, "funcargs", {}).get("eval_row")
        if row is None or report.skipped:
            return report
        asserted = call.excinfo is None or call.excinfo.errisinstance(AssertionError)
        scores: dict[str, Any] = {**row.scores, **_judged(options["evaluators"], row)}
        # Anything but a failed assertion says nothing about the answer: the row is unscored.
        scores["passed"] = report.passed if asserted else None
        told = {
            "test": item.nodeid.partition("[")[0],
            "options": {name: options[name] for name in ("threshold", "metric", "rules")},
            "row": str(row.position),
            "group": row.group,
            "scores": scores,
        }
        report.user_properties.append((PROPERTY, json.dumps(told)))
        if report.failed and asserted:
            report.outcome = "passed"
            report.sections.append(("eval", str(report.longrepr)))
            report.longrepr = None
        return report

    # --- summing up ---------------------------------------------------------------------------

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect, also what the workers of xdist send."""
        if report.when != "call":
            return
        for name, value in report.user_properties:
            if name == PROPERTY:
                told = json.loads(str(value))
                self._marks[told["test"]] = told["options"]
                self._results.setdefault(told["test"], []).append(told)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """The gate of each marked test decides the session's exit."""
        if hasattr(session.config, "workerinput"):
            return
        for test, results in self._results.items():
            self._answers[test] = _decide(self._marks[test], results)
        if session.exitstatus == 0 and any(answer.verdict != "PASS" for answer in self._answers.values()):
            session.exitstatus = _NOT_PASSED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what came of each marked test."""
        if not self._answers:
            return
        terminalreporter.section("penstock evals")
        for test, answer in self._answers.items():
            terminalreporter.write_line(f"{answer.verdict} {test}: {len(self._results[test])} answers")
            for one in answer.rules:
                terminalreporter.write_line(f"  {one.verdict} {one.rule}: {one.reason}")


def _options(mark: pytest.Mark) -> dict[str, Any]:
    known: dict[str, Any] = {
        "dataset": None,
        "repeats": 1,
        "threshold": None,
        "metric": "passed",
        "rules": [],
        "evaluators": [],
        "limit": None,
        "columns": {},
    }
    unknown = set(mark.kwargs) - set(known)
    if unknown or mark.args or not mark.kwargs.get("dataset"):
        raise pytest.UsageError(
            f"{MARK} takes dataset= and {', '.join(sorted(set(known) - {'dataset'}))}; got {mark.args} {mark.kwargs}."
        )
    return {**known, **mark.kwargs}


def _rows(path: Path, options: dict[str, Any]) -> list["NewRow"]:
    from penstock.core.errors import PenstockError  # noqa: PLC0415 - only for sessions with a marked test
    from penstock.evals.experiments.files import read_rows  # noqa: PLC0415 - as above
    from penstock.evals.experiments.types import Columns  # noqa: PLC0415 - as above

    try:
        return list(read_rows(path, Columns(**options["columns"]), limit=options["limit"]))
    except PenstockError as error:
        raise pytest.UsageError(str(error)) from error


def _judged(evaluators: Sequence[dict[str, Any] | Callable[..., Any]], row: EvalRow) -> dict[str, Any]:
    """What the marker's evaluators say of a noted answer; None is unscored."""
    if not evaluators or row.output is None:
        return {}
    import asyncio  # noqa: PLC0415 - as above

    from penstock.evals.evaluators.catalog import load  # noqa: PLC0415 - as above
    from penstock.evals.evaluators.functions import FunctionEvaluator  # noqa: PLC0415 - as above
    from penstock.evals.evaluators.types import Item  # noqa: PLC0415 - as above

    item = Item(
        output=row.output,
        input=row.input,
        reference=row.reference,
        context=row.context,
        metadata=row.metadata,
        group=row.group,
    )
    judges = [FunctionEvaluator(one) if callable(one) else load(one) for one in evaluators]

    async def judge() -> dict[str, Any]:
        found = [judgement for one in judges for judgement in await one.evaluate(item)]
        return {one.name: None if one.error is not None or isinstance(one.value, str) else one.value for one in found}

    with asyncio.Runner() as runner:
        return runner.run(judge())


def _decide(options: dict[str, Any], results: Sequence[dict[str, Any]]) -> "GateResult":
    from penstock.evals.gates.decide import decide  # noqa: PLC0415 - as above
    from penstock.evals.gates.parser import parse  # noqa: PLC0415 - as above
    from penstock.evals.gates.types import Results, Series, Unit  # noqa: PLC0415 - as above

    names = dict.fromkeys(name for one in results for name in one["scores"])
    series: dict[str, Series] = {}
    for name in names:
        values = [one["scores"].get(name) for one in results]
        unit: Unit = "share" if all(isinstance(value, bool | None) for value in values) else "number"
        numbers = [None if value is None else float(value) for value in values]
        series[name] = Series(rows=[one["row"] for one in results], values=numbers, unit=unit)
    groups = {one["row"]: one["group"] for one in results if one["group"] is not None}
    rules = list(options["rules"])
    if options["threshold"] is not None or not rules:
        threshold = 1.0 if options["threshold"] is None else float(options["threshold"])
        metric = options["metric"]
        unit_is_share = metric in series and series[metric].unit == "share"
        rules.append(f"{metric} >= {threshold * 100:g}%" if unit_is_share else f"{metric} >= {threshold:g}")
    return decide([parse(rule) for rule in rules], Results(candidate=series, groups=groups))
