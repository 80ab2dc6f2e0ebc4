"""`penstock incidents`: what went wrong, who takes care, what was done."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from penstock.cli.client import ControlClient, connect, path_of
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, UrlOption
from penstock.cli.output import format_time, one_line, print_data, print_json, print_table, say
from penstock.cli.records import Page, decode
from penstock.core.errors import InvalidInput

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

State = Literal["open", "acknowledged", "mitigated", "resolved"]
Severity = Literal["sev1", "sev2", "sev3", "sev4"]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="Number of the incident.", show_default=False)]


class _Step(msgspec.Struct):
    text: str
    done: int | None = None


class _Incident(msgspec.Struct):
    id: str
    number: int
    title: str
    state: str
    severity: str
    opened: int
    owner: str | None = None
    resolved: int | None = None
    runbook: str | None = None
    steps: list[_Step] = []


class _Event(msgspec.Struct):
    at: int
    by: str
    text: str


class _View(msgspec.Struct):
    incident: _Incident
    timeline: list[_Event]


class _Postmortem(msgspec.Struct):
    markdown: str
    version: int
    saved: int | None = None
    saved_by: str | None = None


@app.command("list")
def list_incidents(
    *,
    state: Annotated[State | None, typer.Option("--state", help="Only these.", show_default=False)] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List incidents, newest first."""
    data = connect(home, url, key).get(path_of("incidents"), {"project": project, "state": state})
    if as_json:
        print_json(data)
        return
    cells = [
        [str(row.number), row.severity, row.state, format_time(row.opened), row.owner or "-", one_line(row.title)]
        for row in decode(data, Page[_Incident]).items
    ]
    print_table(["number", "severity", "state", "opened", "owner", "title"], cells, right=["number"])


@app.command("show")
def show_incident(
    number: Number,
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show an incident with its run book and timeline."""
    client = connect(home, url, key)
    data = client.get(path_of("incidents", _id(client, number, project)), {"project": project})
    if as_json:
        print_json(data)
        return
    view = decode(data, _View)
    incident = view.incident
    print_data(f"{incident.number}  {incident.title}")
    print_data(
        f"{incident.severity}, {incident.state}, owner {incident.owner or 'nobody'}, {format_time(incident.opened)}"
    )
    if incident.runbook is not None:
        print_data(f"run book: {incident.runbook}")
    for index, step in enumerate(incident.steps):
        print_data(f"  [{'x' if step.done is not None else ' '}] {index}: {one_line(step.text)}")
    print_table(
        ["at", "by", "what"], [[format_time(event.at), event.by, one_line(event.text)] for event in view.timeline]
    )


@app.command("open")
def open_incident(
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What is wrong.", show_default=False)],
    *,
    severity: Annotated[Severity, typer.Option("--severity", help="How bad; sev1 is the worst.")] = "sev3",
    owner: Annotated[str | None, typer.Option("--owner", help="Who takes care.", show_default=False)] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open an incident by hand."""
    body = {"title": title, "severity": severity, "owner": owner}
    data = connect(home, url, key).post(path_of("incidents"), body, {"project": project})
    if as_json:
        print_json(data)
    else:
        print_data(str(decode(data, _Incident).number))


@app.command("update")
def update_incident(
    number: Number,
    *,
    state: Annotated[State | None, typer.Option("--state", help="Its new state.", show_default=False)] = None,
    severity: Annotated[Severity | None, typer.Option("--severity", help="How bad.", show_default=False)] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", help="Who takes care; empty for nobody.", show_default=False)
    ] = None,
    note: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="A note for the timeline.", show_default=False)
    ] = None,
    tick: Annotated[
        int | None, typer.Option("--tick", help="Step of the run book that is done.", show_default=False)
    ] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change an incident, add a note to it, tick off a step."""
    client = connect(home, url, key)
    id_ = _id(client, number, project)
    query = {"project": project}
    changes: dict[str, Any] = {"state": state, "severity": severity, "owner": owner}
    changes = {name: value for name, value in changes.items() if value is not None}
    if changes:
        client.patch(path_of("incidents", id_), changes, query)
    if note is not None:
        client.post(path_of("incidents", id_, "notes"), {"text": note}, query)
    if tick is not None:
        client.put(path_of("incidents", id_, "steps", str(tick)), {"done": True}, query)
    data = client.get(path_of("incidents", id_), query)
    if as_json:
        print_json(data)
    else:
        incident = decode(data, _View).incident
        say(f"Incident {incident.number}: {incident.state}, {incident.severity}, owner {incident.owner or 'nobody'}.")


@app.command("postmortem")
def postmortem(
    number: Number,
    *,
    draft: Annotated[bool, typer.Option("--draft", help="The draft with the facts as of now.")] = False,
    version: Annotated[
        int | None, typer.Option("--version", metavar="N", help="A version before the last.", show_default=False)
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save",
            metavar="FILE",
            show_default=False,
            help="Save this text; - is the standard input. Prints nothing.",
        ),
    ] = None,
    expect: Annotated[
        int | None,
        typer.Option(
            "--expect",
            metavar="N",
            show_default=False,
            help="With --save: only in the place of this version, 0 for none.",
        ),
    ] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the post-mortem in Markdown: the text saved last, or a draft with the facts in it; or save one."""
    if save is not None and (draft or version is not None):
        raise InvalidInput("--save writes a text; --draft and --version read one.", hint="Give one of them.")
    client = connect(home, url, key)
    path = path_of("incidents", _id(client, number, project), "postmortem")
    if save is not None:
        body = {"markdown": _text(save)}
        data = client.put(path, body, {"project": project}, if_match=None if expect is None else str(expect))
    else:
        data = client.get(path, {"project": project, "version": 0 if draft else version})
    text = decode(data, _Postmortem)
    if as_json:
        print_json(data)
    elif save is not None:
        say(f"Incident {number}: version {text.version} of its post-mortem.")
    else:
        print_data(text.markdown.rstrip("\n"))


def _text(path: Path) -> str:
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return data.decode()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.", field="--save") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 text.", field="--save") from error


def _id(client: ControlClient, number: int, project: str | None) -> str:
    query = {"project": project, "cursor": number + 1, "limit": 1}
    found = decode(client.get(path_of("incidents"), query), Page[_Incident]).items
    if not found or found[0].number != number:
        raise InvalidInput(f"There is no incident {number}.", hint="See: penstock incidents list")
    return found[0].id
