"""What differs between two bodies, in the form that suits them: text, messages, JSON, rows.

A difference is a JSON object with `type`:

    json      {"type", "change": added|removed|changed, "path", "before", "after"}
    text      {"type", "path", "hunks": [{"before_line", "after_line", "lines": [{"op", "text", "words"}]}]}
    message   {"type", "change", "path", "role", "before_role", "hunks"}
    rows      {"type", "path", "added", "removed", "changed", "unchanged", "rows": [{"change", "id", …}]}

A line's `op` is `same`, `removed` or `added`; `words` marks what differs within a line that was changed, as
`[[op, text], …]`, and is missing where the whole line is new or gone. Lines are numbered from 1.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, cast

__all__ = ["diff_json", "diff_messages", "diff_rows", "diff_text", "text_hunks"]

CONTEXT: Final = 3
MOST_LINES: Final = 20_000
"""Of a text; a longer one is told of as a whole."""
MOST_WORDS: Final = 2_000
"""Of a line; a longer one is told of as a whole."""
MOST_ROWS: Final = 500
"""Rows that a difference lists one by one; all are counted."""
WORD: Final = re.compile(r"\w+|\s+|[^\w\s]")

Difference = dict[str, Any]
_NOTHING: Final = object()


def diff_json(before: Any, after: Any, *, path: str = "") -> list[Difference]:
    """Every value that differs, by path: `a.b[2]`. Lists are compared place by place; long texts by their lines."""
    return list(_json(before, after, path))


def _json(before: Any, after: Any, path: str) -> Iterable[Difference]:
    if _same(before, after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        old, new = cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", after)
        names = [*old, *(name for name in new if name not in old)]
        yield from _places((_child(path, name), old.get(name, _NOTHING), new.get(name, _NOTHING)) for name in names)
    elif isinstance(before, list) and isinstance(after, list):
        pairs = zip_longest(cast("list[Any]", before), cast("list[Any]", after), fillvalue=_NOTHING)
        yield from _places(((f"{path}[{index}]", was, now) for index, (was, now) in enumerate(pairs)))
    elif isinstance(before, str) and isinstance(after, str) and ("\n" in before or "\n" in after):
        yield from diff_text(before, after, path=path)
    else:
        yield _change("changed", path, before=before, after=after)


def _places(places: Iterable[tuple[str, Any, Any]]) -> Iterable[Difference]:
    for place, was, now in places:
        if now is _NOTHING:
            yield _change("removed", place, before=was)
        elif was is _NOTHING:
            yield _change("added", place, after=now)
        else:
            yield from _json(was, now, place)


def diff_text(before: str, after: str, *, path: str) -> list[Difference]:
    """The lines that differ with three around them, and the words within lines that were changed."""
    if before == after:
        return []
    return [{"type": "text", "path": path, "hunks": text_hunks(before, after)}]


def diff_messages(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], *, path: str = "messages"
) -> list[Difference]:
    """What differs between two lists of chat messages: paired by role and likeness, then compared as text.

    `content` may be a text or a list of parts, which are compared as JSON.
    """
    keys = [[_key(message) for message in messages] for messages in (before, after)]
    found: list[Difference] = []
    for op, a1, a2, b1, b2 in difflib.SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_opcodes():
        if op == "equal":
            continue
        paired = min(a2 - a1, b2 - b1)
        for offset in range(paired):
            old, new, place = before[a1 + offset], after[b1 + offset], f"{path}[{b1 + offset}]"
            found.append(_message("changed", place, old, new))
        found += [_message("removed", f"{path}[{index}]", before[index], None) for index in range(a1 + paired, a2)]
        found += [_message("added", f"{path}[{index}]", None, after[index]) for index in range(b1 + paired, b2)]
    return found


def diff_rows(before: Mapping[str, str], after: Mapping[str, str], *, path: str = "rows") -> list[Difference]:
    """What differs between two tables, each given as row id → digest of the row's content."""
    changed = [id_ for id_, digest in after.items() if id_ in before and before[id_] != digest]
    added = [id_ for id_ in after if id_ not in before]
    removed = [id_ for id_ in before if id_ not in after]
    if not (changed or added or removed):
        return []
    rows: list[dict[str, Any]] = [
        *({"change": "changed", "id": id_, "before": before[id_], "after": after[id_]} for id_ in changed[:MOST_ROWS]),
        *({"change": "added", "id": id_, "after": after[id_]} for id_ in added[:MOST_ROWS]),
        *({"change": "removed", "id": id_, "before": before[id_]} for id_ in removed[:MOST_ROWS]),
    ]
    return [
        {
            "type": "rows",
            "path": path,
            "added": len(added),
            "removed": len(removed),
            "changed": len(changed),
            "unchanged": len(after) - len(added) - len(changed),
            "rows": rows[:MOST_ROWS],
        }
    ]


