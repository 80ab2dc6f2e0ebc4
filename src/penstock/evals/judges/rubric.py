"""A judge that scores one answer by criteria."""

from typing import Any, Final, Literal

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.definition import Definition, Run, Services
from penstock.evals.evaluators.ports import AskRequest
from penstock.evals.evaluators.types import Item, Judgement, Unscored, Verdict
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
from penstock.wire.scoring import check_name

__all__ = ["Criterion", "Rubric", "texts_of"]

_TEMPLATE: Final = """\
Judge the answer by {% if criteria|length == 1 %}this criterion{% else %}each of these criteria, each by itself\
{% endif %}:
{% for one in criteria %}- {{ one.name }}: {{ one.description }} ({{ one.scale }})
{% endfor %}
{%- if input %}
The question:
{{ input }}
{% endif %}
{%- if context %}
What the answer was to be drawn from:
{{ context }}
{% endif %}
{%- if reference %}
An answer that is known to be right. Other words for the same are right too:
{{ reference }}
{% endif %}
The answer to judge:
{{ output }}

Neither its length nor its style counts, unless a criterion names it.
{% if reasoning %}For each criterion, first reason in a few sentences, then give the verdict.\
{% else %}For each criterion, give the verdict only.{% endif %}"""
_NAMES: Final = frozenset({"criteria", "input", "output", "reference", "context", "conversation", "reasoning", "mark"})


class Criterion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    description: str
    """When it is met, or what the ends of the scale mean."""
    scale: Literal["boolean", "1-5", "1-10", "0-1"] | dict[str, float] = "boolean"
    """Labels may stand for numbers: `{"wrong": 0, "partly": 0.5, "right": 1}`."""


class _One(msgspec.Struct, frozen=True, kw_only=True):
    """A judge's verdict by one criterion."""

    verdict: bool | float | str
    reasoning: str = ""


class Rubric(Definition, frozen=True, kw_only=True, tag="rubric"):
    """A model judges the answer by one or several criteria.

    Scales of numbers give numbers as they are; `boolean` gives true or false, labels their numbers.
    """

    paid = True

    model: str
    criteria: list[Criterion]
    reference: bool = True
    """Show the item's reference, where it has one."""
    context: bool = True
    """Show the item's context, where it has one."""
    reasoning: bool = True
    """Let the judge reason before its verdict. What it reasons is kept apart from the verdict."""
    parameters: dict[str, Any] = msgspec.field(default_factory=lambda: {"temperature": 0})
    template: str = _TEMPLATE
    """What the judge is told (MiniJinja). Names: criteria, input, output, reference, context, conversation, reasoning,
    mark."""

    @property
    def judgements(self) -> list[str]:
        name = self.name or "rubric"
        return [f"{name}.{one.name}" for one in self.criteria] if len(self.criteria) > 1 else [name]

    def identity(self) -> str:
        return SYSTEM

    def build(self, services: Services) -> Run:
        asked, name = asker(services), self.name or "rubric"
        self._check()
        schema = self._schema()
        several = len(self.criteria) > 1

        async def run(item: Item) -> list[Judgement]:
            purse = Purse()
            try:
                request = self._request(item, schema)
                found, reply = await ask(asked, request, _Verdicts, purse=purse)
            except Unscored as error:
                return [
                    Judgement(
                        name=f"{name}.{one.name}" if several else name,
                        error=error.reason,
                        cost=purse.cost if place == 0 else None,
                        raw=error.raw,
                    )
                    for place, one in enumerate(self.criteria)
                ]
            return [
                _judgement(
                    one, found.criteria.get(one.name), name=name, several=several,
                    cost=purse.cost if place == 0 else None, raw=reply.text,
                )
                for place, one in enumerate(self.criteria)
            ]  # fmt: skip

        return run

    def _check(self) -> None:
        if not self.criteria:
            raise InvalidInput("Expected at least one criterion.", field="criteria")
        names = [check_name(one.name) for one in self.criteria]
        if len(set(names)) < len(names):
            raise InvalidInput("Two criteria have the same name.", field="criteria")
        for place, one in enumerate(self.criteria):
            if isinstance(one.scale, dict) and len(one.scale) < 2:
                raise InvalidInput("Expected at least two labels.", field=f"criteria[{place}].scale")
        check_template(self.template, _NAMES)

    def _request(self, item: Item, schema: dict[str, Any]) -> AskRequest:
        mark, texts = texts_of(item, reference=self.reference, context=self.context)
        values = {
            **texts,
            "mark": mark,
            "reasoning": self.reasoning,
            "criteria": [
                {"name": one.name, "description": one.description, "scale": _scale_text(one)} for one in self.criteria
            ],
        }
        told = render(self.template, values)
        return request_of(self.model, told, schema, mark=mark, parameters=self.parameters)

    def _schema(self) -> dict[str, Any]:
        parts = {one.name: closed_object(self._fields(one)) for one in self.criteria}
        return closed_object({"criteria": closed_object(parts)})

    def _fields(self, criterion: Criterion) -> dict[str, Any]:
        verdict = {"verdict": _verdict_schema(criterion)}
        return {"reasoning": {"type": "string"}, **verdict} if self.reasoning else verdict


