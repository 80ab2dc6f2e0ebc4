"""Where experiments are kept for a process of the user's: in a file beside it, or in a console."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput
from penstock.core.ids import Ids
from penstock.evals.evaluators.catalog import check
from penstock.evals.experiments.calibration_types import CalibrationRecord, NewCalibration, WrittenCalibration
from penstock.evals.experiments.calibrations import Calibrations
from penstock.evals.experiments.differences import DifferenceTerms, RowDifferencePage
from penstock.evals.experiments.ledger import RemoteLedger, RemoteRows, StoreLedger, StoreRows
from penstock.evals.experiments.ports import Ledger, Rows
from penstock.evals.experiments.recall import console_records
from penstock.evals.experiments.results import CellPage, Results
from penstock.evals.experiments.service import Experiments, NewRow
from penstock.evals.experiments.summary import Summary
from penstock.evals.experiments.types import Ending, Experiment, ExperimentSpec
from penstock.evals.experiments.worst import WorstRows, worst_rows
from penstock.evals.gates.parser import parse
from penstock.sdk.control import ControlClient, path_of
from penstock.store.metadata import Metadata, open_metadata
from penstock.wire.prompts import CompiledPrompt, parse_prompt_ref

__all__ = ["ConsolePlace", "LocalPlace", "Place", "check_evaluator"]

LOCAL: Final = "local"
"""Id of the project of a run without a console."""


class Place(Protocol):
    """Keeps experiments. Methods block."""

    @property
    def name(self) -> str:
        """For a person."""
        ...

    def create(self, spec: ExperimentSpec, *, cache: bool) -> Experiment: ...

    def add_rows(self, id_: str, rows: Sequence[NewRow], *, at: int) -> int: ...

    def get(self, id_: str) -> Experiment: ...

    def listed(self, *, limit: int) -> list[Experiment]: ...

    def take(self, id_: str, *, runner: str, evaluators: Mapping[str, str], instead_of: str | None) -> Experiment: ...

    def renew(self, id_: str, *, runner: str) -> str | None: ...

    def release(self, id_: str, *, runner: str, ending: Ending) -> Experiment: ...

    def want(self, id_: str, *, what: str) -> Experiment: ...

    def ledger(self, id_: str, *, runner: str) -> Ledger: ...

    def rows(self, id_: str) -> Rows: ...

    def summary(self, id_: str) -> Summary: ...

    def worst(self, id_: str, summary: Summary) -> list[WorstRows]:
        """The rows that a report names."""
        ...

    def cells(self, id_: str, *, failed: bool | None = None, cursor: str | None = None) -> CellPage: ...

    def export(self, id_: str, *, form: str) -> Iterable[bytes]: ...

    def prompt(self, reference: str) -> CompiledPrompt: ...

    def calibrate(self, name: str, new: NewCalibration) -> CalibrationRecord:
        """Hold a judge against people's labels, and keep the report."""
        ...

    @property
    def records(self) -> Callable[[str], bytes] | None:
        """Reads the JSON of a trace; None where there are no records."""
        ...

    def close(self) -> None: ...


def check_evaluator(definition: dict[str, Any], field: str) -> None:
    """Refuse a definition that no evaluator can be made of. Raises `InvalidInput`."""
    check(definition, field=field)


class _User:
    """Who works on the file."""

    kind = "system"
    id = ""
    name = "local"
    user = None

    def may(self, _permission: str, _project: str, /) -> bool:
        return True


