"""Experiments kept in a console, over its API: what is sent, and what a run makes of it."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from experiments_harness import Lab
from penstock.evals.experiments import ledger
from penstock.evals.experiments.ledger import BeginRequest, FinishRequest, LookRequest, RemoteLedger, RemoteRows
from penstock.evals.experiments.places import LOCAL, ConsolePlace
from penstock.evals.experiments.service import NewRow
from penstock.evals.experiments.types import Cell, CellResult, Ending, ExperimentSpec, Output
from penstock.wire.prompts import CompiledPrompt, read_prompt


class Api:
    """A `ControlClient` whose console is the file of a lab."""

    url = "http://console"

    def __init__(self, lab: Lab) -> None:
        self._place = lab.place
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def get(self, path: str, query: dict[str, Any]) -> bytes:
        kind, id_, what = self._noted(path, query)
        place = self._place
        if kind == "prompts":
            body = {"messages": [{"role": "user", "content": id_}]}
            found: Any = {"compiled": CompiledPrompt(name=id_, version=1, digest="d", prompt=read_prompt(body))}
        elif not id_:
            found = {"items": place.listed(limit=query["limit"])}
        elif what == "rows":
            rows, after = place._experiments.rows(LOCAL, id_, cursor=query["cursor"], limit=query["limit"])
            found = {"items": rows, "next_cursor": after}
        elif what == "cells":
            found = place.cells(id_, failed={"true": True, "false": False, None: None}[query["failed"]])
        else:
            found = place.summary(id_) if what == "summary" else place.get(id_)
        return msgspec.json.encode(found)

    def post(self, path: str, body: Any, query: dict[str, Any]) -> bytes:
        _, id_, what = self._noted(path, query)
        sent = msgspec.json.encode(body)
        place, given = self._place, msgspec.json.decode(sent)
        if not id_:
            found: Any = place.create(msgspec.convert(given["spec"], ExperimentSpec), cache=given["cache"])
        elif what == "rows":
            found = {"rows": place.add_rows(id_, msgspec.convert(given["rows"], list[NewRow]), at=given["at"])}
        elif what == "take":
            found = place.take(id_, **given)
        elif what == "renew":
            found = {"wanted": place.renew(id_, runner=given["runner"])}
        elif what == "release":
            ending = msgspec.convert({"state": given["state"], "reason": given["reason"]}, Ending)
            found = place.release(id_, runner=given["runner"], ending=ending)
        elif what in {"pause", "cancel"}:
            found = place.want(id_, what=what)
        elif what == "start":
            found = place._experiments.start(place._user, LOCAL, id_)
        else:
            found = self._recorded(id_, what, sent)
        return msgspec.json.encode(found)

    def download(self, path: str, query: dict[str, Any]) -> Iterator[bytes]:
        _, id_, _ = self._noted(path, query)
        yield from self._place.export(id_, form=query["format"])

    def _recorded(self, id_: str, what: str, sent: bytes) -> Any:
        if what == "look":
            look = msgspec.json.decode(sent, type=LookRequest)
            records = self._place._experiments.records(LOCAL, id_, runner=None)
            return {"cells": records.look(look.cells, look.evaluators), "outputs": records.kept(look.keys)}
        data = msgspec.json.decode(sent, type=BeginRequest if what == "begin" else FinishRequest)
        records = self._place._experiments.records(LOCAL, id_, runner=data.runner)
        if isinstance(data, BeginRequest):
            return {"items": records.begin(data.calls)}
        records.finish(data.results)
        records.keep(data.outputs)
        return {"rows": len(data.results)}

    def _noted(self, path: str, query: dict[str, Any]) -> tuple[str, str, str]:
        self.asked.append((path, query))
        kind, id_, what = [*path.removeprefix("/api/v1/").split("/"), "", ""][:3]
        return kind, id_, what


@pytest.fixture
def api(lab: Lab) -> Api:
    return Api(lab)


@pytest.fixture
def console(api: Api) -> ConsolePlace:
    return ConsolePlace(api, "p")  # type: ignore[arg-type] - what it uses of one


async def test_a_run_over_the_api_does_what_a_run_in_a_file_does(lab: Lab, api: Api, console: ConsolePlace):
    made = console.create(lab.spec(), cache=False)
    assert console.add_rows(made.id, [NewRow(input=f"q{n}", reference="q1") for n in range(450)], at=0) == 450
    in_file, lab.place = lab.place, console
    try:
        ending, ended = await lab.run(console.get(made.id))
    finally:
        lab.place = in_file
    assert (ending.state, ended.state, ended.counts.done) == ("done", "done", 450)
    assert len(lab.provider.asked) == len(set(lab.provider.asked)) == 450
    assert console.summary(made.id).variants[0].done == 450
    assert len(console.cells(made.id).items) == 100
    assert console.cells(made.id, failed=True).items == []
    assert sum(len(piece.splitlines()) for piece in console.export(made.id, form="jsonl")) == 450
    assert [one.id for one in console.listed(limit=5)] == [made.id]
    assert all(query["project"] == "p" for _, query in api.asked)
    console.close()


def test_what_is_wanted_of_a_run_reaches_who_runs_it(lab: Lab, console: ConsolePlace):
    made = lab.made(2)
    console.take(made.id, runner="x", evaluators={}, instead_of=None)
    assert console.renew(made.id, runner="x") is None
    console.want(made.id, what="pause")
    assert console.renew(made.id, runner="x") == "pause"
    assert console.release(made.id, runner="x", ending=Ending(state="paused")).state == "paused"
    assert console.start(made.id).state == "waiting"


def test_a_prompt_is_asked_for_by_label_or_version_in_its_own_project(api: Api, console: ConsolePlace):
    for reference, chosen in (("a/b@live", {"label": "live"}), ("a/b@3", {"version": "3"})):
        assert console.prompt(reference).version == 1
        path, query = api.asked[-1]
        assert (path, query["project"]) == ("/api/v1/prompts/a%3Ab", "p")
        assert chosen.items() <= query.items()


async def test_what_is_too_large_for_one_request_is_sent_in_several(lab: Lab, api: Api, monkeypatch):
    monkeypatch.setattr(ledger, "MOST_BYTES", 1000)
    made = lab.made(6)
    lab.place.take(made.id, runner="x", evaluators={}, instead_of=None)
    remote = RemoteLedger(api, made.id, runner="x", project=None)  # type: ignore[arg-type] - as above
    cells = [Cell(position=n, variant="a", repetition=0, key=f"k{n}", reference="r") for n in range(6)]
    await remote.finish([CellResult(cell=cell, output=Output(text="x" * 250)) for cell in cells])
    await remote.keep([(f"j{n}", Output(text="y" * 700)) for n in range(3)])
    assert len(api.asked) == 3 + 3
    assert [one.done for one in await remote.look(cells, [])] == [True] * 6
    assert [one is not None for one in await remote.kept(["j0", "j2", "j9"])] == [True, True, False]
    await remote.finish([])
    assert lab.place.get(made.id).counts.done == 6


async def test_rows_come_some_at_a_time_until_there_are_no_more(lab: Lab, api: Api):
    made, empty = lab.made(5), lab.made([])
    for experiment, sizes in ((made, [2, 2, 1]), (empty, [])):
        rows = RemoteRows(api, experiment.id, project=None, chunk=2)  # type: ignore[arg-type] - as above
        assert [len(some) async for some in rows.chunks()] == sizes
