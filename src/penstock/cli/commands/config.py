"""`penstock config`: check, show, compare and describe the configuration file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.options import HomeOption, JsonOption
from penstock.cli.output import Exit, print_data, print_json, say
from penstock.core.errors import ConfigError, Unavailable
from penstock.core.home import Home
from penstock.core.settings import default_home

if TYPE_CHECKING:
    from penstock.registry.config import InvalidConfig, LoadedConfig
    from penstock.wire.snapshot import ProviderEntry, Snapshot

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

FileArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", show_default=False, help="Default: penstock.yaml in the home."),
]


@app.command("check")
def check(file: FileArgument = None, *, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Check a file: every error with its line, then what is valid and probably not wanted.

    Exits with 0 when it is valid, 1 when it is not, 2 when it cannot be read.
    """
    from penstock.registry.config import InvalidConfig  # noqa: PLC0415 - the registry, only when it is asked

    path = _path(file, home)
    try:
        loaded = _load(file, path)
    except InvalidConfig as error:
        if as_json:
            print_json({"file": str(path), "valid": False, "errors": _errors(error), "warnings": []})
        else:
            say(str(error))
            say(f"{_count(len(error.errors), 'error')}.")
        raise typer.Exit(Exit.NO) from None
    if as_json:
        print_json({"file": loaded.file, "valid": True, "errors": [], "warnings": loaded.warnings})
        return
    for warning in loaded.warnings:
        say(f"warning: {warning}")
    counts = f"{_count(len(loaded.providers), 'provider')}, {_count(len(loaded.aliases), 'alias')}"
    if loaded.file is None:
        print_data(f"No file at {path}: providers come from the environment ({counts}).")
    else:
        print_data(f"{path} is valid: {counts}.")


@app.command("show")
def show(file: FileArgument = None, *, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show the configuration that a file gives, with its defaults filled in. Secrets stay references."""
    from penstock.registry.config.write import as_document, as_yaml  # noqa: PLC0415 - as above

    loaded = _load(file, _path(file, home))
    if as_json:
        print_json(as_document(loaded))
    else:
        print_data(as_yaml(loaded).rstrip("\n"))


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of the file."""
    from penstock.registry.config.schema import json_schema  # noqa: PLC0415 - as above

    print_json(json_schema())


@app.command("diff")
def compare(file: FileArgument = None, *, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show what a file would change in what is served now.

    Exits with 0 when nothing, 1 when something, 2 when it could not be told.
    """
    from penstock.registry.config.diff import describe, diff  # noqa: PLC0415 - as above
    from penstock.registry.resolve import Names  # noqa: PLC0415 - as above
    from penstock.registry.simulated import SIMULATOR_NAMES  # noqa: PLC0415 - as above
    from penstock.registry.snapshot import config_of  # noqa: PLC0415 - as above

    served = _served(Home(home or default_home()))
    stand_ins = {name: entry for name, entry in served.providers.items() if name in SIMULATOR_NAMES}
    loaded, _ = Names(served.projects, served.keys).resolved(_load(file, _path(file, home), stand_ins=stand_ins))
    differences = diff(config_of(served), loaded)
    if as_json:
        print_json({"snapshot_version": served.version, "differences": differences})
    elif differences:
        for difference in differences:
            print_data(describe(difference))
    else:
        say(f"Nothing differs from what is served (snapshot {served.version}).")
    if differences:
        raise typer.Exit(Exit.NO)


def _count(number: int, noun: str) -> str:
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{ending}"


def _errors(error: "InvalidConfig") -> list[dict[str, object]]:
    return [
        {"file": one.file, "line": one.line, "field": one.field, "message": one.message, "hint": one.hint}
        for one in error.errors
    ]


def _path(file: Path | None, home: Path | None) -> Path:
    return file or Home(home or default_home()).config


def _load(file: Path | None, path: Path, *, stand_ins: "dict[str, ProviderEntry] | None" = None) -> "LoadedConfig":
    """Load a file; one that was named must exist."""
    from penstock.registry.config import load_config  # noqa: PLC0415 - as above

    if file is not None and not file.exists():
        raise ConfigError("The file does not exist.", file=str(file))
    return load_config(path, fallback=stand_ins)


def _served(home: Home) -> "Snapshot":
    from penstock.wire.snapshot import decode_snapshot  # noqa: PLC0415 - as above

    try:
        return decode_snapshot(home.snapshot.read_bytes())
    except OSError as error:
        raise Unavailable(
            f"What is served cannot be told: {home.snapshot}: {error.strerror}.",
            hint="Name the home of a running Penstock with --home.",
        ) from error