class LocalPlace:
    """Experiments in a SQLite file, for runs without a console.

    Args:
        path: The file; it is made when it is missing.
        clock: Where time comes from.
        ids: Where ids come from.
    """

    records = None

    def __init__(self, path: Path, *, clock: Clock, ids: Ids) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.name = str(path)
        self._metadata: Metadata = open_metadata(path)
        self._experiments = Experiments(self._metadata, clock=clock, ids=ids, evaluator=check_evaluator, rule=parse)
        self._calibrations = Calibrations(self._metadata, clock=clock, ids=ids)
        self._results = Results(self._experiments, standing=self._calibrations.standing)
        self._user = _User()

    def create(self, spec: ExperimentSpec, *, cache: bool) -> Experiment:
        return self._experiments.create(self._user, LOCAL, spec, cache=cache)

    def add_rows(self, id_: str, rows: Sequence[NewRow], *, at: int) -> int:
        return self._experiments.add_rows(LOCAL, id_, rows, at=at)

    def get(self, id_: str) -> Experiment:
        return self._experiments.get(LOCAL, id_)

    def listed(self, *, limit: int) -> list[Experiment]:
        return self._experiments.listed(LOCAL, cursor=None, limit=limit)[0]

    def take(self, id_: str, *, runner: str, evaluators: Mapping[str, str], instead_of: str | None) -> Experiment:
        return self._experiments.take(
            self._user, LOCAL, id_, runner=runner, evaluators=evaluators, instead_of=instead_of
        )

    def renew(self, id_: str, *, runner: str) -> str | None:
        return self._experiments.records(LOCAL, id_, runner=runner).renew()

    def release(self, id_: str, *, runner: str, ending: Ending) -> Experiment:
        return self._experiments.release(LOCAL, id_, runner=runner, ending=ending)

    def want(self, id_: str, *, what: str) -> Experiment:
        return self._experiments.want(self._user, LOCAL, id_, what=what)

    def ledger(self, id_: str, *, runner: str) -> Ledger:
        return StoreLedger(self._experiments.records(LOCAL, id_, runner=runner))

    def rows(self, id_: str) -> Rows:
        return StoreRows(self._experiments.records(LOCAL, id_, runner=None))

    def summary(self, id_: str) -> Summary:
        return self._results.summary(LOCAL, id_)

    def worst(self, id_: str, summary: Summary) -> list[WorstRows]:
        return worst_rows(lambda terms: self._results.differences(LOCAL, id_, terms), summary)

    def cells(self, id_: str, *, failed: bool | None = None, cursor: str | None = None) -> CellPage:
        return self._results.cells(LOCAL, id_, failed=failed, cursor=cursor)

    def export(self, id_: str, *, form: str) -> Iterable[bytes]:
        return self._results.export(LOCAL, id_, form="csv" if form == "csv" else "jsonl")

    def prompt(self, reference: str) -> CompiledPrompt:
        raise InvalidInput(
            f"The prompt {reference} lies in a registry, and this run has no console.",
            hint="Name a console with --url, or write the prompt as messages into the experiment.",
            code="no_registry",
        )

    def calibrate(self, name: str, new: NewCalibration) -> CalibrationRecord:
        return self._calibrations.calibrate(self._user, LOCAL, name, new)

    def written(self, name: str, new: NewCalibration) -> WrittenCalibration:
        """Labels as they are written into a file, with the judge's verdicts beside them."""
        return self._calibrations.written(self._user, LOCAL, name, new)[0]

    def keep(self, calibrations: Iterable[WrittenCalibration]) -> None:
        """Keep what a file says of judges."""
        for one in calibrations:
            self._calibrations.keep(self._user, LOCAL, one)

    def close(self) -> None:
        self._metadata.close()


