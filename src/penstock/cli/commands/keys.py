"""`penstock keys`: create, list, rotate, revoke."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from penstock.cli.client import ControlClient, connect, path_of
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, UrlOption
from penstock.cli.output import format_time, parse_duration, print_data, print_json, print_table, say
from penstock.cli.records import KeyRow, KeySecret, Page, decode
from penstock.core.clock import Clock, SystemClock
from penstock.core.errors import Conflict, InvalidInput, NotFound

__all__ = ["app", "parse_expiry"]

app = typer.Typer(no_args_is_help=True)

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="Id, name or prefix.", show_default=False)]


@app.command("list")
def list_keys(
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a project's keys. Secrets are not stored, so none is shown."""
    data = connect(home, url, key).get(path_of("keys"), {"project": project})
    if as_json:
        print_json(data)
        return
    rows = [
        [
            row.id,
            row.name,
            row.prefix,
            row.status,
            format_time(row.last_used),
            format_time(row.expires),
            ", ".join(row.models) or "all",
            ", ".join(row.scopes),
        ]
        for row in decode(data, Page[KeyRow]).items
    ]
    print_table(["id", "name", "prefix", "status", "last used", "expires", "models", "scopes"], rows)


@app.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for.", show_default=False)],
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCOPE",
            help="A permission, repeatable. Default: what an application needs to call and to send traces and scores.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="A model or alias it may call, repeatable, * allowed. Default: all."),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(metavar="WHEN", show_default=False, help="After a time (30d) or at one (2027-01-31). UTC."),
    ] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a key and print its secret. The secret is shown this once."""
    body: dict[str, object] = {"name": name}
    if scope:
        body["scopes"] = scope
    if model:
        body["models"] = model
    if expires is not None:
        body["expires"] = parse_expiry(expires, SystemClock())
    _print_secret(connect(home, url, key).post(path_of("keys"), body, {"project": project}), as_json=as_json)


@app.command("rotate")
def rotate_key(
    name: KeyArgument,
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a key a new secret and print it. The old one stops working within 2 s."""
    client = connect(home, url, key)
    _print_secret(client.post(path_of("keys", find_key(client, name, project), "rotate")), as_json=as_json)


@app.command("revoke")
def revoke_key(
    name: KeyArgument,
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke a key for good. It stops working within 2 s."""
    client = connect(home, url, key)
    found = find_key(client, name, project)
    client.delete(path_of("keys", found))
    if as_json:
        print_json({"id": found, "status": "revoked"})
    else:
        say(f"Key {found} is revoked.")


def find_key(client: ControlClient, name: str, project: str | None) -> str:
    """The id of the key that `name` means: its id, or the name or prefix of one active key.

    Raises:
        NotFound: no key of that name or prefix in the project.
        Conflict: several.
    """
    if _UUID.fullmatch(name):
        return name
    page = decode(client.get(path_of("keys"), {"project": project}), Page[KeyRow])
    named = [row for row in page.items if name in {row.id, row.name, row.prefix}]
    active = [row for row in named if row.status == "active"] or named
    if not active:
        raise NotFound(f"No key has the id, name or prefix {name!r}.", hint="See: penstock keys list")
    if len(active) > 1:
        ids = ", ".join(row.id for row in active)
        raise Conflict(f"{len(active)} keys are called {name!r}: {ids}.", hint="Give one of these ids.")
    return active[0].id


def parse_expiry(text: str, clock: Clock) -> int:
    """Microseconds since the epoch of `30d` from now, `2027-01-31` or `2027-01-31T12:00:00Z`.

    Raises:
        InvalidInput: neither form, or in the past.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return clock.now() + parse_duration(text, option="--expires")
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    expires = round(aware.timestamp() * 1_000_000)
    if expires <= clock.now():
        raise InvalidInput(f"--expires expects a time to come, got {text}.", field="--expires")
    return expires


def _print_secret(data: bytes, *, as_json: bool) -> None:
    if as_json:
        print_json(data)
        return
    row = decode(data, KeySecret)
    print_data(row.secret)
    say(f"Key {row.name} ({row.id}). The secret above is shown this once; only its hash is stored.")
