"""A tree of conditions as one expression over `spans`, with bound values."""

import re
from collections.abc import Collection, Iterator
from functools import partial
from typing import NamedTuple, assert_never

from sqlglot import exp

from penstock.store.spans.columns import BY_NAME
from penstock.store.spans.expressions import Values, bind, column
from penstock.store.spans.filters import JUDGED, STRUCTURE, SUMMED, Filter, Judged, Scope, condition, long_text
from penstock.store.spans.tree import And, Node, Not, Or, Text, all_of

__all__ = [
    "Texts",
    "compiled",
    "divided",
    "filters_of",
    "is_narrow",
    "known_beside",
    "narrow_first",
    "needs_totals",
    "spaced",
    "words_of",
]

_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, kana, Han and Hangul."""
_ESCAPE = r"\\[a-z]"
"""A line end, say, as JSON writes it."""
_BREAK = r"[^\p{L}\p{N}]"


class Texts(NamedTuple):
    """How texts are looked for."""

    exactly: bool = True
    """If not, all rows that fit are found, and others: the recorded JSON holds each word somewhere. An engine takes
    longer to make ready for a pattern than to search a thousand texts for words.
    """
    apart: bool = True
    """Whether some texts may lie apart from their rows."""


def compiled(
    node: Node,
    values: Values,
    *,
    scope: Scope = "span",
    texts: Texts = Texts(),  # noqa: B008 - immutable
    judged: Judged = JUDGED,
) -> exp.Expr:
    """The tree as an expression; its values are added to `values`.

    Unknown counts as no, under `Not` too: `Not(route = 'batch')` holds where there is no route. What the
    expression gives is true where the tree holds, and false or null elsewhere. Scores are looked for with
    the placeholder `project`, of what there are any.
    """
    inner = partial(compiled, values=values, scope=scope, texts=texts, judged=judged)
    match node:
        case And(terms):
            return exp.paren(exp.and_(exp.true(), *map(inner, terms)))
        case Or(terms):
            return exp.paren(exp.or_(exp.false(), *map(inner, terms)))
        case Not(term):
            if not texts.exactly and any(isinstance(leaf, Text) for leaf in filters_of(term)):
                return exp.true()
            return exp.not_(exp.func("coalesce", inner(term), exp.false()))
        case Filter():
            return condition(node, values, scope=scope, judged=judged)
        case Text():
            return _text(node, values, texts)
        case _:
            assert_never(node)


def is_narrow(node: Node | None) -> bool:
    """Whether looking for the tree's texts inexactly leaves few rows."""
    match node:
        case And(terms):
            return any(is_narrow(term) for term in terms)
        case Or(terms):
            return all(is_narrow(term) for term in terms)
        case Text():
            return any(word.isascii() and word not in STRUCTURE for word in words_of(node.words))
        case _:
            return False


def filters_of(node: Node | None) -> Iterator[Filter | Text]:
    """The leaves of a tree."""
    match node:
        case None:
            return
        case And(terms) | Or(terms):
            for term in terms:
                yield from filters_of(term)
        case Not(term):
            yield from filters_of(term)
        case Filter() | Text():
            yield node
        case _:
            assert_never(node)


def needs_totals(node: Node | None) -> bool:
    """Whether the tree asks for sums over the spans of a row."""
    return any(isinstance(leaf, Filter) and leaf.column in SUMMED for leaf in filters_of(node))


def divided(node: Node | None) -> tuple[Node | None, Node] | None:
    """What the tree asks of a row itself, and what of its sums; None when it asks for no sums, or for either in one
    term.
    """
    terms = node.terms if isinstance(node, And) else () if node is None else (node,)
    sums = all_of(*(term for term in terms if needs_totals(term)))
    mixed = any(isinstance(leaf, Text) or leaf.column not in SUMMED for leaf in filters_of(sums))
    return None if sums is None or mixed else (all_of(*(term for term in terms if not needs_totals(term))), sums)


