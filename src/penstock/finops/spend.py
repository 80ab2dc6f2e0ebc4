"""From limits to the areas of the records that they count."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from penstock.finops.ports import UserHash
from penstock.finops.types import Who
from penstock.store.spans.queries.spend import Area
from penstock.wire.limits import Level, LimitEntry, Measure, Window, counter_id

__all__ = ["Names", "area_of", "concerns", "counter_of", "grouped", "is_shared", "who_of"]


class Names(msgspec.Struct, frozen=True):
    """Names of projects, and of keys within a project."""

    projects: Mapping[str, str]
    keys: Callable[[], Mapping[str, str]]

    def of(self, level: Level, who: str) -> str:
        if level == "project":
            return self.projects.get(who, who)
        return self.keys().get(who, who) if level == "key" else who


def is_shared(entry: LimitEntry) -> bool:
    """Whether one of its counters may count calls of several projects."""
    return entry.level == "organisation" or (entry.level in ("user", "tag") and entry.project is None)


def concerns(entry: LimitEntry, project: str, *, keys: Mapping[str, str]) -> bool:
    """Whether the limit may hold for calls of the project.

    Args:
        entry: With ids.
        project: Its id.
        keys: The project's, by id.
    """
    if entry.project not in (None, project):
        return False
    if entry.match is None:
        return True
    if entry.level == "project":
        return entry.match == project
    return entry.level != "key" or entry.match in keys


def grouped(entries: Sequence[LimitEntry]) -> list[list[LimitEntry]]:
    """Limits by name; one that is for several keys of one name stands in the snapshot once for each."""
    found: dict[tuple[str, str], list[LimitEntry]] = {}
    for entry in entries:
        found.setdefault((entry.name, entry.project or ""), []).append(entry)
    return [found[name] for name in sorted(found)]


def area_of(
    entries: Sequence[LimitEntry], *, from_: int, to: int, user_hash: UserHash, project: str | None = None
) -> Area:
    """What limits of one name and level count in a time.

    Args:
        entries: At least one.
        from_: Microseconds since the epoch, inclusive.
        to: Exclusive.
        user_hash: For a user whom a limit names.
        project: Look at its calls only, whatever the limit says.
    """
    first = entries[0]
    tag = ""
    matches: list[str] = []
    for entry in entries:
        match = entry.match
        if entry.level == "tag":
            tag, equals, match = (match or "").partition("=")
            match = match if equals else None
        elif entry.level == "user" and match is not None:
            match = user_hash(match)
        if match is not None:
            matches.append(match)
    every = len(matches) < len(entries)
    return Area(
        level=first.level,
        match=() if every else tuple(dict.fromkeys(matches)),
        tag=tag,
        project=first.project if project is None else project,
        from_=from_,
        to=to,
    )


def counter_of(entry: LimitEntry, area: Area, who: str, *, measure: Measure, window: Window) -> str:
    """The id of the counter that the gateway keeps for whom a row of the area is about."""
    if area.level == "organisation":
        return counter_id(entry, "organisation", measure, window)
    return counter_id(entry, f"{area.level}:{_id(area, who)}", measure, window)


def who_of(area: Area, who: str, names: Names) -> Who:
    return Who(level=area.level, id=_id(area, who), name=names.of(area.level, who) or _id(area, who))


def _id(area: Area, who: str) -> str:
    return f"{area.tag}={who}" if area.level == "tag" else who
