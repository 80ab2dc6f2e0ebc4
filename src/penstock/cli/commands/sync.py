"""`penstock pull`, `penstock push`, `penstock diff`: artifacts as files in a repository."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from penstock.cli.client import connect
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, UrlOption
from penstock.cli.output import Exit, print_data, print_json, say
from penstock.cli.working_copy import Entry, State, WorkingCopy, describe, unified
from penstock.core.errors import Conflict, InvalidInput

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

FolderOption = Annotated[
    Path, typer.Option("--folder", metavar="DIR", help="Folder of the files, with penstock.lock in it.")
]
KindOption = Annotated[
    list[str] | None,
    typer.Option("--kind", metavar="KIND", show_default=False, help="Only this kind; repeatable. Default: all."),
]
ChosenArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", show_default=False, help="Only these: prompts/NAME, or a folder of them."),
]


@app.command()
def pull(
    names: ChosenArgument = None,
    *,
    folder: FolderOption = Path(),
    kind: KindOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Also over what was changed or deleted here.")] = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the newest versions of artifacts into files. What was changed here is left, and named."""
    copy, kinds = _working_copy(folder, kind, home=home, url=url, key=key, project=project)
    wanted = {State.BEHIND, State.ONLY_THERE}
    mine = {State.CONFLICT, State.CHANGED, State.DELETED}
    written: list[Entry] = []
    left: list[Entry] = []
    try:
        for entry in copy.entries(kinds, names or ()):
            if entry.head is not None and (entry.state in wanted or (overwrite and entry.state in mine)):
                pulled, body = copy.fetched(entry)
                copy.write(entry, pulled, body)
                written.append(entry)
            elif entry.state is State.SAME and entry.head is not None:
                _adopt(copy, entry)
            elif entry.state is State.GONE and entry.digest is None:
                copy.forget(entry)
            elif entry.state in {State.CONFLICT, State.DELETED, State.GONE}:
                left.append(entry)
    finally:
        copy.keep()
    if as_json:
        print_json({"written": [_plain(one) for one in written], "left": [_plain(one) for one in left]})
    else:
        for entry in written:
            print_data(f"{describe(State.BEHIND)} {entry.title}")
        for entry in left:
            say(f"{describe(entry.state)} {entry.title}: {_why(entry)}")
        if not written and not left:
            say("Nothing changes: all files are as the server has them.")
    if any(entry.state is State.CONFLICT for entry in left):
        raise typer.Exit(Exit.NO)


@app.command()
def push(
    names: ChosenArgument = None,
    *,
    folder: FolderOption = Path(),
    kind: KindOption = None,
    message: Annotated[str, typer.Option("--message", "-m", metavar="TEXT", help="What the versions say.")] = "",
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="LABEL", show_default=False, help="Move this label to what was saved."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Save nothing; exit with 1 when something would be.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Save over what changed on the server since the pull. Not with --label."),
    ] = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Save files that were changed as new versions. Refused, with nothing saved, where the server has changed since."""
    copy, kinds = _working_copy(folder, kind, home=home, url=url, key=key, project=project)
    if force and label:
        raise InvalidInput(
            "Expected --force or --label, got both: what is saved over somebody's work is looked at before it serves.",
            hint="Push with --force, look at the versions, then move the label.",
        )
    entries = copy.entries(kinds, names or ())
    conflicts = [entry for entry in entries if entry.state is State.CONFLICT]
    if conflicts and not force:
        _show_conflicts(copy, conflicts, as_json=as_json)
        raise typer.Exit(Exit.NO)
    wanted = [entry for entry in entries if entry.state in {State.CHANGED, State.ONLY_HERE, State.CONFLICT}]
    saved: list[dict[str, Any]] = []
    try:
        for entry in [] if dry_run else wanted:
            expected = entry.head.digest if entry.head is not None else None
            pulled = _saved(copy, entry, expected=expected or "", message=message)
            saved.append({**_plain(entry), "version": pulled})
            for one in label or ():
                copy.move_label(entry, one, pulled, reason=message)
        for entry in entries:
            if entry.state is State.SAME and not dry_run:
                _adopt(copy, entry)
    finally:
        copy.keep()
    if as_json:
        print_json({"saved": saved, "would_save": [_plain(one) for one in wanted] if dry_run else []})
    else:
        for entry, number in zip(wanted, [one["version"] for one in saved] or [None] * len(wanted), strict=False):
            print_data(f"{describe(entry.state)} {entry.title}{'' if number is None else f' @ {number}'}")
        if not wanted:
            say("Nothing to save: no file was changed.")
    if dry_run and wanted:
        raise typer.Exit(Exit.NO)


@app.command()
def diff(
    names: ChosenArgument = None,
    *,
    folder: FolderOption = Path(),
    kind: KindOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what differs between files and the server, and on which side it changed; exit with 1 when something does."""
    copy, kinds = _working_copy(folder, kind, home=home, url=url, key=key, project=project)
    found = [entry for entry in copy.entries(kinds, names or ()) if entry.state is not State.SAME]
    if as_json:
        print_json([{**_plain(entry), "diff": _lines(copy, entry)} for entry in found])
    else:
        for entry in found:
            print_data(f"{describe(entry.state)} {entry.title}: {entry.state.value}")
            for line in _lines(copy, entry):
                print_data(line)
    if found:
        raise typer.Exit(Exit.NO)
    if not as_json:
        say("Nothing differs.")


