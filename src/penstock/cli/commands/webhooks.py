"""`penstock webhooks`: who is told of what happens to artifacts."""

from typing import Annotated

import msgspec
import typer

from penstock.cli.client import connect, path_of
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, UrlOption
from penstock.cli.output import Exit, format_time, one_line, print_data, print_json, print_table, say
from penstock.core.errors import NotFound
from penstock.sdk.control import ControlClient

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the webhook.", show_default=False)]


class Row(msgspec.Struct):
    id: str
    name: str
    host: str
    events: list[str]
    kinds: list[str]
    enabled: bool
    last_sent: int | None
    last_error: str | None
    secret: str | None = None


class Rows(msgspec.Struct):
    items: list[Row]


class Delivery(msgspec.Struct):
    id: str
    type: str
    status: str
    attempts: int
    created: int
    next_try: int | None
    error: str | None


class Deliveries(msgspec.Struct):
    items: list[Delivery]


class Tested(msgspec.Struct):
    sent: bool
    error: str | None


@app.command("list")
def list_all(
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List webhooks, and how the last try of each went."""
    data = connect(home, url, key).get(path_of("webhooks"), {"project": project})
    if as_json:
        print_json(data)
        return
    rows = msgspec.json.decode(data, type=Rows).items
    cells = [
        [
            row.name,
            row.host,
            " ".join(row.events) or "all",
            " ".join(row.kinds) or "all",
            "on" if row.enabled else "off",
            format_time(row.last_sent),
            one_line(row.last_error),
        ]
        for row in rows
    ]
    print_table(["name", "host", "events", "kinds", "state", "last sent", "error"], cells)


@app.command()
def add(
    name: NameArgument,
    address: Annotated[str, typer.Argument(metavar="URL", help="Where events are posted to.", show_default=False)],
    *,
    event: Annotated[
        list[str] | None, typer.Option("--event", show_default=False, help="Only this event; repeatable.")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", show_default=False, help="Only this kind; repeatable.")
    ] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a webhook, and print the secret that signs what it is sent. It is shown this once."""
    body = {"name": name, "url": address, "events": event or [], "kinds": kind or []}
    data = connect(home, url, key).post(path_of("webhooks"), body, {"project": project})
    if as_json:
        print_json(data)
    else:
        print_data(msgspec.json.decode(data, type=Row).secret or "")


@app.command("test")
def send_test(
    name: NameArgument,
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send an event that says it is a test; exit with 1 when it was not taken."""
    client = connect(home, url, key)
    data = client.post(path_of("webhooks", _id(client, name, project), "test"), None, {"project": project})
    tested = msgspec.json.decode(data, type=Tested)
    if as_json:
        print_json(data)
    else:
        say("It was taken." if tested.sent else tested.error or "It was not taken.")
    if not tested.sent:
        raise typer.Exit(Exit.NO)


@app.command()
def deliveries(
    name: NameArgument,
    *,
    limit: Annotated[int, typer.Option("--limit", help="Rows at most, 1 to 200.")] = 50,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """What was sent, what waits for another try, and what was given up."""
    client = connect(home, url, key)
    path = path_of("webhooks", _id(client, name, project), "deliveries")
    data = client.get(path, {"project": project, "limit": limit})
    if as_json:
        print_json(data)
        return
    rows = msgspec.json.decode(data, type=Deliveries).items
    cells = [
        [row.id, format_time(row.created), row.type, row.status, str(row.attempts), one_line(row.error)] for row in rows
    ]
    print_table(["id", "created", "event", "status", "tries", "error"], cells, right=["tries"])


@app.command()
def retry(
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="Id of a dead delivery.", show_default=False)],
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try a delivery again that was given up."""
    data = connect(home, url, key).post(path_of("webhook-deliveries", delivery, "retry"), None, {"project": project})
    if as_json:
        print_json(data)
    else:
        say("It is tried again.")


@app.command()
def delete(
    name: NameArgument,
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a webhook with its deliveries."""
    client = connect(home, url, key)
    client.delete(path_of("webhooks", _id(client, name, project)), {"project": project})
    if as_json:
        print_json({"name": name, "deleted": True})
    else:
        say(f"The webhook {name} is deleted.")


def _id(client: ControlClient, name: str, project: str | None) -> str:
    rows = msgspec.json.decode(client.get(path_of("webhooks"), {"project": project}), type=Rows).items
    for row in rows:
        if name in {row.name, row.id}:
            return row.id
    known = ", ".join(row.name for row in rows) or "none yet"
    raise NotFound(f"There is no webhook {name}.", hint=f"Webhooks: {known}.", code="webhook_not_found")
