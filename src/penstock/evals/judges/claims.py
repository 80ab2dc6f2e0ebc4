"""Judges that take an answer apart: which claims its context supports, which instructions it follows."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, cast

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
from penstock.evals.judges.rubric import texts_of

__all__ = ["Groundedness", "Instructions"]

_GROUNDED: Final = """\
List every claim of fact that the answer makes, each in one sentence that can be understood by itself. For each say
whether the context supports it. What the context does not say is not supported, even if it is true.
{% if input %}
The question:
{{ input }}
{% endif %}
The context:
{{ context }}

The answer:
{{ output }}

For each claim first reason in one sentence, naming what in the context speaks for or against it."""
_FOLLOWED: Final = """\
For each instruction say whether the answer follows it, to the letter. An instruction that the answer had no occasion to
follow counts as followed.

The instructions, numbered:
{{ instructions }}
{% if input %}
The question:
{{ input }}
{% endif %}
The answer:
{{ output }}

For each instruction first reason in one sentence. Give one entry for each instruction, in their order."""
_CONTEXT_NAMES: Final = frozenset({"input", "output", "context", "reference", "conversation", "mark"})
_INSTRUCTION_NAMES: Final = frozenset({"input", "output", "instructions", "mark"})


class _Claim(msgspec.Struct, frozen=True, kw_only=True):
    claim: str
    supported: bool
    reasoning: str = ""


class _Claims(msgspec.Struct, frozen=True, kw_only=True):
    claims: list[_Claim]


class _Followed(msgspec.Struct, frozen=True, kw_only=True):
    followed: bool
    reasoning: str = ""


class _Entries(msgspec.Struct, frozen=True, kw_only=True):
    instructions: list[_Followed]


class Groundedness(Definition, frozen=True, kw_only=True, tag="groundedness"):
    """The share of the answer's claims that its context supports, by a model. `raw` lists the claims.

    An answer without a claim, such as `I do not know`, has 1: it asserts nothing that is not there.
    """

    paid = True

    model: str
    parameters: dict[str, Any] = msgspec.field(default_factory=lambda: {"temperature": 0})
    template: str = _GROUNDED
    """What the judge is told. Names: input, output, context, reference, conversation, mark."""

    def identity(self) -> str:
        return SYSTEM

    def build(self, services: Services) -> Run:
        asked, name = asker(services), self.name or "groundedness"
        check_template(self.template, _CONTEXT_NAMES)
        one = closed_object(
            {"claim": {"type": "string"}, "reasoning": {"type": "string"}, "supported": {"type": "boolean"}}
        )
        schema = closed_object({"claims": {"type": "array", "items": one}})

        async def judge(item: Item, purse: Purse) -> Verdict:
            if not any(part.strip() for part in item.context):
                raise Unscored("The item has no context to be grounded in.")
            mark, texts = texts_of(item, reference=True, context=True)
            request = _request(self, self.template, {**texts, "mark": mark}, schema)
            found, _ = await ask(asked, request, _Claims, purse=purse)
            unsupported = [claim.claim for claim in found.claims if not claim.supported]
            share = 1 - len(unsupported) / len(found.claims) if found.claims else 1.0
            reason = f"Not supported: {' '.join(unsupported)}" if unsupported else None
            return Verdict(share, reason, msgspec.to_builtins(found))

        return _running(judge, name)


class Instructions(Definition, frozen=True, kw_only=True, tag="instructions"):
    """The share of given instructions that the answer follows, by a model (after IFEval; Zhou et al. 2023)."""

    paid = True

    model: str
    instructions: list[str] | None = None
    """None: the item's own, the list `instructions` of its metadata."""
    parameters: dict[str, Any] = msgspec.field(default_factory=lambda: {"temperature": 0})
    template: str = _FOLLOWED
    """What the judge is told. Names: input, output, instructions, mark."""

    def identity(self) -> str:
        return SYSTEM

    def build(self, services: Services) -> Run:
        asked, name = asker(services), self.name or "instructions"
        check_template(self.template, _INSTRUCTION_NAMES)
        if self.instructions is not None and not self.instructions:
            raise InvalidInput("Expected at least one instruction.", field="instructions")
        one = closed_object({"reasoning": {"type": "string"}, "followed": {"type": "boolean"}})
        schema = closed_object({"instructions": {"type": "array", "items": one}})

        async def judge(item: Item, purse: Purse) -> Verdict:
            wanted = self.instructions if self.instructions is not None else _own(item)
            texts = {
                "input": text_of(item.input),
                "output": item.output,
                "instructions": "\n".join(f"{place}. {text}" for place, text in enumerate(wanted, 1)),
            }
            mark, marked = delimited(texts)
            values = {**marked, "input": marked["input"] if texts["input"] else "", "mark": mark}
            found, reply = await ask(asked, _request(self, self.template, values, schema), _Entries, purse=purse)
            if len(found.instructions) != len(wanted):
                raise Unscored(
                    f"The judge spoke of {len(found.instructions)} instructions, not of {len(wanted)}.", raw=reply.text
                )
            broken = [text for text, entry in zip(wanted, found.instructions, strict=True) if not entry.followed]
            reason = f"Not followed: {' '.join(broken)}" if broken else None
            return Verdict(1 - len(broken) / len(wanted), reason, msgspec.to_builtins(found))

        return _running(judge, name)


class _Judging(Protocol):
    async def __call__(self, item: Item, purse: Purse, /) -> Verdict: ...


def _running(judge: _Judging, name: str) -> Run:
    async def run(item: Item) -> list[Judgement]:
        purse = Purse()
        try:
            verdict = await judge(item, purse)
        except Unscored as error:
            return [Judgement(name=name, error=error.reason, cost=purse.cost, raw=error.raw)]
        return [verdict.judgement(name, cost=purse.cost)]

    return run


def _request(
    definition: Groundedness | Instructions, template: str, values: Mapping[str, str], schema: dict[str, Any]
) -> AskRequest:
    return request_of(
        definition.model, render(template, values), schema, mark=values["mark"], parameters=definition.parameters
    )


def _own(item: Item) -> Sequence[str]:
    given: Any = item.metadata.get("instructions")
    if not isinstance(given, list) or not given:
        raise Unscored("The item's metadata has no list of instructions.")
    return [text_of(one) for one in cast("list[Any]", given)]
