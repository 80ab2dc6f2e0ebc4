"""`penstock apply`: bring the routes and limits of the control API to what a file says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from penstock.cli.client import ControlClient, connect, path_of
from penstock.cli.definitions import CommentOption, Kind, changes, place_of, problems, read_tree
from penstock.cli.options import HomeOption, JsonOption, KeyOption, UrlOption
from penstock.cli.output import Exit, print_data, print_json, say
from penstock.cli.records import DefinitionRow, Page, ProposalRow, decode
from penstock.core.errors import InvalidInput

__all__ = ["app"]

app = typer.Typer()
IGNORED = frozenset({"version"})


@dataclass(frozen=True)
class Wanted:
    """One route or limit that the file asks for."""

    kind: Kind
    name: str
    body: dict[str, Any]
    place: Mapping[str, str | None]


@dataclass(frozen=True)
class Planned:
    wanted: Wanted
    proposal: ProposalRow


@app.command("apply")
def apply(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Sections routes and limits, as in penstock.yaml; - is stdin."),
    ],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; exit with 1 when something would change.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete what was written here before and the file does not name.")
    ] = False,
    comment: CommentOption = "",
    project: Annotated[
        str | None,
        typer.Option(
            "--project",
            metavar="PROJECT",
            show_default=False,
            help="Where entries that name no project hold. Default: in all projects, as in penstock.yaml.",
        ),
    ] = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the routes and limits of the control API to what a file says, and show what changes.

    Applying the same file again changes nothing. What the file does not name stays, but for --prune. A dry run looks at
    each entry by itself, so that it refuses a route whose judge the same file would bring.
    """
    tree = read_tree(file)
    wanted = list(_wanted(tree, project))
    client = connect(home, url, key)
    done, refused = _settle(client, wanted, comment=comment, dry_run=dry_run)
    spare: list[Wanted] = []
    if prune and not refused:
        spare = list(_spare(client, wanted, tree, project))
        for one in spare:
            if not dry_run:
                client.delete(path_of(f"{one.kind}s", one.name), {**one.place, "comment": comment or None})
    _tell(done, refused, spare, as_json=as_json)
    if refused or (dry_run and (spare or any(one.proposal.differences for one in done))):
        raise typer.Exit(Exit.NO)


def _wanted(tree: Mapping[str, Any], project: str | None) -> Iterator[Wanted]:
    others = [name for name in tree if name not in {"routes", "limits", *IGNORED} and not name.startswith("x-")]
    if others:
        raise InvalidInput(
            f"Only routes and limits can be applied, and the file has: {', '.join(others)}.",
            hint="The other sections are read from penstock.yaml itself.",
        )
    routes: Any = {} if tree.get("routes") is None else tree["routes"]
    limits: Any = [] if tree.get("limits") is None else tree["limits"]
    if not isinstance(routes, dict) or not isinstance(limits, list):
        raise InvalidInput("expected routes as a mapping of names, and limits as a list.", field="routes")
    for name, body in cast("dict[str, Any]", routes).items():
        yield _one("route", name, body, project)
    for index, body in enumerate(cast("list[Any]", limits)):
        name: Any = cast("dict[str, Any]", body).get("name") if isinstance(body, dict) else None
        if not isinstance(name, str):
            raise InvalidInput("expected a limit with a name.", field=f"limits[{index}].name")
        yield _one("limit", name, body, project)


def _one(kind: Kind, name: str, body: Any, project: str | None) -> Wanted:
    if not isinstance(body, dict):
        raise InvalidInput(f"expected a mapping for the {kind} {name}.", field=f"{kind}s.{name}")
    said = cast("dict[str, Any]", body)
    where = said.get("project") or project
    return Wanted(kind, name, said, place_of(where, everywhere=where is None))


def _settle(
    client: ControlClient, wanted: list[Wanted], *, comment: str, dry_run: bool
) -> tuple[list[Planned], list[Planned]]:
    """Write what can be written until nothing more can: a route may need another one of the file as its judge."""
    done: list[Planned] = []
    waiting = wanted
    while True:
        refused: list[Planned] = []
        for one in waiting:
            proposal = decode(client.post(path_of(f"{one.kind}s", one.name, "diff"), one.body, one.place), ProposalRow)
            (done if proposal.valid else refused).append(Planned(one, proposal))
            if proposal.valid and proposal.differences and not dry_run:
                client.put(path_of(f"{one.kind}s", one.name), one.body, {**one.place, "comment": comment or None})
        if dry_run or not refused or len(refused) == len(waiting):
            return done, refused
        waiting = [one.wanted for one in refused]


def _spare(
    client: ControlClient, wanted: list[Wanted], tree: Mapping[str, Any], project: str | None
) -> Iterator[Wanted]:
    """What was written here, in the place that the file is for, and the file does not name."""
    kinds: tuple[Kind, ...] = ("route", "limit")
    for kind in kinds:
        if f"{kind}s" not in tree:
            continue
        named = {one.name for one in wanted if one.kind == kind}
        found = decode(client.get(path_of(f"{kind}s"), {"project": project}), Page[DefinitionRow]).items
        for row in found:
            here = (row.project is None) == (project is None)
            if row.source == "api" and here and row.name not in named:
                yield Wanted(kind, row.name, row.definition, place_of(project, everywhere=project is None))


def _tell(done: list[Planned], refused: list[Planned], spare: list[Wanted], *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "changes": [_record(one) for one in done if one.proposal.differences],
                "refused": [_record(one) for one in refused],
                "deleted": [{"kind": one.kind, "name": one.name} for one in spare],
            }
        )
        return
    for planned in done:
        one = planned.wanted
        for line in changes(planned.proposal):
            print_data(f"{line[:2]}{one.kind}s.{one.name}.{line[2:]}")
    for gone in spare:
        print_data(f"- {gone.kind}s.{gone.name}")
    for planned in refused:
        for line in problems(planned.proposal):
            say(f"{planned.wanted.kind}s.{planned.wanted.name}: {line}")
    if not refused and not spare and not any(planned.proposal.differences for planned in done):
        say("Nothing changes: everything is as the file says.")


def _record(planned: Planned) -> dict[str, Any]:
    proposal = planned.proposal
    return {
        "kind": planned.wanted.kind,
        "name": planned.wanted.name,
        "differences": proposal.differences,
        "problems": proposal.problems,
    }
