"""What a person looks for, as a tree: what the filter language is parsed to, and what engines compile.

The tree is plain data. Text of a person stands in it as values, and reaches an engine as bound values only.
"""

from typing import Literal

import msgspec

from penstock.store.spans.filters import Filter

__all__ = ["And", "Node", "Not", "Or", "Text", "all_of"]


class Text(msgspec.Struct, frozen=True, kw_only=True, tag="text"):
    """The words stand in what was asked or answered, case ignored.

    Words are runs of letters and digits. Several are a phrase: one after the other, whatever stands between.
    """

    words: str
    prefix: bool = False
    """The last word may go on: `refund*`."""
    where: Literal["input", "output", "either"] = "either"


class And(msgspec.Struct, frozen=True, tag="and"):
    terms: tuple["Node", ...]


class Or(msgspec.Struct, frozen=True, tag="or"):
    terms: tuple["Node", ...]


class Not(msgspec.Struct, frozen=True, tag="not"):
    term: "Node"


Node = And | Or | Not | Filter | Text


def all_of(*terms: Node | None) -> Node | None:
    """Their conjunction, flat; None when there are none, which everything fits."""
    given: list[Node] = []
    for term in terms:
        if isinstance(term, And):
            given += term.terms
        elif term is not None:
            given.append(term)
    if not given:
        return None
    return given[0] if len(given) == 1 else And(tuple(given))