def _working_copy(
    folder: Path,
    kinds: Sequence[str] | None,
    *,
    home: Path | None,
    url: str | None,
    key: str | None,
    project: str | None,
) -> tuple[WorkingCopy, list[str]]:
    from penstock.registry.artifacts.kinds import Kinds, default_kinds  # noqa: PLC0415 - when it is asked
    from penstock.server.artifact_kinds import artifact_kinds  # noqa: PLC0415 - as above

    known = Kinds([*default_kinds(), *artifact_kinds()])
    wanted = [known.get(one.removesuffix("s")).name for one in kinds or known]
    return WorkingCopy(folder, connect(home, url, key), known, project=project), wanted


def _saved(copy: WorkingCopy, entry: Entry, *, expected: str, message: str) -> int:
    try:
        return copy.save(entry, expected=expected, message=message).version
    except Conflict as error:
        if error.code != "head_moved":
            raise
        raise Conflict(
            f"{entry.title} changed on the server at this very moment; it and what follows were not saved.",
            hint="Look at it with penstock diff, and push again.",
            code="head_moved",
        ) from error


def _adopt(copy: WorkingCopy, entry: Entry) -> None:
    """A file and the server agree: that is the version it is."""
    if entry.head is not None and (entry.pulled is None or entry.pulled.digest != entry.head.digest):
        pulled, _ = copy.fetched(entry)
        if pulled.digest == entry.digest:
            copy.note(entry, pulled)


def _show_conflicts(copy: WorkingCopy, conflicts: Sequence[Entry], *, as_json: bool) -> None:
    if as_json:
        print_json({"saved": [], "conflicts": [{**_plain(one), "diff": _lines(copy, one)} for one in conflicts]})
    for entry in conflicts:
        say(f"! {entry.title}: {_why(entry)}")
        for line in _lines(copy, entry) if not as_json else ():
            say(line)
    say("Nothing was saved. Take what changed there (penstock pull --overwrite NAME), or save over it with --force.")


def _lines(copy: WorkingCopy, entry: Entry) -> list[str]:
    """From what the server has to what is here."""
    before = copy.text(entry, copy.fetched(entry)[1]) if entry.head is not None else ""
    after = copy.text(entry, entry.body) if entry.digest is not None else ""
    there = f"{entry.title} (server{'' if entry.head is None else f', version {entry.head.head}'})"
    return unified(before, after, names=(there, f"{entry.title} (file)"))


def _why(entry: Entry) -> str:
    match entry.state:
        case State.CONFLICT if entry.pulled is None:
            return "the server has another one of this name, which was never pulled."
        case State.CONFLICT:
            head = entry.head.head if entry.head is not None else "?"
            return f"changed here, and on the server since version {entry.pulled.version}: it is at {head} now."  # pyright: ignore[reportOptionalMemberAccess] - the case before
        case State.DELETED:
            return "deleted here; --overwrite brings it back."
        case _:
            return "the server has it no longer, or it is archived."


def _plain(entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "name": entry.name,
        "path": str(entry.path),
        "state": entry.state.value,
        "pulled": None if entry.pulled is None else entry.pulled.version,
        "head": None if entry.head is None else entry.head.head,
    }
