"""Which model calls are told of twice: by the application that made them, and by spans below them."""

from collections.abc import Iterable

__all__ = ["Kin", "covered"]

Kin = tuple[int, int, int | None, bool, bool]
"""A span: number of its trace, its id, its parent's id, whether it may be covered (a model span that an application
sent), whether it tells of a model call (a model span, or a call to the gateway)."""

_Key = tuple[int, int]


def covered(spans: Iterable[Kin]) -> set[_Key]:
    """Trace number and id of the spans that may be covered and have one below them that tells of a model call.

    What lies between does not matter, nor do parents that are missing. A circle of parents is cut where it closes,
    so that one of its spans still counts.
    """
    parents: dict[_Key, _Key | None] = {}
    may: list[_Key] = []
    tell: list[_Key] = []
    for trace, span, parent, candidate, teller in spans:
        key = (trace, span)
        parents[key] = None if parent is None else (trace, parent)
        if candidate:
            may.append(key)
        if teller:
            tell.append(key)
    _cut_circles(parents)
    above: set[_Key] = set()
    for key in tell:
        at = parents[key]
        while at is not None and at not in above:
            above.add(at)
            at = parents.get(at)
    return above.intersection(may)


def _cut_circles(parents: dict[_Key, _Key | None]) -> None:
    done: set[_Key] = set()
    for start in parents:
        path: set[_Key] = set()
        at: _Key | None = start
        last: _Key = start
        while at is not None and at not in done and at in parents:
            if at in path:
                parents[last] = None
                break
            path.add(at)
            last, at = at, parents[at]
        done |= path
