"""Which model calls are told of twice: by the application that made them, and by spans below or beside them."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

__all__ = ["Answer", "Kin", "covered", "covered_beside", "doubtful"]

Kin = tuple[int, int, int | None, bool, bool]
"""A span: number of its trace, its id, its parent's id, whether it may be covered (a model span that an application
sent), whether it tells of a model call (a model span, or a call to the gateway)."""

Answer = tuple[int, int, bool, bool, str | None, str | None]
"""A span that tells of a model call: number of its trace, its id, whether it may be covered, whether it stays whatever
comes (the gateway's), the id that the provider gave its answer (`gen_ai.response.id`), and the instrumentation that
wrote it (`otel.scope.name`)."""

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


def doubtful(spans: Collection[Kin], found: set[_Key]) -> set[int]:
    """Numbers of the traces in which a call may be told of twice by spans that lie beside each other.

    Instrumentations that work by callbacks (LangChain's) do not stand above what their call makes: it joins the trace
    at their parent. And two instrumentations may watch the same client.

    Args:
        spans: As for `covered`.
        found: What it returned.
    """
    left = Counter(trace for trace, span, _, candidate, _ in spans if candidate and (trace, span) not in found)
    others = {trace for trace, _, _, candidate, teller in spans if teller and not candidate}
    return {trace for trace, count in left.items() if count > 1 or trace in others}


def covered_beside(answers: Iterable[Answer], found: set[_Key]) -> set[_Key]:
    """Trace number and id of the spans that tell of the same answer as another of their trace, which stays.

    An id that one instrumentation gives to several calls is no id: some servers give the same to all.

    Args:
        answers: The spans of the doubtful traces that tell of a model call.
        found: What is covered by spans below it.
    """
    same: defaultdict[tuple[int, str], list[tuple[_Key, str]]] = defaultdict(list)
    told: set[tuple[int, str]] = set()
    for trace, span, candidate, stays, answer, scope in answers:
        if answer and stays:
            told.add((trace, answer))
        elif answer and candidate and (trace, span) not in found:
            same[trace, answer].append(((trace, span), scope or ""))
    beside: set[_Key] = set()
    for call, group in same.items():
        kept = None if call in told else min(scope for _, scope in group)
        beside.update(key for key, scope in group if scope != kept)
    return beside


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
