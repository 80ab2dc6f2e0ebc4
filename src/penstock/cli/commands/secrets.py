"""`penstock secrets`: set, list, delete, rotate."""

import getpass
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from penstock.cli.client import connect, path_of
from penstock.cli.options import HomeOption, JsonOption, KeyOption, UrlOption
from penstock.cli.output import format_time, print_json, print_table, say
from penstock.cli.records import Page, RotationRow, SecretRow, decode
from penstock.core.errors import InvalidInput, Unavailable

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

MAX_BYTES: Final = 64 * 1024
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the secret.", show_default=False)]


@app.command("list")
def list_secrets(
    *, home: HomeOption = None, url: UrlOption = None, key: KeyOption = None, as_json: JsonOption = False
) -> None:
    """List stored secrets: names, where each may be sent, and who uses it. Values are shown to nobody."""
    data = connect(home, url, key).get(path_of("secrets"))
    if as_json:
        print_json(data)
        return
    rows = [
        [
            row.name,
            ", ".join(row.origins) or "its first provider",
            ", ".join(row.used_by) or "-",
            format_time(row.updated),
            row.updated_by,
            row.master_key,
        ]
        for row in decode(data, Page[SecretRow]).items
    ]
    print_table(["name", "for", "used by", "set", "by", "master key"], rows)


@app.command("set")
def set_secret(
    name: NameArgument,
    *,
    origins: Annotated[
        list[str] | None,
        typer.Option(
            "--for",
            metavar="URL",
            show_default=False,
            help="An address that it may be sent to, repeatable. Default: as before, or that of the first provider "
            "that uses it.",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default=False, help="Read the value from this file. Default: standard input."
        ),
    ] = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store a secret, which penstock.yaml then names as secret:NAME.

    The value is read from standard input, or asked for without being shown; it is never an argument, which other
    users of the machine could read.
    """
    body: dict[str, object] = {"name": name, "value": _value(name, file)}
    if origins:
        body["origins"] = origins
    data = connect(home, url, key).post(path_of("secrets"), body)
    if as_json:
        print_json(data)
        return
    row = decode(data, SecretRow)
    where = ", ".join(row.origins) or "the address of the first provider that uses it"
    say(f"Secret {row.name} is stored for {where}. Refer to it as secret:{row.name}.")


@app.command("delete")
def delete_secret(
    name: NameArgument,
    *,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a secret that no provider uses."""
    connect(home, url, key).delete(path_of("secrets", name))
    if as_json:
        print_json({"name": name, "status": "deleted"})
    else:
        say(f"Secret {name} is deleted.")


@app.command("rotate")
def rotate(
    *, home: HomeOption = None, url: UrlOption = None, key: KeyOption = None, as_json: JsonOption = False
) -> None:
    """Seal all secrets under a new master key. Values stay the same; no call fails meanwhile."""
    data = connect(home, url, key).post(path_of("secrets", "rotate"))
    if as_json:
        print_json(data)
        return
    row = decode(data, RotationRow)
    say(f"Secrets sealed under the master key {row.master_key}: {row.resealed}.")
    if row.kept:
        say(f"Kept for reading until every gateway follows: {', '.join(row.kept)}.")


def _value(name: str, file: Path | None) -> str:
    if file is None and sys.stdin.isatty():
        return getpass.getpass(f"Value of {name}: ")
    try:
        if file is None:
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with file.open("rb") as opened:
                data = opened.read(MAX_BYTES + 1)
        return data.decode("utf-8").rstrip("\r\n")
    except OSError as error:
        raise Unavailable(f"The file {file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        # The codec's own message shows a part of the value.
        raise InvalidInput("Expected the secret as text, and what came is not UTF-8.", field="value") from None
