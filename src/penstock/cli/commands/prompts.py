"""`penstock prompts`: render, estimate, stubs. They are saved, labelled and compared by `penstock artifacts`."""

from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from penstock.cli.client import ControlClient, connect, path_of
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, UrlOption
from penstock.cli.output import clean, format_count, json_lines, print_data, print_json, print_table, say
from penstock.cli.prompt_stubs import stubs
from penstock.cli.records import Page, decode
from penstock.core.errors import InvalidInput, NotFound
from penstock.core.files import replace_file
from penstock.wire.prompts import DEFAULT_LABEL, CompiledPrompt

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

PAGE: Final = 200
NANO: Final = 1_000_000_000

NameArgument = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="A stored prompt; or --file.", show_default=False)
]
VersionOption = Annotated[
    str, typer.Option("--version", metavar="VERSION", help="A label, a number, sha256:…, or latest.")
]
FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file", metavar="FILE", show_default=False, help="A prompt that is not stored: Markdown with front matter."
    ),
]
VariableOption = Annotated[
    list[str] | None,
    typer.Option(
        "--var",
        metavar="NAME=TEXT",
        show_default=False,
        help="The value of a variable, repeatable. NAME:=JSON gives a number, a list, an object.",
    ),
]
VariablesOption = Annotated[
    Path | None,
    typer.Option("--vars", metavar="FILE", show_default=False, help="A JSON object of values by name."),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        show_default=False,
        help="provider/model to price it for. Default: the prompt's own.",
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", show_default=False, help="Write here. Default: standard output."),
]


class _Named(msgspec.Struct):
    name: str


class _Served(msgspec.Struct):
    compiled: CompiledPrompt


class _Preview(msgspec.Struct):
    text: str | None
    messages: list[dict[str, Any]]
    warnings: list[str]


class _Estimate(msgspec.Struct):
    input_tokens: int
    max_output_tokens: int | None
    model: str | None
    input_cost: int | None
    max_cost: int | None
    reason: str | None
    missing: list[str]


@app.command("render")
def render(
    name: NameArgument = None,
    *,
    version: VersionOption = DEFAULT_LABEL,
    file: FileOption = None,
    variables: VariableOption = None,
    values: VariablesOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a prompt becomes with these variables."""
    body = _request(name, version=version, file=file, values=_values(variables, values))
    data = connect(home, url, key).post(path_of("prompts", "render"), body, {"project": project})
    if as_json:
        print_json(data)
        return
    preview = decode(data, _Preview)
    if preview.text is not None:
        print_data(clean(preview.text))
    for message in preview.messages:
        content = message.get("content", "")
        rest = {each: value for each, value in message.items() if each not in ("role", "content")}
        print_data(f"# {message['role']}\n")
        print_data(clean(content if isinstance(content, str) else json_lines(content)) + "\n")
        if rest:
            print_data(f"{json_lines(rest)}\n")
    for warning in preview.warnings:
        say(warning)


@app.command("estimate")
def estimate(
    name: NameArgument = None,
    *,
    version: VersionOption = DEFAULT_LABEL,
    file: FileOption = None,
    variables: VariableOption = None,
    values: VariablesOption = None,
    model: ModelOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Estimate how long a prompt is and what it costs; variables without a value count as empty."""
    body = _request(name, version=version, file=file, values=_values(variables, values))
    answer = connect(home, url, key).post(
        path_of("prompts", "estimate"), {**body, "model": model}, {"project": project}
    )
    if as_json:
        print_json(answer)
        return
    found = decode(answer, _Estimate)
    print_table(
        ["tokens", "cost", "with the longest answer", "model"],
        [[format_count(found.input_tokens), _money(found.input_cost), _money(found.max_cost), found.model or "-"]],
        right=("tokens", "cost", "with the longest answer"),
    )
    if found.reason is not None:
        say(found.reason)
    if found.missing:
        say(f"Counted as empty: {', '.join(found.missing)}.")


@app.command("stubs")
def write_stubs(
    *,
    label: Annotated[str, typer.Option("--label", metavar="LABEL", help="Whose versions are meant.")] = DEFAULT_LABEL,
    out: OutOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Write a Python module in which a type checker finds every prompt with its variables."""
    client = connect(home, url, key)
    found: list[CompiledPrompt] = []
    for name in _names(client, project):
        try:
            data = client.get(path_of("prompts", name.replace("/", ":")), {"label": label, "project": project})
        except NotFound:
            say(f"{name} has no label {label}.")
            continue
        found.append(decode(data, _Served).compiled)
    source = stubs(found, label=label)
    if out is None:
        print_data(source.removesuffix("\n"))
        return
    try:
        replace_file(out, source.encode())
    except OSError as error:
        raise InvalidInput(f"--out: {out} cannot be written: {error.strerror}.", field="--out") from error
    say(f"{len(found)} prompts in {out}.")


def _names(client: ControlClient, project: str | None) -> list[str]:
    names: list[str] = []
    cursor: str | None = None
    while True:
        query = {"project": project, "limit": PAGE, "cursor": cursor, "sort": "name"}
        page = decode(client.get(path_of("artifacts", "prompt"), query), Page[_Named])
        names += [one.name for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return names


def _request(name: str | None, *, version: str, file: Path | None, values: dict[str, Any]) -> dict[str, Any]:
    if (name is None) == (file is None):
        raise InvalidInput("Expected either the NAME of a stored prompt or --file.", field="--file")
    if file is None:
        return {"name": name, "version": version, "variables": values}
    from penstock.registry.prompts.files import from_markdown  # noqa: PLC0415 - loads the YAML library

    return {"body": from_markdown(_read(file, "--file").decode("utf-8", "replace")), "variables": values}


def _values(given: list[str] | None, file: Path | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if file is not None:
        try:
            values = msgspec.json.decode(_read(file, "--vars"), type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise InvalidInput(f"--vars: {file} holds no JSON object: {error}.", field="--vars") from error
    for pair in given or ():
        name, equals, text = pair.partition("=")
        if not equals or not name.removesuffix(":"):
            raise InvalidInput(f"--var expects NAME=TEXT or NAME:=JSON, got {pair!r}.", field="--var")
        if not name.endswith(":"):
            values[name] = text
            continue
        try:
            values[name[:-1]] = msgspec.json.decode(text)
        except msgspec.MsgspecError as error:
            raise InvalidInput(f"--var {name}= expects JSON: {error}.", field="--var") from error
    return values


def _read(file: Path, option: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{option}: {file} cannot be read: {error.strerror}.", field=option) from error


def _money(nano: int | None) -> str:
    return "unknown" if nano is None else f"${nano / NANO:.6f}"