def text_hunks(before: str, after: str) -> list[dict[str, Any]]:
    """The groups of lines of a unified diff."""
    old, new = before.split("\n"), after.split("\n")
    if max(len(old), len(new)) > MOST_LINES:
        lines = [{"op": "removed", "text": before}, {"op": "added", "text": after}]
        return [{"before_line": 1, "after_line": 1, "lines": lines}]
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=len(old) > 2_000)
    hunks: list[dict[str, Any]] = []
    for group in matcher.get_grouped_opcodes(CONTEXT):
        lines: list[dict[str, Any]] = []
        for op, a1, a2, b1, b2 in group:
            if op == "equal":
                lines += [{"op": "same", "text": line} for line in old[a1:a2]]
            else:
                lines += _changed_lines(old[a1:a2], new[b1:b2])
        hunks.append({"before_line": group[0][1] + 1, "after_line": group[0][3] + 1, "lines": lines})
    return hunks


def _changed_lines(old: Sequence[str], new: Sequence[str]) -> list[dict[str, Any]]:
    """Removed lines, then added ones; those that stand across from each other with their words."""
    removed = [{"op": "removed", "text": line} for line in old]
    added = [{"op": "added", "text": line} for line in new]
    for was, now in zip(removed, added, strict=False):
        words = _words(str(was["text"]), str(now["text"]))
        if words is not None:
            was["words"], now["words"] = words  # pyright: ignore[reportArgumentType] - JSON
    return [*removed, *added]


def _words(before: str, after: str) -> tuple[list[list[str]], list[list[str]]] | None:
    """The words of both lines, marked; None where they have too little in common to be read as one line."""
    old, new = WORD.findall(before), WORD.findall(after)
    if max(len(old), len(new)) > MOST_WORDS:
        return None
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < 0.3:
        return None
    left: list[list[str]] = []
    right: list[list[str]] = []
    for op, a1, a2, b1, b2 in matcher.get_opcodes():
        if a2 > a1:
            left.append(["same" if op == "equal" else "removed", "".join(old[a1:a2])])
        if b2 > b1:
            right.append(["same" if op == "equal" else "added", "".join(new[b1:b2])])
    return left, right


def _key(message: Mapping[str, Any]) -> str:
    return repr(sorted(message.items(), key=lambda item: item[0]))


def _message(change: str, path: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Difference:
    old, new = before or {}, after or {}
    was, now = old.get("content"), new.get("content")
    rest = diff_json(
        {name: value for name, value in old.items() if name not in {"role", "content"}},
        {name: value for name, value in new.items() if name not in {"role", "content"}},
    )
    found: Difference = {"type": "message", "change": change, "path": path, "role": (after or old).get("role")}
    if change == "changed":
        found["before_role"] = old.get("role")
    if isinstance(was or "", str) and isinstance(now or "", str):
        found["hunks"] = text_hunks(was or "", now or "") if (was or "") != (now or "") else []
    else:
        rest += diff_json(was, now, path="content")
    if rest:
        found["differences"] = rest
    return found


def _change(change: str, path: str, **values: Any) -> Difference:
    return {"type": "json", "change": change, "path": path, **values}


def _same(before: Any, after: Any) -> bool:
    """Whether two values are one and no container: in Python 1 is True is 1.0; in JSON they are three values."""
    return not isinstance(before, Mapping | list) and type(before) is type(after) and before == after


def _child(path: str, name: str) -> str:
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name) is not None
    if not plain:
        return f"{path}[{name!r}]"
    return f"{path}.{name}" if path else name
