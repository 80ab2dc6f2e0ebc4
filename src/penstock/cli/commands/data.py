"""`penstock data`: delete, deletions, retention, disk."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import msgspec
import typer

from penstock.cli.client import ControlClient, connect, path_of
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, UrlOption
from penstock.cli.output import (
    Exit,
    format_count,
    format_time,
    one_line,
    parse_duration,
    print_json,
    print_table,
    say,
)
from penstock.cli.records import Page, decode
from penstock.core.clock import SystemClock
from penstock.core.errors import InvalidInput

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

POLL_SECONDS: Final = 0.5
DAY: Final = 86_400_000_000
FOREVER: Final = "forever"


class _Deletion(msgspec.Struct):
    id: str
    state: str
    requested: int
    requested_by: str
    total: int
    spans: int
    scores: int
    lines: int
    what: dict[str, Any] | None = None
    verified: bool | None = None
    error: str | None = None


class _Policy(msgspec.Struct):
    default: int | None = None
    kinds: dict[str, int | None] = {}
    scores: int | None = None


class _Retention(msgspec.Struct):
    policy: _Policy
    updated: int | None = None
    updated_by: str | None = None


@app.command("delete")
def delete(
    *,
    traces: Annotated[
        list[str] | None, typer.Option("--trace", metavar="ID", help="A trace; repeat for several.")
    ] = None,
    session: Annotated[str | None, typer.Option(metavar="ID", show_default=False, help="All traces of it.")] = None,
    user: Annotated[
        str | None,
        typer.Option(metavar="ID", show_default=False, help="All traces of an end user, by their id or its hash."),
    ] = None,
    of_key: Annotated[str | None, typer.Option(metavar="ID", show_default=False, help="All traces of a key.")] = None,
    query: Annotated[
        str | None,
        typer.Option("--query", "-q", metavar="TEXT", show_default=False, help="All traces that a search finds."),
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="DURATION", show_default=False, help="Only what is older, as 12h, 90d.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether it is meant.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is done.")] = True,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete traces with their scores, for good.

    All that is given must hold. With --older-than alone spans and scores go by their own age.
    """
    before = None
    if older_than is not None:
        before = SystemClock().now() - parse_duration(older_than, option="--older-than")
    given: dict[str, Any] = {
        "traces": traces or None,
        "session": session,
        "user": user,
        "key": of_key,
        "q": query,
        "before": before,
    }
    request = {name: value for name, value in given.items() if value is not None}
    if not request:
        raise InvalidInput(
            "Nothing says what is to be deleted.",
            hint="Give --trace, --session, --user, --of-key, --query or --older-than.",
        )
    _confirm(request, yes=yes)
    client = connect(home, url, key)
    data = client.post(path_of("deletions"), request, {"project": project})
    if wait:
        data = _finished(client, decode(data, _Deletion).id, project, quiet=as_json)
    row = decode(data, _Deletion)
    if as_json:
        print_json(data)
    elif row.state == "done":
        left = "A count at the end found nothing left." if row.verified else "A count at the end found some left."
        say(f"Deleted: {_counts(row)}. {left}")
    else:
        say(f"Deletion {row.id} is on its way; see: penstock data deletions")
    if row.state == "done" and not row.verified:
        raise typer.Exit(Exit.NO)


