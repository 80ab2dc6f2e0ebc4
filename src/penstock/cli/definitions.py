"""What `penstock routes`, `penstock limits` and `penstock apply` share: the same acts on routes and on limits."""

import io
import sys
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import typer

from penstock.cli.client import connect, path_of
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, UrlOption
from penstock.cli.output import Exit, format_time, print_data, print_json, print_table, say
from penstock.cli.records import DefinitionRow, Page, ProposalRow, decode
from penstock.core.errors import InvalidInput

__all__ = [
    "CommentOption",
    "EverywhereOption",
    "Kind",
    "changes",
    "definition_app",
    "place_of",
    "problems",
    "read_tree",
]

Kind = Literal["route", "limit"]
MAX_BYTES: Final = 1024 * 1024

EverywhereOption = Annotated[
    bool, typer.Option("--everywhere", help="Mean all projects, which needs a key that may write in all of them.")
]
CommentOption = Annotated[
    str, typer.Option("--comment", metavar="TEXT", show_default=False, help="Why, for the history.")
]


def definition_app(kind: Kind) -> typer.Typer:
    """The commands `list`, `show`, `set`, `delete` of one kind."""
    app = typer.Typer(no_args_is_help=True)
    for add in (_add_list, _add_show, _add_set, _add_delete):
        add(app, kind)
    return app


def _name(kind: Kind) -> Any:
    return typer.Argument(metavar="NAME", help=f"Name of the {kind}.", show_default=False)


def _add_list(app: typer.Typer, kind: Kind) -> None:
    @app.command("list", help=f"List the {kind}s that hold in a project: those of the file, and those written here.")
    def list_all(
        *,
        project: ProjectOption = None,
        home: HomeOption = None,
        url: UrlOption = None,
        key: KeyOption = None,
        as_json: JsonOption = False,
    ) -> None:
        data = connect(home, url, key).get(path_of(f"{kind}s"), {"project": project})
        if as_json:
            print_json(data)
            return
        rows = decode(data, Page[DefinitionRow]).items
        cells = [[row.name, row.project or "all", _where(row), _about(kind, row), _state(row)] for row in rows]
        print_table(["name", "project", "from", "strategy" if kind == "route" else "on", "state"], cells)

    del list_all  # the app has it


def _add_show(app: typer.Typer, kind: Kind) -> None:
    @app.command("show", help=f"Show a {kind} in the form of the configuration file.")
    def show(
        name: Annotated[str, _name(kind)],
        *,
        everywhere: EverywhereOption = False,
        project: ProjectOption = None,
        home: HomeOption = None,
        url: UrlOption = None,
        key: KeyOption = None,
        as_json: JsonOption = False,
    ) -> None:
        data = connect(home, url, key).get(path_of(f"{kind}s", name), place_of(project, everywhere=everywhere))
        if as_json:
            print_json(data)
            return
        row = decode(data, DefinitionRow)
        print_data(_yaml(row.definition).rstrip("\n"))
        say(f"{kind.capitalize()} {row.name}, {_where(row)}, {_state(row)}; project: {row.project or 'all'}.")

    del show  # the app has it


def _add_set(app: typer.Typer, kind: Kind) -> None:
    @app.command("set", help=f"Write a {kind} from a file, as it would stand in penstock.yaml, and show what changes.")
    def set_one(  # noqa: PLR0913 - a command's options are its arguments
        name: Annotated[str, _name(kind)],
        file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML or JSON; - is the standard input.")],
        *,
        comment: CommentOption = "",
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Change nothing; exit with 1 when something would change.")
        ] = False,
        everywhere: EverywhereOption = False,
        project: ProjectOption = None,
        home: HomeOption = None,
        url: UrlOption = None,
        key: KeyOption = None,
        as_json: JsonOption = False,
    ) -> None:
        body = read_tree(file)
        client = connect(home, url, key)
        place = place_of(project, everywhere=everywhere)
        data = client.post(path_of(f"{kind}s", name, "diff"), body, place)
        proposal = decode(data, ProposalRow)
        if not proposal.valid:
            if as_json:
                print_json(data)
            for line in problems(proposal):
                say(line)
            raise typer.Exit(Exit.NO)
        if not dry_run:
            data = client.put(path_of(f"{kind}s", name), body, {**place, "comment": comment or None})
        if as_json:
            print_json(data)
        else:
            for line in changes(proposal):
                print_data(line)
            if not proposal.differences:
                say(f"Nothing changes: the {kind} {name} is as the file says.")
        if dry_run and proposal.differences:
            raise typer.Exit(Exit.NO)

    del set_one  # the app has it