def known_beside(node: Node | None, fields: Collection[str]) -> Node | None:
    """What the tree asks of these fields alone, of those of its terms that must all hold; None when that is nothing.

    `tags`, `attributes` and `score` stand for any of these.
    """
    terms = node.terms if isinstance(node, And) else () if node is None else (node,)
    return all_of(*(term for term in terms if all(_is_of(leaf, fields) for leaf in filters_of(term))))


def _is_of(leaf: Filter | Text, fields: Collection[str]) -> bool:
    return isinstance(leaf, Filter) and leaf.column.partition(".")[0] in fields


def narrow_first(node: Node | None) -> tuple[Node, Node] | None:
    """What the tree asks of narrow columns of a row, and the rest; None when it is all one or the other.

    Narrow are those that an engine reads quickly, or passes rows over by: no sums, scores, maps, lists, recorded JSON,
    nor what is put together of several columns.
    """
    terms = [(term, all(map(_in_narrow, filters_of(term)))) for term in (node.terms if isinstance(node, And) else ())]
    narrow, rest = (all_of(*(term for term, known in terms if known is told)) for told in (True, False))
    return None if narrow is None or rest is None else (narrow, rest)


def _in_narrow(leaf: Filter | Text) -> bool:
    named = BY_NAME.get(leaf.column) if isinstance(leaf, Filter) and leaf.column not in SUMMED else None
    return named is not None and named.form not in {"json", "tags", "list"}


def words_of(text: str) -> list[str]:
    """Runs of letters and digits, in lower case, as they stand in the text."""
    return _WORD.findall(text.lower())


def spaced(word: str) -> bool:
    """Whether the word's script puts spaces between words; of others any part may be looked for."""
    return _UNSPACED.search(word) is None


def _text(node: Text, values: Values, texts: Texts) -> exp.Expr:
    """The words one after the other. A text without any letter or digit is looked for as it is.

    The recorded JSON is first searched for each word as it lies, which is cheap; where all are found, the
    texts in it are searched for the phrase.
    """
    words = words_of(node.words)
    names = ("input", "output") if node.where == "either" else (node.where,)
    if not words:
        given = (Filter(column=name, operator="contains", value=node.words) for name in names)
        return exp.paren(exp.or_(*(condition(each, values) for each in given)))
    # Beyond ASCII a sender may have written escapes.
    needles = [bind(values, word) for word in words if word.isascii()]
    pattern, near = _patterns(node, words, values) if texts.exactly else (None, None)

    def holds(text: exp.Expr) -> exp.Expr:
        raw = exp.func("lower", text.copy())
        hints: list[exp.Expr] = [exp.func("contains", raw.copy(), needle.copy()) for needle in needles]
        if near is not None:
            hints.append(exp.func("regexp_matches", raw, near.copy()))
        if pattern is not None:
            hints.append(exp.func("regexp_matches", exp.func("message_text", text.copy()), pattern.copy()))
        return exp.and_(exp.not_(exp.Is(this=text.copy(), expression=exp.null())), *hints)

    if not texts.apart:
        return exp.paren(exp.or_(*(holds(column(name)) for name in names)))
    return exp.paren(exp.or_(*(long_text(name, holds, values) for name in names)))


def _patterns(node: Text, words: list[str], values: Values) -> tuple[exp.Expr, exp.Expr | None]:
    """What a text has to match; and what its JSON has to, when that is any use."""
    begin = f"(^|{_BREAK})" if spaced(words[0]) else ""
    end = "" if node.prefix or not spaced(words[-1]) else f"({_BREAK}|$)"
    pattern = bind(values, f"{begin}{f'{_BREAK}+'.join(words)}{end}")
    if len(words) == 1 or not all(word.isascii() for word in words):
        return pattern, None
    return pattern, bind(values, f"({_BREAK}|{_ESCAPE})+".join(words))
