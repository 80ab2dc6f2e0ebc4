"""What differs between two configurations, for people and for programs."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast

import msgspec

from penstock.registry.config.bind import child_path
from penstock.registry.config.limits import limit_document
from penstock.registry.config.load import LoadedConfig
from penstock.registry.config.routes import route_document

__all__ = ["Difference", "describe", "diff", "diff_documents"]

SECTIONS = (
    "providers", "aliases", "routes", "limits", "redis", "prices", "gateway", "journal", "feedback", "stores",
    "telemetry",
)  # fmt: skip


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One value that was added, removed or changed."""

    change: Literal["added", "removed", "changed"]
    path: str
    """`providers.openai.timeouts.connect`."""
    before: Any = None
    """JSON value; None when it was added."""
    after: Any = None
    """JSON value; None when it was removed."""


def diff(old: LoadedConfig, new: LoadedConfig) -> list[Difference]:
    """Every value that differs, in the file's order of sections. Secrets are references in both, so none shows."""
    before, after = (_plain(config) for config in (old, new))
    return [difference for name in SECTIONS for difference in _compare(before[name], after[name], name)]


def diff_documents(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[Difference]:
    """What differs between two documents, such as a route's; None is one that does not exist."""
    return list(_compare(old or {}, new or {}, ""))


def describe(difference: Difference) -> str:
    """One line: `+ providers.vllm`, `- aliases.fast`, `~ gateway.drain: 30.0 → 10.0`."""
    if difference.change == "added":
        return f"+ {difference.path}{_value(difference.after)}"
    if difference.change == "removed":
        return f"- {difference.path}"
    return f"~ {difference.path}: {_text(difference.before)} → {_text(difference.after)}"


def _plain(config: LoadedConfig) -> dict[str, Any]:
    plain = cast("dict[str, Any]", msgspec.to_builtins(config))
    plain["routes"] = {name: route_document(route) for name, route in config.routes.items()}
    plain["limits"] = {limit.name: limit_document(limit) for limit in config.limits}
    # A price has no name of its own; its place in the list matters, because the first match wins.
    plain["prices"] = {str(index): price for index, price in enumerate(plain["prices"])}
    return plain


def _compare(before: Any, after: Any, path: str) -> Iterator[Difference]:
    if before == after:
        return
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        yield Difference(change="changed", path=path, before=before, after=after)
        return
    old, new = cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", after)
    for name in (*old, *(name for name in new if name not in old)):
        place = f"{path}[{name}]" if path == "prices" else child_path(path, name)
        if name not in new:
            yield Difference(change="removed", path=place, before=old[name])
        elif name not in old:
            yield Difference(change="added", path=place, after=new[name])
        else:
            yield from _compare(old[name], new[name], place)


def _value(value: Any) -> str:
    return "" if isinstance(value, Mapping) else f": {_text(value)}"


def _text(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 120 else f"{text[:117]}…"
