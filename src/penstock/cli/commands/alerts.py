"""`penstock alerts`: rules, their states and history, silences and channels."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from penstock.cli.alerting import apply_file, delete, find, specs
from penstock.cli.client import connect, path_of
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, UrlOption
from penstock.cli.output import (
    Exit,
    format_time,
    json_lines,
    one_line,
    parse_duration,
    print_data,
    print_json,
    print_table,
    say,
)
from penstock.cli.records import Page, decode
from penstock.core.clock import SystemClock
from penstock.core.errors import InvalidInput

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name or id of the alert.", show_default=False)]
File = Annotated[
    Path, typer.Argument(metavar="FILE", help="YAML or JSON with a list under alerts; - is the standard input.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing; exit with 1 when something would change.")]


class _Rule(msgspec.Struct):
    id: str
    spec: dict[str, Any]
    state: str
    firing: int
    evaluated: int | None = None
    error: str | None = None


class _State(msgspec.Struct):
    name: str
    state: str
    since: int
    labels: dict[str, str]
    value: float | None = None
    reason: str = ""
    silenced_by: str | None = None
    inhibited: bool = False


class _Change(msgspec.Struct):
    at: int
    name: str
    labels: dict[str, str]
    before: str
    after: str
    reason: str = ""


class _Firing(msgspec.Struct):
    fired: int
    resolved: int | None = None
    reason: str = ""


class _Series(msgspec.Struct):
    labels: dict[str, str]
    firings: list[_Firing]


class _BackTest(msgspec.Struct):
    evaluations: int
    firings: int
    step: int
    series: list[_Series]


class _Channel(msgspec.Struct):
    id: str
    name: str
    kind: str
    last_sent: int | None = None
    last_error: str | None = None
    used_by: list[str] = []
    secret: str | None = None


class _Sent(msgspec.Struct):
    sent: bool
    error: str | None = None


class _Silence(msgspec.Struct):
    id: str
    state: str
    matchers: list[dict[str, str]]
    starts: int
    ends: int
    comment: str
    created_by: str


@app.command("list")
def list_alerts(
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List alert rules with their worst state."""
    data = connect(home, url, key).get(path_of("alerts"), {"project": project})
    if as_json:
        print_json(data)
        return
    rows = decode(data, Page[_Rule]).items
    cells = [
        [
            str(row.spec.get("name", "")),
            row.state,
            str(row.firing),
            str(row.spec.get("severity", "")),
            str(row.spec.get("condition", {}).get("kind", "")),
            format_time(row.evaluated),
            one_line(row.error),
        ]
        for row in rows
    ]
    print_table(["name", "state", "firing", "severity", "condition", "evaluated", "error"], cells, right=["firing"])