def _confirm(request: dict[str, Any], *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput("A deletion is for good, and nobody is there to ask.", hint="Add --yes when it is meant.")
    named = ", ".join(f"{name} {_spelled(name, value)}" for name, value in request.items())
    typer.confirm(f"Delete for good what has {named}?", abort=True, err=True)


def _spelled(name: str, value: Any) -> str:
    if name == "before":
        return format_time(value)
    return ", ".join(value) if name == "traces" else str(value)


def _finished(client: ControlClient, id_: str, project: str | None, *, quiet: bool) -> bytes:
    with _progress(quiet=quiet) as show:
        while True:
            data = client.get(path_of("deletions", id_), {"project": project})
            row = decode(data, _Deletion)
            show(row)
            if row.state == "done":
                return data
            time.sleep(POLL_SECONDS)


@contextmanager
def _progress(*, quiet: bool) -> Generator[Callable[[_Deletion], None]]:
    """Shows how far a deletion is, on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - rich takes 50 ms, and most commands need none of it
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - as above

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,} spans"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("deleting", total=None)

        def advance(row: _Deletion) -> None:
            waiting = row.state == "waiting"
            text = "waiting for what is on its way" if waiting else "deleting"
            progress.update(
                task,
                description=text if row.error is None else one_line(row.error),
                completed=row.spans,
                total=None if waiting else max(row.total, row.spans),
            )

        yield advance


def _counts(row: _Deletion) -> str:
    return f"{format_count(row.spans)} spans, {format_count(row.scores)} scores, {format_count(row.lines)} unread lines"


@app.command("deletions")
def list_deletions(
    *,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Rows at most, newest first.")] = 50,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List deletions and how far they are, newest first."""
    data = connect(home, url, key).get(path_of("deletions"), {"project": project, "limit": limit})
    if as_json:
        print_json(data)
        return
    rows = [
        [
            row.id,
            row.state if row.verified is not False else "done, some left",
            format_time(row.requested),
            one_line(row.requested_by),
            format_count(row.spans),
            format_count(row.scores),
            one_line(row.error) or "-",
        ]
        for row in decode(data, Page[_Deletion]).items
    ]
    columns = ["id", "state", "requested", "by", "spans", "scores", "error"]
    print_table(columns, rows, right=("spans", "scores"))


@app.command("retention")
def retention(
    *,
    default: Annotated[
        str | None, typer.Option(metavar="DAYS", show_default=False, help="Days to keep spans, as 90d, or forever.")
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND=DAYS", help="As tool=7d or llm=forever; KIND= forgets it. Repeatable."),
    ] = None,
    scores: Annotated[
        str | None, typer.Option(metavar="DAYS", show_default=False, help="Days to keep scores, as 90d, or forever.")
    ] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show for how long a project keeps what; with options, change it.

    What is older than the policy allows is deleted within the hour, for good.
    """
    client = connect(home, url, key)
    data = client.get(path_of("retention"), {"project": project})
    if default is not None or kinds or scores is not None:
        policy = decode(data, _Retention).policy
        if default is not None:
            policy.default = _days(default, "--default")
        if scores is not None:
            policy.scores = _days(scores, "--scores")
        for given in kinds or ():
            kind, _, days = given.partition("=")
            policy.kinds.pop(kind, None)
            if days:
                policy.kinds[kind] = _days(days, "--kind")
        data = client.put(path_of("retention"), policy, {"project": project})
    if as_json:
        print_json(data)
        return
    state = decode(data, _Retention)
    rows = [["spans", _kept(state.policy.default)]]
    rows += [[f"spans of kind {kind}", _kept(days)] for kind, days in sorted(state.policy.kinds.items())]
    rows.append(["scores", _kept(state.policy.scores)])
    print_table(["what", "kept for"], rows)


def _days(text: str, option: str) -> int | None:
    if text == FOREVER:
        return None
    microseconds = parse_duration(text, option=option)
    if microseconds < DAY or microseconds % DAY:
        raise InvalidInput(f"{option} takes whole days, as 90d, or {FOREVER}; got {text!r}.")
    return microseconds // DAY


def _kept(days: int | None) -> str:
    return "ever" if days is None else f"{format_count(days)} days"


@app.command("disk")
def disk(*, home: HomeOption = None, url: UrlOption = None, key: KeyOption = None, as_json: JsonOption = False) -> None:
    """Show what takes room on the disk, and how many spans each project has."""
    data = connect(home, url, key).get(path_of("system"))
    found = decode(data, _System).disk
    if as_json:
        print_json(found)
        return
    names = [name for name, value in found.items() if name.endswith("_bytes") and isinstance(value, int)]
    rows = [[name.removesuffix("_bytes").replace("_", " "), _megabytes(found[name])] for name in names]
    print_table(["what", "MB"], rows, right=("MB",))
    for row in msgspec.convert(found.get("projects", []), list[_ProjectSpans]):
        say(f"project {row.id}: {format_count(row.spans)} spans")


class _System(msgspec.Struct):
    disk: dict[str, Any]


class _ProjectSpans(msgspec.Struct):
    id: str
    spans: int


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f}"