class ConsolePlace:
    """Experiments of a project, in a console.

    Args:
        client: Speaks to it.
        project: Name or id; None: the key's own.
    """

    def __init__(self, client: ControlClient, project: str | None) -> None:
        self.name = client.url
        self._client = client
        self._project = project
        self._query = {"project": project}

    @property
    def records(self) -> Callable[[str], bytes]:
        return console_records(self._client, self._project)

    def create(self, spec: ExperimentSpec, *, cache: bool) -> Experiment:
        return self._post(Experiment, path_of("experiments"), {"spec": spec, "cache": cache})

    def add_rows(self, id_: str, rows: Sequence[NewRow], *, at: int) -> int:
        return self._post(_Count, path_of("experiments", id_, "rows"), {"rows": rows, "at": at}).rows

    def get(self, id_: str) -> Experiment:
        return msgspec.json.decode(self._client.get(path_of("experiments", id_), self._query), type=Experiment)

    def listed(self, *, limit: int) -> list[Experiment]:
        data = self._client.get(path_of("experiments"), {**self._query, "limit": limit})
        return msgspec.json.decode(data, type=_Page).items

    def take(self, id_: str, *, runner: str, evaluators: Mapping[str, str], instead_of: str | None) -> Experiment:
        body = {"runner": runner, "evaluators": dict(evaluators), "instead_of": instead_of}
        return self._post(Experiment, path_of("experiments", id_, "take"), body)

    def renew(self, id_: str, *, runner: str) -> str | None:
        return self._post(_Renewed, path_of("experiments", id_, "renew"), {"runner": runner}).wanted

    def release(self, id_: str, *, runner: str, ending: Ending) -> Experiment:
        body = {"runner": runner, "state": ending.state, "reason": ending.reason}
        return self._post(Experiment, path_of("experiments", id_, "release"), body)

    def want(self, id_: str, *, what: str) -> Experiment:
        return self._post(Experiment, path_of("experiments", id_, what), None)

    def start(self, id_: str) -> Experiment:
        """Have the console run it."""
        return self._post(Experiment, path_of("experiments", id_, "start"), None)

    def ledger(self, id_: str, *, runner: str) -> Ledger:
        return RemoteLedger(self._client, id_, runner=runner, project=self._project)

    def rows(self, id_: str) -> Rows:
        return RemoteRows(self._client, id_, project=self._project)

    def summary(self, id_: str) -> Summary:
        data = self._client.get(path_of("experiments", id_, "summary"), self._query)
        return msgspec.json.decode(data, type=Summary)

    def worst(self, id_: str, summary: Summary) -> list[WorstRows]:
        path = path_of("experiments", id_, "differences")

        def asked(terms: DifferenceTerms) -> RowDifferencePage:
            query = {name: getattr(terms, name) for name in ("metric", "variant", "order", "change", "limit")}
            return msgspec.json.decode(self._client.get(path, {**self._query, **query}), type=RowDifferencePage)

        return worst_rows(asked, summary)

    def cells(self, id_: str, *, failed: bool | None = None, cursor: str | None = None) -> CellPage:
        asked = {**self._query, "cursor": cursor, "failed": None if failed is None else str(failed).lower()}
        return msgspec.json.decode(self._client.get(path_of("experiments", id_, "cells"), asked), type=CellPage)

    def export(self, id_: str, *, form: str) -> Iterable[bytes]:
        return self._client.download(path_of("experiments", id_, "export"), {**self._query, "format": form})

    def prompt(self, reference: str) -> CompiledPrompt:
        asked = parse_prompt_ref(reference)
        # The API writes a folder's slash as a colon.
        path = path_of("prompts", asked.name.replace("/", ":"))
        chosen = {"label": asked.label} if asked.label is not None else {"version": asked.selector}
        data = self._client.get(path, {"project": asked.project or self._project, **chosen})
        return msgspec.json.decode(data, type=_Served).compiled

    def calibrate(self, name: str, new: NewCalibration) -> CalibrationRecord:
        # The API writes a folder's slash as a colon.
        return self._post(CalibrationRecord, path_of("evaluators", name.replace("/", ":"), "calibrations"), new)

    def close(self) -> None:
        """Nothing is held open."""

    def _post(self, type_: type[Any], path: str, body: object) -> Any:
        return msgspec.json.decode(self._client.post(path, body, self._query), type=type_)


class _Page(msgspec.Struct):
    items: list[Experiment]


class _Count(msgspec.Struct):
    rows: int


class _Served(msgspec.Struct):
    compiled: CompiledPrompt


class _Renewed(msgspec.Struct):
    wanted: str | None = None
