"""A selection as it is kept between the request and its end."""

from typing import Any

import msgspec

from penstock.store.spans.deletion import Selection
from penstock.store.spans.filters import Filter
from penstock.store.spans.tree import And, Node, Not, Or, Text

__all__ = ["read_selection", "written"]


def written(selection: Selection) -> dict[str, Any]:
    """The selection as JSON values."""
    return msgspec.to_builtins(selection)


def read_selection(data: dict[str, Any]) -> Selection:
    """What `written` gave. Values of conditions may be of several kinds, which only their reader tells apart."""
    tuples = {name: tuple(data.get(name, ())) for name in ("traces", "users", "kinds", "other_kinds")}
    single = {name: data[name] for name in ("session", "key", "before", "spans", "scores") if name in data}
    where = _node(data["where"]) if "where" in data else None
    return Selection(project=data["project"], where=where, **tuples, **single)


def _node(data: dict[str, Any]) -> Node:
    match data["type"]:
        case "and":
            return And(tuple(_node(term) for term in data["terms"]))
        case "or":
            return Or(tuple(_node(term) for term in data["terms"]))
        case "not":
            return Not(_node(data["term"]))
        case "text":
            return msgspec.convert(data, Text)
        case _:
            return Filter(column=data["column"], operator=data["operator"], value=data["value"])