@app.command("show")
def show_alert(
    name: Name,
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one rule as it was written."""
    client = connect(home, url, key)
    found = find(client, "alerts", name, project)
    if as_json:
        print_json(client.get(path_of("alerts", found.id), {"project": project}))
        return
    print_data(json_lines(found.spec))


@app.command("apply")
def apply_alerts(
    file: File,
    *,
    dry_run: DryRun = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the rules of a file, by their names. Rules that are not in it are left alone."""
    client = connect(home, url, key)
    wanted = specs(file, "alerts")
    changed = apply_file(client, "alerts", wanted, project=project, dry_run=dry_run, as_json=as_json)
    if dry_run and changed:
        raise typer.Exit(Exit.NO)


@app.command("defaults")
def default_alerts(
    *,
    channel: Annotated[list[str] | None, typer.Option("--channel", help="Who is told; may be repeated.")] = None,
    score: Annotated[
        str | None, typer.Option("--score", help="Score from 0 to 1 that tells of quality.", show_default=False)
    ] = None,
) -> None:
    """Print rules that fit most projects, for `penstock alerts apply`."""
    from penstock.alerts.rules.defaults import default_rules  # noqa: PLC0415 - loads numpy, needed here only

    rules = default_rules(channels=channel, score=score)
    print_json({"alerts": [_written(msgspec.to_builtins(rule)) for rule in rules]})


@app.command("test")
def try_alert(
    file: File,
    *,
    days: Annotated[int, typer.Option("--days", help="How far back, 1 to 31.")] = 7,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say when the rules of a file would have fired over the last days. Writes nothing."""
    client = connect(home, url, key)
    answers: list[Any] = []
    for spec in specs(file, "alerts"):
        data = client.post(path_of("alerts", "test"), spec, {"project": project, "days": days})
        answers.append({"name": spec["name"], **msgspec.json.decode(data)})
        if as_json:
            continue
        found = decode(data, _BackTest)
        say(f"{spec['name']}: {found.firings} times in {days} days, evaluated every {found.step} s.")
        rows = [
            [
                str(spec["name"]),
                _group(one.labels),
                format_time(firing.fired),
                format_time(firing.resolved),
                firing.reason,
            ]
            for one in found.series
            for firing in one.firings
        ]
        print_table(["alert", "group", "fired", "resolved", "reason"], rows)
    if as_json:
        print_json(answers)


@app.command("delete")
def delete_alert(
    name: Name,
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a rule. Its history stays."""
    delete(connect(home, url, key), "alerts", name, project=project, as_json=as_json)


@app.command("states")
def list_states(
    *,
    firing: Annotated[bool, typer.Option("--firing", help="Only what fires; exit with 1 when anything does.")] = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List where each group of each rule and objective stands."""
    query = {"project": project, "active": "true" if firing else None}
    data = connect(home, url, key).get(path_of("alerts", "states"), query)
    rows = decode(data, Page[_State]).items
    if as_json:
        print_json(data)
    else:
        cells = [
            [row.name, _group(row.labels), row.state + _quiet(row), format_time(row.since), one_line(row.reason)]
            for row in rows
        ]
        print_table(["alert", "group", "state", "since", "reason"], cells)
    if firing and rows:
        raise typer.Exit(Exit.NO)


@app.command("history")
def list_history(
    *,
    limit: Annotated[int, typer.Option("--limit", help="Changes at most, 1 to 200.")] = 50,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List changes of state, newest first."""
    data = connect(home, url, key).get(path_of("alerts", "history"), {"project": project, "limit": limit})
    if as_json:
        print_json(data)
        return
    rows = decode(data, Page[_Change]).items
    cells = [
        [format_time(row.at), row.name, _group(row.labels), f"{row.before} → {row.after}", one_line(row.reason)]
        for row in rows
    ]
    print_table(["at", "alert", "group", "change", "reason"], cells)


@app.command("silences")
def list_silences(
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List silences, newest first."""
    data = connect(home, url, key).get(path_of("silences"), {"project": project})
    if as_json:
        print_json(data)
        return
    cells = [
        [row.id, row.state, " ".join(_matcher(one) for one in row.matchers), format_time(row.ends), row.created_by]
        for row in decode(data, Page[_Silence]).items
    ]
    print_table(["id", "state", "alerts", "until", "by"], cells)


@app.command("silence")
def silence(
    matchers: Annotated[
        list[str], typer.Argument(metavar="LABEL=VALUE…", help="Alerts with all of these labels; =~ for a pattern.")
    ],
    *,
    duration: Annotated[str, typer.Option("--for", metavar="DURATION", help="For how long, as 2h.")] = "2h",
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why.")] = "from the command line",
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell nobody of some alerts for a while."""
    ends = SystemClock().now() + parse_duration(duration, option="--for")
    body = {"matchers": [_parsed(text) for text in matchers], "ends": ends, "comment": comment}
    data = connect(home, url, key).post(path_of("silences"), body, {"project": project})
    if as_json:
        print_json(data)
    else:
        print_data(decode(data, _Silence).id)
        say(f"Silent until {format_time(ends)}.")


@app.command("unsilence")
def unsilence(
    silence_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the silence.", show_default=False)],
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a silence now."""
    connect(home, url, key).delete(path_of("silences", silence_id), {"project": project})
    if as_json:
        print_json({"id": silence_id, "ended": True})
    else:
        say("The silence has ended.")


@app.command("channels")
def list_channels(
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the channels that can be told, without their addresses."""
    data = connect(home, url, key).get(path_of("channels"), {"project": project})
    if as_json:
        print_json(data)
        return
    cells = [
        [row.name, row.kind, format_time(row.last_sent), ", ".join(row.used_by), one_line(row.last_error)]
        for row in decode(data, Page[_Channel]).items
    ]
    print_table(["name", "kind", "last sent", "used by", "error"], cells)


@app.command("add-channel")
def add_channel(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new channel.", show_default=False)],
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a channel. Its address is read from standard input: slack://…, mailtos://…, https://… for a webhook."""
    address = typer.prompt("Address", hide_input=True, err=True).strip()
    data = connect(home, url, key).post(path_of("channels"), {"name": name, "url": address}, {"project": project})
    if as_json:
        print_json(data)
        return
    made = decode(data, _Channel)
    print_data(made.id)
    if made.secret is not None:
        say(f"Its requests are signed with {made.secret}, which is shown only now.")
    say(f"Try it: penstock alerts test-channel {made.name}")


@app.command("test-channel")
def try_channel(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the channel.", show_default=False)],
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a notification that says it is a test; exit with 1 when it could not be sent."""
    client = connect(home, url, key)
    query = {"project": project}
    channels = decode(client.get(path_of("channels"), query), Page[_Channel]).items
    found = next((one for one in channels if name in {one.name, one.id}), None)
    if found is None:
        known = ", ".join(one.name for one in channels) or "none yet"
        raise InvalidInput(f"There is no channel {name!r}; there are: {known}.")
    data = client.post(path_of("channels", found.id, "test"), None, query)
    answer = decode(data, _Sent)
    if as_json:
        print_json(data)
    else:
        say("It was sent." if answer.sent else f"It could not be sent: {answer.error}")
    if not answer.sent:
        raise typer.Exit(Exit.NO)


def _group(labels: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in labels.items() if name not in {"alert", "severity"})


def _quiet(row: _State) -> str:
    if row.silenced_by is not None:
        return " (silenced)"
    return " (inhibited)" if row.inhibited else ""


def _matcher(one: dict[str, str]) -> str:
    return f"{one.get('label', '')}{one.get('op', '=')}{one.get('value', '')}"


def _parsed(text: str) -> dict[str, str]:
    """`route=search`, `route!=search`, `route=~sea.*`, `route!~sea.*`."""
    for op in ("!=", "=~", "!~", "="):
        label, found, value = text.partition(op)
        if found and label and not label.endswith(("!", "=", "~")):
            return {"label": label, "op": op, "value": value}
    raise InvalidInput(f"Expected LABEL=VALUE, got {text!r}.")


def _written(spec: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty, for people to read."""
    return {name: value for name, value in spec.items() if value not in (None, [], {}, "")}
