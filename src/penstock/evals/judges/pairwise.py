"""A judge that compares two answers, in both orders."""

from typing import Any, Final, Literal

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.definition import Definition, Run, Services
from penstock.evals.evaluators.ports import Ask, AskRequest
from penstock.evals.evaluators.types import Item, Judgement, Unscored
from penstock.evals.judges.asking import Purse, ask, asker
from penstock.evals.judges.prompting import (
    SYSTEM,
    check_template,
    closed_object,
    delimited,
    render,
    request_of,
    text_of,
)
from penstock.evals.statistics.preferences import Comparison, Preference

__all__ = ["Pairwise"]

_TEMPLATE: Final = """\
Which of two answers to the same question is better? By this criterion:
{{ criterion }}
{% if input %}
The question:
{{ input }}
{% endif %}
{%- if context %}
What the answers were to be drawn from:
{{ context }}
{% endif %}
{%- if reference %}
An answer that is known to be right:
{{ reference }}
{% endif %}
The first answer:
{{ first }}

The second answer:
{{ second }}

Neither the order nor the length of the answers counts. Say tie where none is better.
{% if reasoning %}First reason in a few sentences, then give the verdict.{% endif %}"""
_NAMES: Final = frozenset({"criterion", "input", "first", "second", "reference", "context", "reasoning", "mark"})
_SCORE: Final[dict[Preference, float]] = {"a": 1.0, "tie": 0.5, "b": 0.0}


class _Choice(msgspec.Struct, frozen=True, kw_only=True):
    verdict: Literal["first", "second", "tie"]
    reasoning: str = ""


class Pairwise(Definition, frozen=True, kw_only=True, tag="pairwise"):
    """A model says which of two answers is better: 1 the item's, 0 the other, 0.5 a tie.

    Both orders are asked, and where the verdicts differ it is a tie.
    """

    paid = True

    model: str
    criterion: str
    """What is better, for the judge."""
    against: Literal["other", "reference"] = "other"
    """Compare with the baseline's answer, or with the reference."""
    both_orders: bool = True
    reference: bool = True
    """Show the item's reference, where it has one and is not compared with it."""
    context: bool = True
    reasoning: bool = True
    parameters: dict[str, Any] = msgspec.field(default_factory=lambda: {"temperature": 0})
    template: str = _TEMPLATE
    """What the judge is told. Names: criterion, input, first, second, reference, context, reasoning, mark."""

    @property
    def compares(self) -> bool:
        return self.against == "other"

    def identity(self) -> str:
        return SYSTEM

    def build(self, services: Services) -> Run:
        asked, name = asker(services), self.name or "pairwise"
        if not self.criterion.strip():
            raise InvalidInput("Expected what makes an answer better.", field="criterion")
        check_template(self.template, _NAMES)

        async def run(item: Item) -> list[Judgement]:
            purse = Purse()
            try:
                return [await self._judge(item, asked, purse, name)]
            except Unscored as error:
                return [Judgement(name=name, error=error.reason, cost=purse.cost, raw=error.raw)]

        return run

    async def _judge(self, item: Item, asked: Ask, purse: Purse, name: str) -> Judgement:
        other = item.other if self.against == "other" else item.reference
        if other is None:
            raise Unscored("There is no other answer to compare with.")
        theirs = text_of(other)
        first, reply = await ask(asked, self._request(item, item.output, theirs), _Choice, purse=purse)
        replies = [reply.text]
        second = None
        if self.both_orders:
            second, reply = await ask(asked, self._request(item, theirs, item.output), _Choice, purse=purse)
            replies.append(reply.text)
        comparison = Comparison(
            shown_first_a=_FIRST[first.verdict],
            shown_first_b=None if second is None else _SECOND[second.verdict],
            length_a=len(item.output),
            length_b=len(theirs),
        )
        verdict = comparison.verdict or "tie"
        reason = first.reasoning or None
        if second is not None and comparison.shown_first_a != comparison.shown_first_b:
            reason = "The two orders disagree, so it is a tie. " + " / ".join(
                part for part in (first.reasoning, second.reasoning) if part
            )
        return Judgement(
            name=name,
            value=_SCORE[verdict],
            reason=reason,
            cost=purse.cost,
            raw={"comparison": msgspec.to_builtins(comparison), "replies": replies},
        )

    def _request(self, item: Item, first: str, second: str) -> AskRequest:
        shown = self.reference and self.against == "other"
        texts = {
            "input": text_of(item.input),
            "first": first,
            "second": second,
            "reference": text_of(item.reference) if shown else "",
            "context": "\n\n".join(item.context) if self.context else "",
        }
        mark, marked = delimited(texts)
        values = {
            **{one: marked[one] if text or one in {"first", "second"} else "" for one, text in texts.items()},
            "criterion": self.criterion,
            "reasoning": self.reasoning,
            "mark": mark,
        }
        fields: dict[str, Any] = {"verdict": {"type": "string", "enum": ["first", "second", "tie"]}}
        schema = closed_object({"reasoning": {"type": "string"}, **fields} if self.reasoning else fields)
        told = render(self.template, values)
        return request_of(self.model, told, schema, mark=mark, parameters=self.parameters)


_FIRST: Final[dict[str, Preference]] = {"first": "a", "second": "b", "tie": "tie"}
_SECOND: Final[dict[str, Preference]] = {"first": "b", "second": "a", "tie": "tie"}
