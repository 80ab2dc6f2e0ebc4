"""What `penstock alerts` and `penstock slos` share: rules and objectives out of a file, written by name."""

from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from penstock.cli.client import ControlClient, path_of
from penstock.cli.definitions import read_tree
from penstock.cli.output import print_data, print_json, say
from penstock.cli.records import Page, decode
from penstock.core.errors import InvalidInput

__all__ = ["Kind", "Named", "apply_file", "delete", "find", "specs"]

Kind = Literal["alerts", "slos"]
NOUNS: Final[dict[Kind, str]] = {"alerts": "alert", "slos": "objective"}


class _Spec(msgspec.Struct):
    name: str


class Named(msgspec.Struct):
    """A rule or objective, as far as it is found by its name."""

    id: str
    spec: dict[str, Any]
    state: str = "ok"

    @property
    def name(self) -> str:
        return str(self.spec.get("name", ""))


def specs(file: Path, kind: Kind) -> list[dict[str, Any]]:
    """The rules or objectives of a file: a list under `alerts` or `slos`, or a single one.

    Raises:
        InvalidInput: there is none, or one has no name.
    """
    tree = read_tree(file)
    found: Any = tree.get(kind, [tree] if "name" in tree else None)
    if not isinstance(found, list) or not found:
        raise InvalidInput(f"{file} holds no {kind}.", hint=f"Write a list under `{kind}:`, each with a `name`.")
    try:
        msgspec.convert(found, list[_Spec])
    except msgspec.ValidationError as error:
        raise InvalidInput(f"{file}: each of {kind} is a mapping with a name: {error}.") from error
    return found  # pyright: ignore[reportUnknownVariableType] - as it was written


def find(client: ControlClient, kind: Kind, name: str, project: str | None) -> Named:
    """The one of this name or id.

    Raises:
        InvalidInput: there is none.
    """
    items = decode(client.get(path_of(kind), {"project": project}), Page[Named]).items
    for one in items:
        if name in {one.name, one.id}:
            return one
    raise InvalidInput(f"There is no {NOUNS[kind]} {name!r}; there are: {_names(items)}.")


def delete(client: ControlClient, kind: Kind, name: str, *, project: str | None, as_json: bool) -> None:
    """Delete the one of this name or id, and say so. Raises as `find`."""
    found = find(client, kind, name, project)
    client.delete(path_of(kind, found.id), {"project": project})
    if as_json:
        print_json({"name": found.name, "deleted": True})
    else:
        say(f"The {NOUNS[kind]} {found.name} is deleted.")


def apply_file(
    client: ControlClient,
    kind: Kind,
    wanted: list[dict[str, Any]],
    *,
    project: str | None,
    dry_run: bool,
    as_json: bool,
) -> bool:
    """Write those that are new or differ; whether there were any. What is not in the file is left alone."""
    query = {"project": project}
    known = {one.name: one for one in decode(client.get(path_of(kind), query), Page[Named]).items}
    done: list[dict[str, str]] = []
    for spec in wanted:
        name = str(spec["name"])
        before = known.get(name)
        # Fields that a file leaves out have their defaults; the control API shows them all.
        same = before is not None and all(_fits(before.spec.get(field), value) for field, value in spec.items())
        outcome = "same" if same else "create" if before is None else "update"
        done.append({"name": name, "outcome": outcome})
        if not same and not dry_run:
            if before is None:
                client.post(path_of(kind), spec, query)
            else:
                client.put(path_of(kind, before.id), spec, query)
    if as_json:
        print_json(done)
    else:
        for one in done:
            if one["outcome"] != "same":
                print_data(f"{'+' if one['outcome'] == 'create' else '~'} {one['name']}")
    changed = any(one["outcome"] != "same" for one in done)
    if not changed:
        say(f"Nothing changes: all {kind} are as the file says.")
    return changed


def _fits(shown: Any, written: Any) -> bool:
    if isinstance(written, dict) and isinstance(shown, dict):
        return all(_fits(shown.get(key), value) for key, value in written.items())  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportUnknownArgumentType] - JSON
    return bool(shown == written)


def _names(items: list[Named]) -> str:
    return ", ".join(one.name for one in items) or "none yet"