def _add_delete(app: typer.Typer, kind: Kind) -> None:
    @app.command("delete", help=f"Delete a {kind} that was written here. Its history stays.")
    def delete(
        name: Annotated[str, _name(kind)],
        *,
        comment: CommentOption = "",
        everywhere: EverywhereOption = False,
        project: ProjectOption = None,
        home: HomeOption = None,
        url: UrlOption = None,
        key: KeyOption = None,
        as_json: JsonOption = False,
    ) -> None:
        place = place_of(project, everywhere=everywhere)
        connect(home, url, key).delete(path_of(f"{kind}s", name), {**place, "comment": comment or None})
        if as_json:
            print_json({"name": name, "deleted": True})
        else:
            say(f"The {kind} {name} is deleted.")

    del delete  # the app has it


def read_tree(file: Path) -> dict[str, Any]:
    """The mapping that a YAML or JSON file holds.

    Raises:
        InvalidInput: it cannot be read, or holds no mapping.
        ConfigError: it is not YAML.
    """
    from penstock.registry.config.document import plain, read_document  # noqa: PLC0415 - the registry, when it is asked

    name = "standard input" if str(file) == "-" else str(file)
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1) if str(file) == "-" else file.read_bytes()
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{name} cannot be read as UTF-8 text: {error}.") from error
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{name} is larger than {MAX_BYTES // 1024} KiB.")
    root = read_document(text, file=name)
    tree = None if root is None else plain(root)
    if not isinstance(tree, dict):
        raise InvalidInput(f"{name} holds no mapping.", hint="Write it as it would stand in penstock.yaml.")
    return tree  # pyright: ignore[reportUnknownVariableType] - as it was written


def changes(proposal: ProposalRow) -> list[str]:
    """One line for each difference: `+ path: value`, `- path`, `~ path: old → new`."""
    from penstock.registry.config.diff import Difference, describe  # noqa: PLC0415 - as above

    return [describe(one) for one in msgspec.convert(proposal.differences, list[Difference])]


def problems(proposal: ProposalRow) -> list[str]:
    """One line for each reason why a proposal is refused."""
    return [
        f"{f'{one.field}: ' if one.field else ''}{one.message}{f' {one.hint}' if one.hint else ''}"
        for one in proposal.problems
    ]


def place_of(project: str | None, *, everywhere: bool) -> dict[str, str | None]:
    """Where a definition is meant, as query parameters."""
    return {"project": project, "everywhere": "true" if everywhere else None}


def _where(row: DefinitionRow) -> str:
    if row.source == "file":
        return f"{Path(row.file or 'the file').name}:{row.line}" if row.line else "the file"
    return f"{row.updated_by}, {format_time(row.updated)}"


def _about(kind: Kind, row: DefinitionRow) -> str:
    if kind == "limit":
        match = row.definition.get("match")
        return f"{row.definition.get('on')}{f' {match}' if match else ''}"
    strategy = row.definition.get("strategy")
    return next(iter(strategy), "") if isinstance(strategy, dict) else str(strategy)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - JSON


def _state(row: DefinitionRow) -> str:
    return "live" if row.served else f"not in force: {row.problem}"


def _yaml(tree: dict[str, Any]) -> str:
    from ruamel.yaml import YAML  # noqa: PLC0415 - as above

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # pyright: ignore[reportAttributeAccessIssue] - the definition's order
    out = io.StringIO()
    yaml.dump(tree, out)  # pyright: ignore[reportUnknownMemberType] - ruamel.yaml has no types here
    return out.getvalue()