class _Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    criteria: dict[str, _One]


def texts_of(item: Item, *, reference: bool, context: bool) -> tuple[str, dict[str, str]]:
    """The mark, and an item's texts between lines with it; empty where the item has none."""
    texts = {
        "input": text_of(item.input),
        "output": item.output if item.data is None else text_of(item.data),
        "reference": text_of(item.reference) if reference else "",
        "context": "\n\n".join(item.context) if context else "",
        "conversation": "\n\n".join(f"[{one.role}]\n{one.content}" for one in item.messages),
    }
    mark, marked = delimited(texts)
    return mark, {name: marked[name] if text or name == "output" else "" for name, text in texts.items()}


def _judgement(
    criterion: Criterion, found: _One | None, *, name: str, several: bool, cost: int | None, raw: str
) -> Judgement:
    full = f"{name}.{criterion.name}" if several else name
    if found is None:
        return Judgement(name=full, error=f"The judge gave no verdict by {criterion.name!r}.", cost=cost, raw=raw)
    try:
        value = _value(criterion, found.verdict)
    except Unscored as error:
        return Judgement(name=full, error=error.reason, cost=cost, raw=raw)
    return Verdict(value, found.reasoning or None, raw).judgement(full, cost=cost)


def _value(criterion: Criterion, verdict: bool | float | str) -> bool | float:
    """The verdict on the criterion's scale; raises `Unscored` for one that is none of it."""
    if isinstance(criterion.scale, dict):
        for label, number in criterion.scale.items():
            if str(verdict).strip().casefold() == label.casefold():
                return float(number)
        raise Unscored(f"The judge's verdict {str(verdict)[:60]!r} is none of {', '.join(criterion.scale)}.")
    if criterion.scale == "boolean":
        said = _BOOLEANS.get(str(verdict).strip().casefold())
        if said is None:
            raise Unscored(f"The judge's verdict {str(verdict)[:60]!r} is neither true nor false.")
        return said
    low, high = _ENDS[criterion.scale]
    try:
        number = float(verdict) if not isinstance(verdict, bool) else float("nan")
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        raise Unscored(f"The judge's verdict {str(verdict)[:60]!r} is no number from {low:g} to {high:g}.")
    return number


_BOOLEANS: Final = {"true": True, "yes": True, "pass": True, "false": False, "no": False, "fail": False}
_ENDS: Final[dict[str, tuple[float, float]]] = {"1-5": (1, 5), "1-10": (1, 10), "0-1": (0, 1)}


def _scale_text(criterion: Criterion) -> str:
    if isinstance(criterion.scale, dict):
        return f"one of {', '.join(criterion.scale)}"
    if criterion.scale == "boolean":
        return "true or false"
    low, high = _ENDS[criterion.scale]
    return f"a number from {low:g} to {high:g}, the higher the better"


def _verdict_schema(criterion: Criterion) -> dict[str, Any]:
    if isinstance(criterion.scale, dict):
        return {"type": "string", "enum": list(criterion.scale)}
    if criterion.scale == "boolean":
        return {"type": "boolean"}
    whole = criterion.scale != "0-1"
    return {"type": "integer" if whole else "number"}
