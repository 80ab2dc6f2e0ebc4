"""Conditions on text, looked up before anything is counted: which spans hold it, by the index of words.

A question that counts asks its conditions of every span of its time, and of a text this means to unpack all of them;
where very many hold it, a page that somebody waits for is answered from a sample.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlglot import exp

from penstock.store.spans.conditions import Texts, compiled, is_narrow
from penstock.store.spans.engine import Prepared, Read, prepare
from penstock.store.spans.expressions import Values, bind, sql
from penstock.store.spans.filters import PLACE, Filter
from penstock.store.spans.queries.samples import Sample, draw
from penstock.store.spans.queries.search import Candidates, Stretch, searches
from penstock.store.spans.queries.window import Window, closed, within
from penstock.store.spans.tree import And, Node, all_of

__all__ = ["MOST_PLACES", "Found", "lie_apart", "look_up", "looked_up", "sampled"]

MOST_PLACES = 4096
"""Spans that are named by their places; where more hold the text, each is asked with the other conditions."""
NEAR = 10_000_000
"""Microseconds between two stretches that are read rather than to ask twice."""


class Found(NamedTuple):
    """How spans are found that fit."""

    where: Node | None
    """What must hold of them, as of those that were asked for."""
    sample: Sample | None = None
    """Set when only these are to be asked, for the texts are too many."""
    texts: Texts = Texts()
    """How texts are looked for that are still to be."""
    counted: bool = False
    """Whether every span has to be asked, for it must be exact, or they are few or known by their places."""


def looked_up(read: Read, window: Window, where: Node | None, candidates: Candidates | None) -> Node | None:
    """Conditions that hold of the same spans of the window, in which texts are replaced by the places of those.

    They stay as they are where no index tells, where too many spans hold the texts, and where a text may be absent
    rather than present. What comes back is true within the snapshot of `read` alone.
    """
    return look_up(read, window, where, candidates)[0]


def sampled(
    read: Read, window: Window, where: Node | None, candidates: Candidates | None, *, exact: bool = False
) -> Found:
    """As `looked_up`; but where texts stay, with a sample of the spans that can hold them.

    There is none where those are few, nor when it has to be `exact`.
    """
    found, stretches = look_up(read, window, where, candidates)
    whole = closed(read, window)
    if exact or whole is None or found is not where:
        return Found(found, counted=True)
    if not searches(where):
        return Found(found)
    return Found(found, draw(read, whole, stretches), Texts(apart=lie_apart(read, whole)), counted=True)


def look_up(
    read: Read, window: Window, where: Node | None, candidates: Candidates | None
) -> tuple[Node | None, Sequence[Stretch] | None]:
    """As `looked_up`; and where spans can lie that hold texts, if anything is known of it."""
    if candidates is None or where is None or not searches(where):
        return where, None
    terms = where.terms if isinstance(where, And) else (where,)
    texts = all_of(*(term for term in terms if searches(term)))
    whole = closed(read, window)
    stretches = None if whole is None else candidates(read, whole, texts)
    if texts is None or whole is None or stretches is None or not _spares(whole, stretches):
        return where, stretches
    places = _places(read, whole, texts, stretches)
    if places is None:
        return where, stretches
    # Never empty: an engine could not tell of what.
    place = Filter(column=PLACE, operator="in", value=places or [-1])
    return all_of(place, *(term for term in terms if not searches(term))), stretches


def _places(read: Read, window: Window, texts: Node, stretches: Sequence[Stretch]) -> list[int] | None:
    """Where the spans lie that hold the texts; None when they are too many."""
    apart = lie_apart(read, window)
    exactly = Texts(apart=apart)
    narrow = is_narrow(texts)
    # A pattern takes long to make ready, for each question anew: words are looked for first.
    prepared, values = _asked(window, texts, Texts(exactly=False, apart=apart) if narrow else exactly)
    found: list[int] = []
    for low, high in _near(stretches):
        begin, end = max(low, window.from_ or 0), min(high, window.to or high)
        if begin < end:
            found += [place for (place,) in read(prepared, values | {"from": begin, "to": end})]
        if len(found) > MOST_PLACES:
            return None
    if not narrow or not found:
        return found
    likely = Filter(column=PLACE, operator="in", value=found)
    return [place for (place,) in read(*_asked(window, And((likely, texts)), exactly))]


def lie_apart(read: Read, window: Window) -> bool:
    """Whether some texts of the window lie apart from their spans."""
    values: Values = {}
    return bool(read(sql("SELECT 1 FROM payloads LIMIT 1").where(*within(window, values)), values))


def _asked(window: Window, where: Node, texts: Texts) -> tuple[Prepared, Values]:
    """The places of what fits; at most one more than are named."""
    values: Values = {}
    query = exp.select("rowid").from_("spans").where(*within(window, values))
    query = query.where(compiled(where, values, texts=texts))
    return prepare(query.limit(bind(values, MOST_PLACES + 1))), values


def _spares(window: Window, stretches: Sequence[Stretch]) -> bool:
    """Whether the half of the window or more need not be read."""
    return 2 * sum(high - low for low, high in stretches) <= (window.to or 0) - (window.from_ or 0)


def _near(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Neighbours as one, as long as little lies between them."""
    joined: list[Stretch] = []
    for low, high in stretches:
        if joined and joined[-1][0] - high <= NEAR:
            joined[-1] = (low, joined[-1][1])
        else:
            joined.append((low, high))
    return joined
